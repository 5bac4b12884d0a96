"""Pages of the site that stand elsewhere in the repository: the report, the log, the deviations. mkdocs calls these."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
PAGES = {"report.md": "results/report/report.md", "deviations.md": "DEVIATIONS.md", "log.md": "LOG.md"}
SORTABLE = "results/report/report.html"
"""The report for a browser, which stands in the site as in the repository, as do the results files that it links."""


def on_files(files, config):
    """Add the pages, the figures that the report shows, and the report for a browser."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=linked((ROOT / source).read_text(encoding="utf-8"), source)))
    for figure in sorted((ROOT / "results/report/figures").glob("*.*")):
        files.append(File.generated(config, f"figures/{figure.name}", abs_src_path=str(figure)))
    for path in [ROOT / SORTABLE, *sorted((ROOT / "results").rglob("*.json"))]:
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, **_):
    """Links from a page of docs/ to the files behind PAGES lead to their pages here."""
    for name, source in PAGES.items():
        markdown = markdown.replace(f"](../{source})", f"]({name})")
        markdown = markdown.replace(f"](../../{source})", f"](../{name})")  # from docs/log
    return markdown.replace(f"](../{SORTABLE})", f"]({SORTABLE})")


def linked(text: str, source: str) -> str:
    """Links of a page that moves from `source`: to other pages here where there is one, else plain text."""
    here = {target: name for name, target in PAGES.items()} | {SORTABLE: SORTABLE}
    folder = str(Path(source).parent)

    def link(match: re.Match) -> str:
        target = match[2]
        if "://" in target or target.startswith(("#", "figures/")):
            return match[0]
        path = target if folder == "." else f"{folder}/{target}"
        if path.startswith("docs/"):
            return f"[{match[1]}]({path.removeprefix('docs/')})"
        return f"[{match[1]}]({here[path]})" if path in here else match[1]

    return re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, text)
