"""The report for a browser: the tables of the Markdown cell by cell, links that lead to files, and sorting."""

import re
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from support.browser import SIZES, browsing
from support.places import ROOT
from support.results import MARKUP, figures, write

from gram.report import contents, origins, page, published
from gram.report.grid import DASH, UNEQUAL
from gram.report.results import read

VOID = {"meta", "img", "br"}


@dataclass
class Cell:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    """What the cell says, without what it unfolds."""
    links: list[dict[str, str | None]] = field(default_factory=list)


class Page(HTMLParser):
    """The tables of a page, its links, images and headings; fails where tags do not match."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[Cell]]] = []
        self.captions: list[str] = []
        self.titles: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.sought = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "caption":
            self.captions.append("")
        elif tag == "h3":
            self.titles.append("")
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append(Cell(tag, attributes))
        elif tag == "img":
            self.images.append(attributes)
        elif tag == "a":
            self.links.append(attributes["href"] or "")
            if {"th", "td"} & set(self.open):
                self.tables[-1][-1][-1].links.append(attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "h3" in self.open:
            self.titles[-1] += data
        if "caption" in self.open:
            self.captions[-1] += data
        elif {"th", "td"} & set(self.open) and "details" not in self.open:
            cell = self.tables[-1][-1][-1]
            source = cell.links and "source" in (cell.links[-1].get("class") or "") and "a" in self.open
            cell.text += "" if source else data


def tables_of(markdown: str) -> list[list[list[str]]]:
    """The tables of a Markdown page as the texts of their cells."""
    found, inside = [], False
    for line in markdown.splitlines():
        if line.startswith("|"):
            cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not inside:
                found.append([])
            found[-1].append([re.sub(r"\\(.)", r"\1", unescape(each)).replace("`", "") for each in cells])
        inside = line.startswith("|")
    return [[table[0], *table[2:]] for table in found]


def made(results: Path, out: Path) -> tuple[Page, str]:
    """The page of these results, and its Markdown."""
    assert page.report(results, out) == 0
    return Page((out / page.HTML).read_text(encoding="utf-8")), (out / page.PAGE).read_text(encoding="utf-8")


@pytest.fixture
def tables_only(monkeypatch) -> None:
    monkeypatch.setattr(page, "drawable", lambda: False)


@pytest.fixture
def results(tmp_path) -> Path:
    """GRAM with two seeds and TRM with one, both with the keys that `gram eval` writes."""
    folder = tmp_path / "results"
    for seed, valid in enumerate((0.9, 0.8)):
        write(folder, "queens-8", seed, {"test width=20 depth=4 select=majority": figures(valid, 0.8)})
    key = "test width=20 depth=4 select=majority limit=10 restart_every=12"
    entry = figures(0.5, 0.2, weights="runs/my trm", commit="0123456789abcdef")
    write(folder, "queens-8-trm", 0, {key.replace(" restart_every=12", ""): entry})
    return folder


# what stands in the repository ----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def shipped() -> tuple[Page, str]:
    folder = ROOT / "results" / "report"
    return Page((folder / page.HTML).read_text(encoding="utf-8")), (folder / page.PAGE).read_text(encoding="utf-8")


def test_both_pages_hold_the_same_tables(shipped):
    found, text = shipped
    wanted = tables_of(text)
    assert len(wanted) > 20
    assert [[[cell.text.strip() for cell in row] for row in table] for table in found.tables] == wanted


def test_every_link_resolves(shipped):
    found, _ = shipped
    folder = ROOT / "results" / "report"
    files = {link for link in found.links if not link.startswith("#")}
    assert len(files) > 130
    for link in files:
        if "://" in link:
            assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", link)
        else:
            assert (folder / unquote(urlparse(link).path)).is_file(), link


def test_every_number_leads_to_where_it_comes_from(shipped):
    found, _ = shipped
    numbers = linked = 0
    for table in found.tables:
        for row in table[1:]:
            bare = [c for c in row[1:] if re.match(r"\d", c.text) and not c.links]
            assert not bare or row[0].text.startswith("nano-trm"), [c.text for c in row]
            numbers += sum(bool(re.match(r"\d", c.text)) for c in row[1:])
            linked += sum(bool(c.links) for c in row[1:])
    assert linked > 1000
    assert numbers - linked <= 2


def test_figures_are_in_the_page(shipped):
    found, text = shipped
    assert len(found.images) == len(re.findall(r"^!\[", text, re.M)) > 5
    assert all(image["alt"] and str(image["src"]).startswith("data:image/") for image in found.images)
    raw = (ROOT / "results" / "report" / page.HTML).read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?:https?:)?//(?!arxiv\.org/abs/)', raw)


def test_tables_are_accessible(shipped):
    found, _ = shipped
    assert len(found.captions) == len(found.tables)
    assert all(caption.strip() for caption in found.captions)
    for table in found.tables:
        assert {cell.attributes.get("scope") for cell in table[0]} == {"col"}
        assert all((row[0].tag, row[0].attributes.get("scope")) == ("th", "row") for row in table[1:])
        assert all(cell.tag == "td" for row in table[1:] for cell in row[1:])


def test_unequal_protocols_are_named_in_their_table(shipped):
    found, text = shipped
    said = dict(zip(found.titles, found.captions, strict=False))
    captions = [caption for caption in said.values() if UNEQUAL in caption]
    assert len(captions) == text.count(f"**{UNEQUAL}.**") >= 8
    words = {"3-colorings of 8": "edge probability", "8 queens": "15%", "Maze": "any shortest path"}
    for title, word in words.items():
        assert any(title in caption and word in caption for caption in captions), title
    assert not any("generated 4x4" in caption for caption in captions)


# what is made ---------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("tables_only")
def test_a_value_names_its_file_and_its_command(results, tmp_path):
    found, text = made(results, tmp_path / "out")
    queens = found.tables[0]
    [trm] = [row for row in queens if row[0].text.strip() == "TRM" and row[1].text == "ours"]
    cell = next(c for c in trm if c.text == "50.0")
    assert cell.links[0]["href"] == "../results/queens-8-trm/0.json"
    words = "gram eval queens-8 --weights 'runs/my trm' --split test --width 20 --depth 4 --select majority --limit 10"
    assert cell.links[0]["title"] == "queens-8-trm/0.json"
    [gram] = [row for row in queens if row[0].text.strip() == "GRAM" and row[1].text == "ours"]
    assert [link["href"] for link in gram[0].links] == [f"../results/queens-8/{seed}.json" for seed in (0, 1)]
    assert "mean over 2 files" in str(next(c for c in gram if c.text == "85.0 ± 7.1").links[0]["title"])
    [theirs] = [row for row in queens if row[0].text.strip() == "GRAM" and row[1].text == "published"]
    assert theirs[6].links[0]["href"] == "https://arxiv.org/abs/2605.19376"
    assert all(not c.links for row in queens for c in row if c.text == DASH)
    raw = (tmp_path / "out" / page.HTML).read_text()
    assert f"<code>{escape(words)}</code>" in raw
    assert "seed 0, commit 0123456789ab, tiny, 1 thread(s)" in raw
    assert page.MISSING in unescape(raw)
    assert f"]({page.HTML})" in text


def test_commands_name_only_options_that_exist():
    """Of every measurement in the repository, as `gram eval --help` lists them."""
    import inspect

    from gram.cli import answering
    from gram.config.values import Select
    from gram.console.options import Answering

    known = {*inspect.signature(answering.evaluate).parameters, *Answering.__dataclass_fields__}
    found = [m for result in read(ROOT / "results") for m in contents.measurements([result], result.task)]
    assert len(found) > 130
    for m in found:
        words = origins.command(m).split()
        assert words[:3] == ["gram", "eval", m.result.task]
        assert {word[2:].replace("-", "_") for word in words if word.startswith("--")} <= known
        if "--select" in words:
            assert words[words.index("--select") + 1] in Select.__args__
        assert words[words.index("--depth") + 1] == f"{m.values['depth']}"


def test_published_rows_have_a_source():
    labels = [row.model for task in published.MANY for row in published.many(task)]
    labels += [row.model for task in published.ONE for row in published.one(task)]
    labels += [row[0] for row in published.COST]
    assert {label for label in labels if not published.source(label)} == {"nano-trm: Sudoku 87%; Maze 75%"}
    named = str(published.__doc__)
    assert all(number in named for number in published.SOURCES.values())


@pytest.mark.usefixtures("tables_only")
def test_what_files_say_is_text(results, tmp_path):
    machine = {"cpu": MARKUP, "gpu": None, "threads": 1}
    entry = figures(0.5, 0.5, select=MARKUP, weights='"><b>')
    write(results, "mine", 0, {f"test {MARKUP}": entry}, hardware=machine, commit=MARKUP)
    found, _ = made(results, tmp_path / "out")  # tags match
    raw = (tmp_path / "out" / page.HTML).read_text()
    assert "alert(1)" in raw
    for wrong in ("<script>alert", "\x1b", "<b>", 'href="javascript'):
        assert wrong not in raw
    assert all(link.startswith(("#", "../results/", "https://arxiv.org/abs/")) for link in found.links)


@pytest.mark.usefixtures("tables_only")
def test_a_folder_with_odd_characters_is_linked(results, tmp_path):
    odd = tmp_path / 'a "b" #1%'
    results.rename(odd)
    found, _ = made(odd, tmp_path / "out")
    files = [link for link in found.links if link.startswith("..")]
    assert files
    assert all((tmp_path / "out" / unquote(link)).is_file() for link in files)


@browsing
@pytest.mark.usefixtures("tables_only")
@pytest.mark.parametrize("size", SIZES)
def test_tables_sort_in_a_browser(browser, results, tmp_path, size):
    pytest.importorskip("playwright")
    made(results, tmp_path / "out")
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark")
    shown, said = context.new_page(), []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto((tmp_path / "out" / page.HTML).as_uri())
    table = shown.locator("table").first
    head = table.locator("thead th", has_text="validity %")
    column = "rows => rows.map(row => row.cells[6].firstElementChild.textContent)"

    def values() -> list[str]:
        return table.locator("tbody tr").evaluate_all(column)

    written = values()
    for way, sign in (("ascending", 1), ("descending", -1)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == way
        now = [v for v in values() if v != DASH]
        numbers = [float(v.split()[0]) for v in now]
        assert numbers == sorted(numbers, key=lambda v: sign * v)
        assert values() == now + [DASH] * written.count(DASH)
    head.locator("button").focus()
    shown.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "none"
    assert values() == written
    others = table.locator("thead th:not([aria-sort=none])")
    assert others.count() == 0
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")  # only tables scroll sideways
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 27)"
    table.locator("tbody details summary").first.click()
    assert table.locator("tbody details[open] code").first.is_visible()
    assert said == []
    context.close()


@browsing
@pytest.mark.usefixtures("tables_only")
def test_tables_stand_without_scripts(browser, results, tmp_path):
    pytest.importorskip("playwright")
    made(results, tmp_path / "out")
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto((tmp_path / "out" / page.HTML).as_uri())
    assert shown.locator("thead button").count() == 0
    assert "92.0" not in shown.inner_text("table >> nth=0")
    assert "85.0 ± 7.1" in shown.inner_text("table >> nth=0")
    context.close()
