"""How far long work is, and how long it will take: guesses of the time to come, bars and lines, measurements."""

import json
import re
import sys
from typing import Any

import numpy as np
import pytest
from support.boards import FOUR as BOARDS
from support.command import SMALL, Terminal
from support.networks import QUEENS, fake

from gram.measure.passes import Pass, mean_cost
from gram.measure.puzzles import Status, evaluate
from gram.progress import Bar, Lines, Progress, Snapshot, progress
from gram.reproduce.processes import Job
from gram.reproduce.run import going
from gram.solve.options import SamplingOptions
from gram.solve.outlook import Outlook


# measuring ------------------------------------------------------------------------------------------------
def test_a_measurement_says_how_far_it_is():
    examples = QUEENS.examples("train", count=60)
    seen: list[Status] = []
    figures = evaluate(
        *((fake(QUEENS, delay=6, wrong=0.5), QUEENS), examples),
        **{"width": 6, "depth": 12, "select": "checked"},
        watch=lambda status: seen.append(status()),
    )
    first, last = seen[0], seen[-1]
    assert (first.over, first.puzzles, first.sure) == (0, 60, False)
    assert first.left is not None
    assert last.over >= 59
    assert last.sure
    assert last.left is not None
    assert last.left < 0.2 * last.seconds
    assert last.metrics["valid"] == pytest.approx(figures.valid, abs=0.02)
    assert {"valid", "selected_valid", "checked"} == last.metrics.keys()
    half = next(status for status in seen if status.over >= 30)
    assert half.metrics["checked"] == pytest.approx(figures.checked, abs=0.15)


def test_the_guess_of_a_pass_holds_from_early_on():
    """Where time is function evaluations: within 30% from when it is sure."""
    examples = QUEENS.examples("train", count=100)
    ticking, guesses = Ticking(), []
    options = SamplingOptions(width=10, depth=40, rows=60)
    run = Pass(fake(QUEENS, delay=12), QUEENS, examples.inputs, options, watch=lambda: None, clock=ticking)

    def watch() -> None:
        ticking.now = run.evaluations
        if run.sure and run.over < len(examples):
            guesses.append(run.all_seconds)

    run.watch = watch
    assert sorted(i for i, _ in run) == list(range(100))
    assert len(guesses) > 10
    assert all(0.7 < guess / ticking.now < 1.3 for guess in guesses), (guesses, ticking.now)


@pytest.mark.parametrize("want", [None, 1])
def test_the_guess_of_a_pass_follows_the_machine(want):
    """The first third of the work takes four times as long, as beside another program; then the estimate is right
    again once as much has been done without it."""
    examples = QUEENS.examples("train", count=400)
    work = pace_run(examples, want, float).evaluations
    busy = work / 3

    def clock(done: int) -> float:
        return float(done + 3 * min(done, busy))

    guesses: list[tuple[float, float]] = []
    pace_run(examples, want, clock, guesses)
    after = [(left, clock(work) - now) for left, now in guesses if 2 * busy <= now - 3 * busy < 0.9 * work]
    assert len(after) > 3
    assert all(0.7 < left / true < 1.3 for left, true in after), after


def pace_run(examples, want, clock, guesses=None) -> Pass:
    """A pass through boards on a machine where `clock` gives the seconds of so many function evaluations."""
    options = SamplingOptions(width=10, depth=40, rows=20, want=want, select="checked")
    network = fake(QUEENS, delay=12, wrong=0.3)
    run = Pass(network, QUEENS, examples.inputs, options, watch=lambda: None, clock=lambda: clock(run.evaluations))

    def watch() -> None:
        if guesses is not None and run.sure and run.all_seconds is not None:
            guesses.append((run.all_seconds - run.seconds, run.seconds))

    run.watch = watch
    assert sorted(i for i, _ in run) == list(range(len(examples)))
    return run


