"""Before a package is built: the addresses of its repository in pyproject.toml, and in the README whole links.

python deploy/links.py https://host/owner/name [TAG]

A package index shows the README without the files beside it. The repository is known where the package is built, so
that a copy of the project never names another one's.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)]+)\)")


def addresses(at: str) -> dict[str, str]:
    """The links of the project page, by their well-known labels."""
    return {
        "Homepage": at,
        "Documentation": f"{at}/tree/main/docs",
        "Source": at,
        "Issues": f"{at}/issues",
        "Changelog": f"{at}/blob/main/CHANGELOG.md",
    }


def project(text: str, at: str) -> str:
    """pyproject.toml with these links."""
    lines = "".join(f'{label} = "{url}"\n' for label, url in addresses(at).items())
    return text.replace("[project.urls]\n", f"[project.urls]\n{lines}", 1)


def readme(text: str, at: str, tag: str) -> str:
    """The README, whose links to files lead to the repository."""

    def whole(link: re.Match) -> str:
        picture, words, path = link.groups()
        return f"{picture}[{words}]({at}/{'raw' if picture else 'blob'}/{tag}/{path})"

    return LINK.sub(whole, text)


def main(at: str, tag: str = "main") -> None:
    for path, changed in (
        (ROOT / "pyproject.toml", lambda text: project(text, at)),
        (ROOT / "README.md", lambda text: readme(text, at, tag)),
    ):
        path.write_text(changed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
