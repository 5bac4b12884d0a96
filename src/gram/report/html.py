"""The report for a browser: one file with the same tables and figures. Every value links to its results file, or to the
paper that published it; tables sort where JavaScript runs."""

import base64
import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from gram.report.grid import UNEQUAL, Grid, Line, Origin, plain, shortened

STYLE, SORT = (Path(__file__).parent / "browser" / name for name in ("report.css", "sort.js"))
KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
NUMBER = re.compile(r"[-+]?\d")
"""How a value begins."""


class Section(NamedTuple):
    """A table with its title; None if nothing was measured."""

    title: str
    grid: Grid | None


class Figure(NamedTuple):
    """A figure: its caption, its files without .svg and .png, and what to do if it is missing ("" if it is there)."""

    caption: str
    file: Path
    otherwise: str = ""


def html(
    introduction: str,
    sections: Sequence[Section],
    figures: Sequence[Figure],
    missing: str,
    of: Grid | None,
    out: Path,
) -> str:
    """The page. `missing`: why there are no figures. `of`: the results files. Links are relative to the folder
    `out`."""
    named = [*sections, Section("Sources of our results", of)]
    shown = [part for i, section in enumerate(named) for part in tabled(section, f"table-{i}", out)]
    last = shown.pop()
    contents = [f'<li><a href="#table-{i}">{code(section.title)}</a></li>' for i, section in enumerate(named)]
    contents.insert(-1, '<li><a href="#figures">Figures</a></li>')
    drawn = [part for figure in figures for part in drawing(figure)] + [f"<p>{code(missing)}</p>"] * bool(missing)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">\n<title>Report</title>',
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n<h1>Report</h1>",
            f"<p>{code(introduction)}</p>",
            '<nav aria-label="Contents"><details><summary>Contents</summary>',
            f"<ul>{''.join(contents)}</ul></details></nav>",
            "<h2>Tables</h2>",
            *shown,
            '<h2 id="figures">Figures</h2>',
            *drawn,
            last,
            f"</main>\n<script>\n{SORT.read_text(encoding='utf-8')}</script>\n</body>\n</html>\n",
        ]
    )


# tables -----------------------------------------------------------------------------------------------------
def tabled(section: Section, name: str, out: Path) -> list[str]:
    """One table with its title."""
    title, grid = section
    heading = f'<h3 id="{name}">{code(title)}</h3>'
    if grid is None:
        return [f"<section>{heading}<p>Not measured yet.</p></section>"]
    unequal = [f"<strong>{UNEQUAL}.</strong> {code(grid.unequal)}"] if grid.unequal else []
    said = " ".join([*unequal, *map(code, grid.notes)])
    hidden = f'<span class="hidden">{code(title)}.</span>'
    head = "".join(f'<th scope="col">{code(text)}</th>' for text in grid.head)
    rows = "\n".join(row(line, out) for line in grid.lines)
    return [
        f'<section>{heading}\n<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}">\n<table>\n'
        f'<caption>{hidden}<span class="said">{said}</span></caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div></section>"
    ]


def row(line: Line, out: Path) -> str:
    """One row. Its first cell is its heading and lists where the values come from."""
    first, *others = line.cells
    links = [(origin, link(origin.at, out)) for origin in line.origins]
    cells = [f'<th scope="row"><span>{code(first)}</span>{details(links)}</th>']
    for text in others:
        linked = links and NUMBER.match(text)
        cells.append(f"<td>{value(text, links) if linked else f'<span>{code(text)}</span>'}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def value(text: str, links: Sequence[tuple[Origin, str]]) -> str:
    """A value with a link to where it comes from; several files give a mean, and the first is linked."""
    _, address = links[0]
    several = f"mean over {len(links)} files: " if len(links) > 1 else ""
    title = several + ", ".join(plain(origin.name) for origin, _ in links)
    return f'<a href="{escape(address)}" title="{escape(title)}">{code(text)}</a>'


def details(links: Sequence[tuple[Origin, str]]) -> str:
    """All files of a row with their commands, or its paper."""
    if not links:
        return ""
    if not any(origin.command or origin.detail for origin, _ in links):
        return "".join(f' <a class="source" href="{escape(at)}">{code(origin.name)}</a>' for origin, at in links)
    items = []
    for origin, address in links:
        command = f"<br><code>{escape(plain(origin.command))}</code>" if origin.command else ""
        said = f"<br>{code(origin.detail, None)}" if origin.detail else ""
        items.append(f'<li><a href="{escape(address)}">{code(origin.name)}</a>{said}{command}</li>')
    count = f"{len(links)} file{'s' * (len(links) != 1)}"
    return f"<details><summary>{count}</summary><ul>{''.join(items)}</ul></details>"


def link(at: Path | str, out: Path) -> str:
    """The address of a paper, or of a file relative to the page."""
    if isinstance(at, str):
        return at
    return quote(Path(os.path.relpath(at.resolve(), out.resolve())).as_posix())


# figures ----------------------------------------------------------------------------------------------------
def drawing(figure: Figure) -> list[str]:
    """A figure with its data in the page: the smaller of its two files."""
    caption = code(figure.caption)
    if figure.otherwise:
        return [f"<h3>{caption}</h3><p>Not measured yet. {code(figure.otherwise)}</p>"]
    smaller = min((figure.file.with_suffix(kind) for kind in KINDS), key=lambda path: path.stat().st_size)
    data = base64.b64encode(smaller.read_bytes()).decode()
    image = f'<img alt="{escape(figure.caption)}" loading="lazy" src="data:{KINDS[smaller.suffix]};base64,{data}">'
    return [f"<figure>{image}<figcaption>{caption}</figcaption></figure>"]


# text -------------------------------------------------------------------------------------------------------
def code(text: str, longest: int | None = None) -> str:
    """Text of a cell or sentence as HTML, with what stands between backticks as code."""
    parts = re.split(r"`([^`]*)`", shortened(plain(text), longest))
    return "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))