def test_the_mean_of_costs_of_which_some_are_not_known_yet():
    rng = np.random.default_rng(0)
    whole = rng.geometric(0.02, 4000).astype(float)
    seen = rng.integers(1, 150, 4000)
    costs, over = np.minimum(whole, seen), whole <= seen
    costs[3000:], over[3000:] = 0, False  # they have not begun
    assert costs[:3000].mean() < 40
    assert mean_cost(costs, over, 1000.0) == pytest.approx(whole.mean(), rel=0.06)
    assert mean_cost(np.array([10.0, 0.0]), np.array([True, False]), 1000.0) == 10.0
    assert mean_cost(np.array([10.0, 30.0]), np.array([True, True]), 1000.0) == 20.0
    few = np.array([10.0, 12.0, 30.0, 40.0]), np.array([True, True, True, False])
    assert 10 + 0.75 * 2 + 0.5 * 18 + 0.25 * 10 < mean_cost(*few, 100.0) < 10 + 0.75 * 2 + 0.5 * 18 + 0.25 * 70
    hard = np.array([10.0, 10.0, 10.0, 300.0]), np.array([True, True, True, False])  # it may well take all that it may
    assert mean_cost(*hard, 1280.0) == pytest.approx(10 + 0.25 * 1270)


class Ticking:
    """A clock that somebody else moves."""

    now = 0

    def __call__(self) -> float:
        return float(self.now)


def test_a_row_in_flight_counts_for_what_it_shows():
    outlook = Outlook(rows=10, depth=4)
    assert outlook.steps() == 4.0  # nothing has ended yet
    outlook.at_risk, outlook.ended = np.array([0, 10, 5, 0, 0]), np.array([0, 5, 0, 0, 0])
    outlook.evaluations = 15
    assert outlook.steps() == 1 + 0.5 * 3
    assert (outlook.over, outlook.share) == (5, 0.6)


def test_the_mean_of_steps_holds_from_a_tenth_of_the_work():
    """Rows end by chance, as those of graphs do: the bound is far off, the estimate is not."""
    rng, rows, active, depth = np.random.default_rng(0), 2000, 256, 48
    whole = np.minimum(rng.geometric(0.12, rows), depth)
    outlook, age, begun = Outlook(rows, depth), np.zeros(rows, int), active
    going, seen = np.arange(active), {}
    while len(going):
        age[going] += 1
        over = age[going] == whole[going]
        outlook.evaluations += len(going)
        outlook.at_risk += np.bincount(age[going], minlength=depth + 1)
        outlook.ended += np.bincount(age[going][over], minlength=depth + 1)
        more = min(rows - begun, over.sum())
        going, begun = np.append(going[~over], np.arange(begun, begun + more)), begun + more
        seen[outlook.evaluations / whole.sum()] = outlook.steps(), outlook.steps(most=True)
    guesses = [guess / whole.mean() for share, (guess, _) in seen.items() if share > 0.1]
    assert len(guesses) > 20
    assert all(0.75 < guess < 1.25 for guess in guesses), guesses
    assert max(most for share, (_, most) in seen.items() if share > 0.1) > 1.5 * whole.mean()


def test_time_limits_of_a_measurement():
    examples = QUEENS.examples("train", count=12)
    options: dict[str, Any] = {"width": 2, "depth": 40, "select": "checked", "rows": 4}
    slow = fake(QUEENS, delay=90), QUEENS
    each = evaluate(slow, examples, timeout=1e-6, **options)
    assert (each.complete, each.left_out, each.examples) == (False, 0, 12)
    assert each.function_evaluations == 24
    whole = evaluate(slow, examples, timeout=1e6, total_timeout=1e6, **options)
    assert (whole.complete, whole.left_out, whole.examples) == (True, 0, 12)
    assert whole.function_evaluations == 12 * 2 * 40
    with pytest.raises(ValueError, match="time was up before the first"):
        evaluate(slow, examples, total_timeout=1e-6, **options)
    quick = fake(QUEENS), QUEENS
    assert "complete" not in evaluate(quick, examples, **options).to_dict()


# signs of life --------------------------------------------------------------------------------------------
def test_lines_come_now_and_then(capsys):
    ticking = Ticking()
    lines = Lines(first=2, every=10, clock=ticking)
    for ticking.now in range(25):
        lines.at(lambda: Snapshot(0.5, f"at {ticking.now}"))
    assert capsys.readouterr().err.splitlines() == ["at 2", "at 12", "at 22"]


