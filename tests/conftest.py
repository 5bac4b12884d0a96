"""Marks of whole files, and the fixtures that several files share; what else they share stands in tests/support."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import arc
from support.browser import CHROMIUM, SIZES
from support.command import SMALL, exit_code, refusal, run
from support.configs import ANSWER, saved
from support.networks import fake
from support.own import CHECK, jsonl, sorting

from gram.config import ArcConfig, Config
from gram.console import evaluation
from gram.console import puzzles as console
from gram.ship.export import export
from gram.solve.reasoner import Reasoner
from gram.train import loop

MARKS = {
    "compile": "arithmetic gpu",
    "slow": "train readme ship reproduce campaign own extend docs generate notebooks long_work rows official mnist arc "
    "bench fitting candidates baselines pretrained processes own_bench track watch report old_files",
    "network": "page page_access schema serve data serve_arc serve_engine web unpack doors",
}
"""Files whose tests all have a mark; single tests have their own. The longest stand first, and run first: then two
processes that take one file after the other end at about the same time."""


def pytest_collection_modifyitems(items):
    order = " ".join(MARKS.values()).split()
    names = {item: item.path.stem.removeprefix("test_") for item in items}
    for item in items:
        for mark, marked in MARKS.items():
            if names[item] in marked.split():
                item.add_marker(mark)
    items.sort(key=lambda item: order.index(names[item]) if names[item] in order else len(order))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Packed bytes hold the time, and two processes must collect the same names."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None


@pytest.fixture
def gram(capsys):
    """Run a command in this process."""
    return lambda *arguments: run(capsys, *arguments)


@pytest.fixture
def refused(gram):
    """Run a command that must be refused; what it said."""
    return lambda *arguments, code=2, most=400: refusal(gram(*arguments), code, most)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """Random weights of sudoku-4."""
    return saved(tmp_path_factory.mktemp("weights") / "four", "sudoku-4")


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> tuple[Path, Path]:
    """Random weights of sudoku-4, and their bundle."""
    folder = tmp_path_factory.mktemp("exported")
    weights = saved(folder / "four", "sudoku-4")
    return weights, export(str(weights), folder / "bundle", say=lambda _: None)


@pytest.fixture
def oracle(monkeypatch) -> None:
    """Weights that know the answers, in the place of those that would be loaded."""

    def load(task, name, dtype):
        config = Config(recipe="oracle", task=task.spec.name, solve=ANSWER)
        return Reasoner(config, fake(task)), name or task.spec.name, Path("nowhere")

    for module in (console, evaluation):
        monkeypatch.setattr(module, "load", load)


@pytest.fixture(scope="module")
def own_runs(tmp_path_factory) -> Path:
    """Two runs of one's own data that know nothing, "without" a check and "with" one; and their check."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "check.py").write_text(CHECK)
    data = jsonl(folder / "a.jsonl", sorting())
    for name, more in (("without", ()), ("with", ("--check", f"{folder}/check.py:check"))):
        assert exit_code("train", "own", "--data", data, *more, "--out", folder / name, *SMALL) == 0
    return folder


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server, request):
    """A page; at the end nothing was written to the console, and nothing asked elsewhere."""
    width, height = SIZES[getattr(request, "param", "desktop")]
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(30_000)
    said, outside = [], []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith((server.url, "data:")) else outside.append(sent.url))
    page.gram_said = said
    yield page
    context.close()
    assert said == []
    assert outside == []


@pytest.fixture(scope="module")
def arc_files(tmp_path_factory) -> ArcConfig:
    """Files of 30 known and 6 asked puzzles within 5 x 5."""
    folder, rng = tmp_path_factory.mktemp("arc"), np.random.default_rng(1)
    (folder / "known.json").write_text(json.dumps(arc.raw(rng, 30)))
    asked = {f"q{name}": value for name, value in arc.raw(rng, 6).items()}
    (folder / "asked.json").write_text(json.dumps(asked))
    return ArcConfig(known=(str(folder / "known.json"),), asked=(str(folder / "asked.json"),), variants=4)


@pytest.fixture(scope="module")
def arc_run(arc_files, tmp_path_factory) -> Path:
    """A run of training on them."""
    return loop.train(arc.config(arc_files), tmp_path_factory.mktemp("run") / "whole")
