"""The pages of docs/ become a site without a warning, and every page is in its navigation."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

import gram


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_every_page_is_in_the_navigation():
    named = set(re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= named, sorted(pages - named)


def test_links_of_the_site_lead_somewhere(site):
    broken = []
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # its links count from the root of the site
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if "://" not in link and not link.startswith(("data:", "mailto:")) and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken, broken[:10]


def test_the_report_and_the_reference_are_there(site):
    assert "coverage@20" in (site / "report" / "index.html").read_text(encoding="utf-8")
    assert "TaskSpec" in (site / "api" / "index.html").read_text(encoding="utf-8")


def test_the_reference_has_every_public_name():
    named = set(re.findall(r"^::: ([\w.]+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.M))
    public = {name: module for name, module in gram.PLACES.items()}
    wanted = {module if module == f"gram.{name}" else f"{module}.{name}" for name, module in public.items()}
    assert wanted <= named, wanted - named
    assert {*public, "__version__"} == set(dir(gram))


def test_anchors_lead_somewhere(site):
    """Of a page of the site, and of Markdown as the repository shows it."""
    ids = {page: set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8"))) for page in site.rglob("*.html")}
    broken, checked = [], 0
    for page in ids:
        for path, anchor in re.findall(r'href="([^"#?:]*)#([^"]+)"', page.read_text(encoding="utf-8")):
            to = page if not path else (page.parent / path / "index.html" if path.endswith("/") else page.parent / path)
            if to.resolve() in ids:
                checked += 1
                if anchor not in ids[to.resolve()]:
                    broken.append(f"{page.relative_to(site)}: {path}#{anchor}")
    assert checked > 100
    assert not broken, broken[:10]


# words ----------------------------------------------------------------------------------------------------
WORDS = (
    r"rivals?|flights?|couples?|coupled|coupling|private channel|the house|from nothing|begins? anew|anew|learnt|spelt"
    r"|settles?|settled|settling|one's own|colou?rise\w*|colour\w*|behaviour\w*|neighbour\w*"
    r"|licen[c]e\w*|(?:optimi|normali|quanti|initiali|vectori|minimi|maximi|parameteri)s(?:e|es|ed|er|ers|ing|ation)"
)
"""Words for which the field has another one, or that are British; none has a right use here."""


def pages() -> list[Path]:
    """The source and the documentation, without the log."""
    files = [*(ROOT / "src").rglob("*"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    kinds = {".py", ".md", ".mjs", ".html", ".css"}
    return [p for p in files if p.suffix in kinds and p.name not in ("LOG.md", "CHANGELOG.md")]


def test_one_word_for_one_thing():
    found = []
    for page in pages():
        text = " ".join(page.read_text(encoding="utf-8").split())  # a phrase may run over a line end
        for word in re.finditer(rf"\b(?:{WORDS})\b", text, re.I):
            found.append(f"{page.relative_to(ROOT)}: ... {text[max(0, word.start() - 40) : word.end() + 20]}")
    assert not found, "\n".join(found)


def test_a_pointer_to_the_log_names_an_entry():
    wrong = []
    for page in pages():
        text = re.sub(r"\s+(?:# )?", " ", page.read_text(encoding="utf-8"))
        if page.suffix == ".py" and "LOG.md" in text:
            wrong.append(f"{page.relative_to(ROOT)}: LOG.md without an entry")
        for name, date in re.findall(r"(docs/log/\w+\.md), (\d{4}-\d\d-\d\d)", text):
            log = ROOT / name
            if not log.is_file() or f"\n## {date} " not in log.read_text(encoding="utf-8"):
                wrong.append(f"{page.relative_to(ROOT)}: {name}, {date}")
    assert not wrong, wrong
