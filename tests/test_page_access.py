"""The page for everyone: axe finds nothing on any task, at desktop and phone size; ARC puzzles."""

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
from axe_playwright_python.sync_playwright import Axe
from support.boards import CORNER
from support.browser import SIZES, browsing, cell, show, text
from support.server import Running

from gram.serve.app import PAGE

LEVELS: dict[str, list[str]] = json.loads((PAGE / "examples.json").read_text())["arc-1-10"]
NAMES = ("queens-8", "sudoku-4", "coloring-8", "maze-10", "sudoku-boards-4", "arc-1-10")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("page"), *NAMES, "--max-width", "64", "--dtype", "float32")
    yield running
    running.stop()


def violations(page) -> list[str]:
    """What axe finds, one line for each element."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:150]}" for each in found for node in each["nodes"]]


@browsing
@pytest.mark.parametrize(
    ("name", "page"),
    [
        *((name, "phone") for name in NAMES),
        *((name, "desktop") for name in ("queens-8", "sudoku-boards-4", "arc-1-10")),
    ],
    indirect=["page"],
)
def test_axe_finds_nothing(page, server, name):
    """Every task where there is least room; where there is more, one of each form: a puzzle, samples, and ARC."""
    show(page, server, f"task={name}&depth=4")
    for summary in page.locator("summary").locator("visible=true").all():
        summary.click()
    assert violations(page) == []
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    if page.locator("#trajectories button").count():
        page.locator("#trajectories button").first.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@browsing
@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_axe_finds_nothing_in_the_dark_and_where_something_is_wrong(page, server):
    page.emulate_media(color_scheme="dark")
    show(page, server, f"task=queens-8&puzzle={CORNER}")
    page.locator("#as-text summary").click()
    page.fill("#text", "12")
    assert page.inner_text("#error-puzzles") != ""
    assert violations(page) == []
    page.fill("#text", CORNER)
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    assert violations(page) == []


@browsing
def test_axe_finds_nothing_in_the_docs(page, server):
    page.goto(f"{server.url}/docs")
    assert violations(page) == []


@browsing
@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_an_arc_puzzle_gets_two_attempts(page, server):
    show(page, server, "task=arc-1-10")
    page.select_option("#example", LEVELS["easy"][0])
    puzzle = json.loads(LEVELS["easy"][0])
    assert text(page) == LEVELS["easy"][0]
    assert page.locator("#pairs li").count() == len(puzzle["train"])
    assert page.locator("#board [role=gridcell]").count() == 9
    assert page.locator("#all, #many-think").locator("visible=true").count() == 0
    link = page.url
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.inner_text("#verdict").startswith("Two attempts: ")
    assert page.inner_text("#count") == "Attempt 1 is the known output."
    assert page.locator("#distinct li").count() == 2
    known = "\n".join("".join(map(str, row)) for row in puzzle["test"][0]["output"])
    assert page.inner_text("#answer-text") == known
    assert page.locator("#output svg [class^=arc]").count() > 0
    assert page.locator("#trajectories li").count() == 24
    page.locator("#distinct button").nth(1).click()
    assert page.inner_text("#answer-text") != known
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#task option", state="attached")
    assert text(page) == LEVELS["easy"][0]


@browsing
def test_an_arc_grid_is_drawn_written_and_resized(page, server):
    show(page, server, "task=arc-1-10")
    page.locator("#as-text summary").click()
    page.fill("#text", "25d8a9c8 12/30")
    assert page.locator("#board [role=gridcell]").count() == 4
    page.check("#tools input[value='7']")
    cell(page, 3).click()
    assert text(page) == "25d8a9c8 12/37"
    cell(page, 0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("9")
    assert text(page) == "25d8a9c8 12/97"
    assert cell(page, 2).get_attribute("aria-label") == "row 2, column 1: 9 brown"
    page.click("#pad button:has-text('Add column')")
    page.click("#pad button:has-text('Remove row')")
    assert text(page) == "25d8a9c8 120"
    page.click("#undo")
    assert text(page) == "25d8a9c8 120/970"
    page.fill("#text", '{"train": [], "test": [{"input": [[1, 2], [3]]}]}')
    assert "test input 1 is not a grid" in page.inner_text("#error-puzzles")
    page.fill("#text", '{"train": [], "test": [{"input": [[1]]}, {"input": [[2, 2]]}]}')
    page.select_option("#which", index=1)
    assert page.locator("#board [role=gridcell]").count() == 2
