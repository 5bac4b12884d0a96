"""The page of `gram serve` in a real browser: a real process answers it."""

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")
from support.boards import CORNER
from support.browser import SIZES, browsing, cell, show, text
from support.server import Running

from gram import tasks
from gram.config import Config, ModelConfig, SolveConfig
from gram.serve.app import PAGE
from gram.ship import web

FOUR = "1...............", "1234341221434321"
"""A Sudoku with several answers, and a board."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    names = ("queens-8", "sudoku-4", "coloring-8", "maze-10", "sudoku-boards-4")
    running = Running(tmp_path_factory.mktemp("page"), *names, "--max-width", "64")
    yield running
    running.stop()


def allow(page, status: int) -> None:
    """The browser itself writes to the console that a request was refused."""
    page.gram_said[:] = [line for line in page.gram_said if f"status of {status}" not in line]


# what needs no browser ------------------------------------------------------------------------------------
def test_all_that_the_page_names_is_there():
    named = set(re.findall(r'(?:href|src)="page/([^"]+)"', (PAGE / "index.html").read_text()))
    for path in PAGE.glob("*.mjs"):
        named |= set(re.findall(r'(?:from |import\()"\./([^"]+)"', path.read_text()))
        named |= set(re.findall(r'new URL\("([^"]+)"', path.read_text()))
    assert named | {"index.html"} == {path.name for path in PAGE.iterdir()}


def test_examples_are_puzzles_with_answers():
    examples = json.loads((PAGE / "examples.json").read_text())
    assert {"sudoku-9", "queens-8", "coloring-10", "maze-30", "arc-1-10"} <= set(examples)
    del examples["arc-1-10"]  # tests/test_serve_arc.py
    for name, levels in examples.items():
        task = tasks.task(name)
        assert len(levels) == 3
        for level, puzzles in levels.items():
            for puzzle in puzzles:
                tokens = task.encode(puzzle)
                limit = {"one answer": 2, "several answers": 9}.get(level, 1)
                found = len(task.solutions(tokens, limit=limit))
                assert found == 1 if level == "one answer" else found >= 1, (name, puzzle)
                assert level != "several answers" or 2 <= found < 9


# in the browser -------------------------------------------------------------------------------------------
@browsing
@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_solve(page, server):
    show(page, server, f"task=queens-8&puzzle={CORNER}")
    assert page.locator("#board .fixed").count() == 1
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.locator("#board path.fixed, #board path.found").count() == 8
    assert page.inner_text("#verdict").startswith("Solved")
    assert page.locator("#board .wrong").count() == 0
    assert page.inner_text("#said") != ""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@browsing
def test_all_answers_beside_the_exact_count(page, server):
    show(page, server, f"task=queens-8&puzzle={CORNER}")
    page.click("#all")
    page.wait_for_selector("#answer:not([hidden])")
    found, exist = map(int, re.findall(r"\d+", page.inner_text("#count")))
    assert exist == 4
    assert page.locator("#distinct li").count() == found > 1
    page.locator("#distinct button").nth(1).click()
    assert page.locator("#distinct li.chosen").count() == 1
    assert len(page.inner_text("#answer-text").replace("\n", "")) == 64


@browsing
@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_trajectories_are_watched_and_scrubbed(page, server):
    show(page, server, "task=queens-8&puzzle=" + "/".join(["........"] * 8) + "&depth=6&width=30")
    page.click("#many-think")
    page.wait_for_selector("#answer:not([hidden])")
    steps = int(page.get_attribute("#scrub", "max") or 0)
    assert 2 <= steps <= 6
    assert page.inner_text("#step") == f"{steps} of {steps}"
    assert page.locator("#trajectories li").count() == 24
    assert "24 of 30" in page.inner_text("#more")
    assert page.locator("#trajectories svg .sure4").count() > 0
    assert page.locator("#plots .plot").count() == 2
    votes = [int(text.split()[0]) for text in page.locator("#votes li span").all_inner_texts()]
    assert votes == sorted(votes, reverse=True)
    assert sum(votes) <= 30
    page.focus("#scrub")
    page.keyboard.press("Home")
    assert page.inner_text("#step") == f"1 of {steps}"
    assert page.get_attribute("#scrub", "aria-valuetext") == f"step 1 of {steps}"
    early = page.inner_html("#trajectories")
    page.click("#next")
    assert page.inner_text("#step") == f"2 of {steps}"
    assert page.inner_html("#trajectories") != early
    page.click("#back")
    assert page.inner_html("#trajectories") == early
    page.locator("#trajectories button").nth(3).press("Enter")
    assert page.locator("#trajectories li.chosen").count() == 1
    assert page.locator("#board [class^=sure]").count() > 0
    assert page.evaluate("document.activeElement.dataset.trajectory") == "3"
    page.click("#play")
    page.wait_for_selector(f"#step:text-is('{steps} of {steps}')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@browsing
def test_samples_from_nothing(page, server):
    show(page, server, "task=sudoku-boards-4&n=5&depth=12")
    assert page.locator("#board").is_hidden()
    assert page.locator("#all").is_hidden()
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.inner_text("#verdict").startswith("5 samples")
    assert page.locator("#distinct li").count() == 5
    page.locator("#distinct button").first.click()
    assert len(page.inner_text("#answer-text")) == 16


@browsing
def test_names_and_roles(page, server):
    """What a screen reader needs: a name for everything that can be used, and cells in rows of a grid."""
    show(page, server, f"task=queens-8&puzzle={CORNER}")
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    nameless = """[...document.querySelectorAll("button, input, select, textarea, meter, [role=img], [role=grid]")]
      .filter((each) => each.checkVisibility())
      .filter((each) => !each.labels?.length && !each.matches("[aria-label], [aria-labelledby]"))
      .filter((each) => !each.matches("button:has([aria-label])"))
      .filter((each) => each.tagName !== "BUTTON" || !each.textContent.trim())
      .map((each) => each.outerHTML.slice(0, 120))"""
    assert page.evaluate(nameless) == []
    assert page.get_attribute("#board", "role") == "grid"
    assert page.locator("#board > [role=row] > [role=gridcell][aria-label]").count() == 64
    assert page.locator("#board [tabindex='0']").count() == 1
    twice = (
        "[...document.querySelectorAll('[id]')].map((each) => each.id).filter((id, i, all) => all.indexOf(id) !== i)"
    )
    assert page.evaluate(twice) == []
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


@browsing
@pytest.mark.parametrize("name", ["sudoku-4", "coloring-8", "maze-10"])
def test_every_task_shows_an_example_and_solves(page, server, name):
    show(page, server)
    page.select_option("#task", name)
    levels = json.loads((PAGE / "examples.json").read_text())[name]
    last = list(levels.values())[-1][-1]
    page.select_option("#example", last)
    assert text(page) == last
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    answer = page.inner_text("#answer-text")
    task = tasks.task(name)
    assert "Solved" in page.inner_text("#verdict")
    drawn, count = {
        "sudoku-4": ("text.fixed, #board text.found", 16),
        "coloring-8": ("circle:not(.ink0):not(.back)", 8),
        "maze-10": (".path", answer.count("o")),
    }[name]
    assert page.locator(f"#board {drawn}").count() == count > 0
    assert task.encode(text(page)).shape == (task.spec.length,)


@browsing
def test_keys_alone(page, server):
    show(page, server, f"task=sudoku-4&puzzle={FOUR[0]}")
    page.focus("#board [tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    assert text(page) == "12.............."
    page.keyboard.press("ArrowDown")
    page.keyboard.press("2")
    assert page.locator("#board .wrong").count() == 2
    assert "in conflict" in str(cell(page, 5).get_attribute("aria-label"))
    page.keyboard.press("Delete")
    page.keyboard.press("Control+End")
    page.keyboard.press("3")
    assert text(page) == "12.............3"
    page.focus("#solve")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer:not([hidden])")
    page.focus("#undo")
    page.keyboard.press("Enter")
    assert text(page) == "12.............."
    assert page.locator("#answer").is_hidden()


@browsing
@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_pointer_writes_draws_and_drags(page, server):
    show(page, server, f"task=sudoku-4&puzzle={'.' * 16}")
    cell(page, 6).click()
    page.click("#pad button:has-text('3')")
    assert text(page) == "......3........."
    show(page, server, f"task=queens-8&puzzle={CORNER}")
    cell(page, 0).click()
    cell(page, 12).click()
    assert text(page).split("/")[:2] == ["........", "....Q..."]
    show(page, server, "task=maze-10")
    page.click("#clear")
    page.evaluate("scrollTo(0, 0)")
    path = [cell(page, at).bounding_box() for at in (22, 23, 24)]
    for i, box in enumerate(path):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if not i:
            page.mouse.down()
    page.mouse.up()
    assert text(page).split("/")[2] == "..###....."
    show(page, server, "task=coloring-8&puzzle=1-2")
    page.evaluate("scrollTo(0, 0)")
    box = cell(page, 2).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 40, steps=3)
    page.mouse.up()
    moved = cell(page, 2).bounding_box()
    assert abs(moved["x"] - box["x"]) + abs(moved["y"] - box["y"]) > 5
    assert text(page) == "1-2"
    for vertex in (2, 4):
        cell(page, vertex).focus()
        page.keyboard.press("Enter")
    assert text(page) == "1-2 3-5"


@browsing
def test_paste_upload_and_link(page, server, tmp_path):
    show(page, server, "task=sudoku-4")
    paste = """text => { const data = new DataTransfer(); data.setData("text/plain", text);
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true })); }"""
    page.evaluate(paste, "1..2\n....\n....\n2..1\n")
    assert text(page) == "1..2........2..1"
    assert "puzzle=1..2........2..1" in page.url
    link = page.url
    file = Path(tmp_path / "two.txt")
    file.write_text(f"# two\n{FOUR[0]}\n..3.............\n")
    page.locator("#as-text summary").click()
    page.set_input_files("#file", str(file))
    page.wait_for_selector("#several:not([hidden])")
    assert text(page) == FOUR[0]
    page.select_option("#which", index=1)
    assert text(page) == "..3............."
    page.fill("#text", "12")
    assert "16 cells" in page.inner_text("#error-puzzles")
    assert page.get_attribute("#text", "aria-invalid") == "true"
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("#task option", state="attached")
    assert (page.input_value("#task"), text(page)) == ("sudoku-4", "1..2........2..1")


@browsing
def test_what_the_server_refuses_stands_beside_its_field(page, server):
    show(page, server, f"task=sudoku-4&puzzle={FOUR[0]}&width=65")
    page.click("#solve")
    page.wait_for_selector("#error-width:not(:empty)")
    assert "65" in page.inner_text("#error-width")
    assert page.get_attribute("#option-width", "aria-invalid") == "true"
    page.fill("#option-width", "4")
    page.locator("#as-text summary").click()
    page.fill("#text", "123...4.........")
    page.click("#solve")
    page.wait_for_selector("#error-puzzles:not(:empty)")
    assert page.locator("#answer").is_hidden()
    allow(page, 422)


RUNTIME = """
// In place of onnxruntime-web.
export const env = { wasm: {} };
export class Tensor { constructor(type, data, dims) { Object.assign(this, { data, dims }); } }
export const InferenceSession = {
  create: async (bytes) => ({ inputNames: ["h"], run: runs[new TextDecoder().decode(bytes)] }),
};
const tensor = (n, value = 0) => ({ data: new Float32Array(n).fill(value) });
"""
KNOWS = """
// From the second step on the second trajectory knows the answer.
const ANSWER = [1, 2, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 2, 1];
let steps = 0;
const runs = {
  encoder: async () => { steps = 0; return { e_x: tensor(64) }; },
  step: async ({ h }) => {
    const rows = h.dims[0], logits = tensor(rows * 48);
    if (++steps >= 2) ANSWER.forEach((token, i) => { logits.data[48 + 3 * i + token] = 9; });
    return { h_new: h, l_new: h, logits, halt: tensor(2 * rows, -9), value: tensor(rows, 0.5) };
  },
};
"""
SEARCHES = """
// The first step knows the candidates of the answer.
const ANSWER = [..."1234341221434321"].map(Number);
const runs = {
  encoder: async ({ tokens }) => ({ e_x: tensor(4 * tokens.data.length) }),
  step: async ({ h }) => {
    const rows = h.dims[0], logits = tensor(rows * 96), candidates = tensor(rows * 64, -9);
    ANSWER.forEach((digit, i) => { logits.data[6 * i + digit + 1] = candidates.data[4 * i + digit - 1] = 9; });
    return { h_new: h, logits, candidates, value: tensor(rows, 2) };
  },
};
"""


@contextmanager
def exported(folder: Path, task: str, model: ModelConfig, rows: int, runs: str) -> Iterator[str]:
    """The address of an exported page, with a network of this many rows that knows in place of its graphs."""
    config = Config(recipe="small", task=task, model=model, solve=SolveConfig(halt_threshold=0.0))
    start = np.ones((1, rows, 4), np.float32), np.zeros((1, rows if model.hierarchy else 0, 4), np.float32)
    web.write(folder, tasks.task(task), config, start)
    for name in ("encoder", "step"):
        (folder / f"{name}.onnx").write_text(name)
    (folder / "ort").mkdir()
    (folder / "ort" / "ort.wasm.min.mjs").write_text(RUNTIME + runs)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@browsing
def test_the_exported_page_searches(browser, tmp_path):
    page, said = browser.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    with exported(tmp_path, "sudoku-4", ModelConfig(candidates=True, hierarchy=False), 64, SEARCHES) as address:
        page.goto(f"{address}/#task=sudoku-4&puzzle={FOUR[0]}&width=1")
        page.wait_for_selector("#task option", state="attached")
        page.click("#solve")
        page.wait_for_selector("#answer:not([hidden])")
        assert page.inner_text("#verdict").startswith("Solved")
        assert page.inner_text("#answer-text").replace("\n", "") == FOUR[1]
        assert page.inner_text("#step") == "1 of 1"
    assert said == []
    page.close()


@pytest.fixture
def static(tmp_path) -> Iterator[str]:
    """The page of a bundle for queens."""
    with exported(tmp_path, "queens-4", ModelConfig(), 16, KNOWS) as address:
        yield address


@browsing
def test_the_exported_page_answers_without_a_server(browser, static):
    page = browser.new_page()
    said, outside = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith((static, "data:")) else outside.append(sent.url))
    page.goto(f"{static}/#task=queens-4&puzzle=..../..../..../....")
    page.wait_for_selector("#task option", state="attached")
    page.click("#solve")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.inner_text("#verdict").startswith("Solved")
    assert page.inner_text("#answer-text") == ".Q..\n...Q\nQ...\n..Q."
    assert page.inner_text("#step") == "2 of 2"
    assert page.locator("#trajectories li.valid").count() == 1
    page.locator("#options summary").click()
    page.fill("#option-width", "0")
    page.click("#solve")
    page.wait_for_selector("#error-width:not(:empty)")
    assert said == []
    assert outside == []
    page.close()
