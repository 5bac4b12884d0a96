"""Posterior leakage and collapsed diversity: how they are seen, and what the run does."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gram import tasks
from gram import weights as weight_files
from gram.recipes import change, recipe
from gram.tasks.own.learn import describe
from gram.tasks.spec import Examples
from gram.train import checkpoint, loop, monitor, watch
from gram.train.budget import Progress

SMALL = {"width": 32, "hidden": 32, "mixer_hidden": 16, "guidance_hidden": 32}


def walks(path: Path, count: int = 2000) -> Path:
    """Six digits mod 10 in steps of +1, +3 or +7, two to four of them hidden; one target each."""
    rng = np.random.default_rng(0)
    whole = np.cumsum(np.c_[rng.integers(0, 10, count), rng.choice([1, 3, 7], (count, 5))], axis=1) % 10
    rows = []
    for row in whole:
        hidden = rng.choice(6, rng.integers(2, 5), replace=False)
        shown = "".join("?" if i in hidden else str(d) for i, d in enumerate(row))
        rows.append({"input": shown, "target": "".join(map(str, row))})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_an_answer_can_hold():
    """Two positions: one is copied, one of four symbols that the input says nothing about; the answer begins behind a
    padded position."""
    x = np.tile(np.array([[5, 1, 1]], np.uint8), (8, 1))
    y = np.array([[0, 7, 2 + i % 4] for i in range(8)], np.uint8)
    assert watch.plain_nats(tasks.task("sudoku-4"), Examples.single(x, y)) == pytest.approx(math.log(4))
    x[:, 2] = y[:, 2]  # now the input has it
    assert watch.plain_nats(tasks.task("sudoku-4"), Examples.single(x, y)) == pytest.approx(0.0)


LEAK = {"posterior_accuracy": 0.7, "prior_validity": 0.0, "kl_by_step": [9.0, 9.0]}


@pytest.mark.parametrize(
    ("share", "changes", "seen"),
    [
        (0.5, {}, True),
        (0.05, {}, False),  # too early
        (0.5, {"prior_validity": 0.3}, False),  # samples are right
        (0.5, {"posterior_accuracy": 0.2}, False),  # nothing is learnt yet
        (0.5, {"kl_by_step": [9.0, 4.0]}, False),  # no more than an answer holds: there may be many right ones
    ],
)
def test_a_leak_is_seen(share, changes, seen):
    text = watch.leak(share, LEAK | changes, 13.8)
    assert (text is not None) == seen
    assert text is None or ("70%" in text and "18.0 nats" in text and "13.8" in text)


def test_the_cure_has_one_transition_and_tells_little():
    c = change(recipe("own"), model={"T": 3}, train={"beta": 0.05})
    cured = watch.cured(c)
    assert cured is not None
    assert (cured.model.T, cured.train.beta, cured.train.beta_warmup) == (1, pytest.approx(4.2), 0.2)
    assert watch.cured(cured) is None
    dear = watch.cured(recipe("own"))  # whose beta lets the posterior tell a little more
    assert dear is not None
    assert dear.train.beta == pytest.approx(4.2)
    assert watch.widened(c).train.beta == pytest.approx(0.035)


def test_the_rest_of_the_run_is_a_run():
    c = change(recipe("own"), train={"updates": 100, "minutes": None})
    again = Progress(update=20, seconds=30.0).again()
    assert again.share(c) == 0.0
    again.update = 60
    assert again.share(c) == pytest.approx(0.5)


def test_a_leak_is_cured_by_the_run(tmp_path, caplog):
    """Three transitions of which the last is guided, and a KL that costs next to nothing."""
    c = change(
        recipe("own"),
        model=SMALL | {"T": 3},
        train={"minutes": None, "updates": 900, "beta": 0.05, "beta_warmup": 0.0, "batch": 32, "compile": False}
        | {"answers": "many", "evaluate_every": 1e9, "save_every": 1e9, "dtype": "float32"},
    )
    c = describe(replace(c, data=(str(walks(tmp_path / "walks.jsonl")),)), None)
    run = loop.train(c, tmp_path / "run", stop_at=230)
    told = [line for line in caplog.text.splitlines() if "Posterior leakage:" in line]
    assert len(told) == 1
    written = weight_files.read(run)
    assert (written.model.T, written.train.beta) == (1, pytest.approx(4.2))
    state = checkpoint.newest(run, written)
    assert 0 < state["progress"]["begun"] < state["progress"]["update"] == 230
    loop.train(written, run, resume=True, stop_at=231)


def test_collapsed_diversity_lowers_beta_once(tmp_path, monkeypatch):
    held = []
    begin = loop._loop
    monkeypatch.setattr(loop, "_loop", lambda run, *rest: (held.append(run), begin(run, *rest))[1])
    monkeypatch.setattr(monitor.Monitor, "review", lambda self, progress: (0.0, 1.0))
    monkeypatch.setattr(loop, "fit_heads", lambda model, task, config, *_: config)
    c = change(
        recipe("own"),
        model=SMALL,
        train={"minutes": None, "updates": 4, "beta": 2.0, "batch": 8, "compile": False, "evaluate_every": 0.0}
        | {"answers": "many"},
    )
    c = describe(replace(c, data=(str(walks(tmp_path / "walks.jsonl", 200)),)), None)
    loop.train(c, tmp_path / "run")
    assert held[0].config.train.beta == pytest.approx(1.4)
    assert weight_files.read(tmp_path / "run").train.beta == pytest.approx(1.4)