def test_a_bar_is_drawn_in_place_and_goes(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress("Solving") as bar:
        assert isinstance(bar, Bar)
        bar.at(lambda: Snapshot(0.5, "halfway [bold]"))
        with bar.aside():
            print("an answer", file=screen)
    shown = screen.getvalue()
    assert "Solving" in shown
    assert "halfway [bold]" in shown
    assert shown.rindex("\x1b[2K") > shown.index("an answer")
    assert type(progress("Solving", quiet=True)) is Progress
    monkeypatch.setattr(sys, "stderr", None)
    assert type(progress("Solving")) is Progress


def test_a_measurement_says_that_it_has_begun_before_it_reads(gram, monkeypatch, capsys):
    """Where no terminal is, too: torch and the weights take seconds."""
    begun = []

    def examples(*_):
        begun.append(capsys.readouterr().err)
        raise ValueError("There are no examples.")

    monkeypatch.setattr("gram.console.evaluation.examples", examples)
    assert gram("eval", "queens-6").code == 2
    assert begun[0].count("\n") == 1
    assert gram("eval", "queens-6", "--quiet").code == 2
    assert begun[1] == ""


def test_a_command_shows_its_work(gram, oracle, monkeypatch):
    """Where no terminal is: lines of figures as they grow; nothing if quiet."""
    show = lambda *_, quiet, **__: Progress() if quiet else Lines(0.0, 0.0)  # noqa: E731
    for module in ("puzzles", "evaluation"):
        monkeypatch.setattr(f"gram.console.{module}.progress", show)
    ran = gram("eval", "queens-6", "--limit", 5, "--json")
    assert re.search(r"of 5 puzzles in 0:0\d, at most 0:0\d to go, valid 100.0%", ran.err)
    assert "Arithmetic" in ran.err
    assert json.loads(ran.out)["valid"] == 1.0
    assert gram("eval", "queens-6", "--limit", 5, "--quiet").err == ""
    assert gram("solve", "sudoku-4", BOARDS[0], "--quiet").err == ""


def test_limits_and_records_do_not_go_together(refused, gram, oracle, tmp_path):
    arguments = "eval", "queens-6", "--limit", 3, "--total-timeout", 60
    assert "--record" in refused(*arguments, "--record", tmp_path)
    values = json.loads(gram(*arguments, "--json").out)
    assert (values["complete"], values["left_out"]) == (True, 0)


def test_samples_and_exports_show_their_work(gram, monkeypatch, tmp_path):
    show = lambda *_, quiet, **__: Progress() if quiet else Lines(0.0, 0.0)  # noqa: E731
    for place in ("gram.console.samples.progress", "gram.ship.export.progress"):
        monkeypatch.setattr(place, show)
    ran = gram("generate", "sudoku-boards-4", "--n", 3, "--depth", 4, "--json")
    assert len(ran.out.splitlines()) == 3
    assert re.search(r"\d of 3 samples in 0:0\d, about 0:0\d to go", ran.err)
    assert gram("generate", "sudoku-boards-4", "--n", 3, "--depth", 4, "--json", "--quiet").err == ""
    monkeypatch.setattr("gram.ship.export.write_graphs", refuse)
    pytest.importorskip("onnxscript")
    ran = gram("export", "sudoku-4", "--out", tmp_path / "bundle")
    assert ran.code == 2
    assert "sudoku-4 to" in ran.err
    assert "writing the graph" in ran.err


def refuse(*_) -> None:
    raise ValueError("No graph is written in a test.")


def test_runs_show_their_work(tmp_path):
    log = tmp_path / "a.log"
    jobs = [Job("a", log, print, ()), Job("b", tmp_path / "b.log", print, ())]
    log.write_text("update 1\nupdate 2\n")
    assert going(jobs, 3, 5, 61.0) == "3 of 5 runs in 1:01; a: update 2; b: begins"


def test_training_shows_how_far_the_heads_are(gram, monkeypatch, tmp_path):
    """The heads are fitted for up to minutes after the last update."""
    monkeypatch.setattr("gram.train.loop.progress", lambda *_, quiet, **__: Progress() if quiet else Lines(0.0, 0.0))
    without_time = SMALL[SMALL.index("--minutes") + 2 :], "--train.minutes", "None", "--train.updates", "2"
    ran = gram("train", "sudoku-4", "--out", tmp_path / "run", *without_time[0], *without_time[1:])
    assert ran.code == 0, ran.err
    shares = [int(share) for share in re.findall(r"Fitting the heads: (\d+)%", ran.err)]
    assert len(shares) > 20
    assert shares == sorted(shares)
    assert (shares[0] < 10, shares[-1]) == (True, 100)
