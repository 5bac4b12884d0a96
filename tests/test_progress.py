"""How far long work is, and how long it will take: guesses of the time to come, bars and lines, measurements."""

import json
import re
import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from support.boards import FOUR as BOARDS
from support.command import SMALL, Terminal
from support.networks import QUEENS, fake

from gram.measure.passes import Pass, remaining
from gram.measure.puzzles import Status, evaluate
from gram.progress import Bar, Left, Lines, Progress, Snapshot, progress
from gram.reproduce.processes import Job
from gram.reproduce.run import going
from gram.solve.forecast import bound, mean_life, rest, spread
from gram.solve.options import SamplingOptions
from gram.solve.outlook import Outlook, PuzzleOutlook
from gram.solve.sampler import Stage


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
    assert (first.over, first.puzzles) == (0, 60)
    assert first.left is not None
    assert first.left.to_go.startswith("at most ")
    assert last.over >= 59
    assert last.left is not None
    assert last.left.most < 0.2 * last.seconds
    assert last.metrics["valid"] == pytest.approx(figures.valid, abs=0.02)
    assert {"valid", "selected_valid", "checked"} == last.metrics.keys()
    half = next(status for status in seen if status.over >= 30)
    assert half.metrics["checked"] == pytest.approx(figures.checked, abs=0.15)


def test_the_guess_of_a_pass_holds_from_early_on():
    """Where time is function evaluations: within 30% from a tenth of the work on, and when it is sure."""
    examples = QUEENS.examples("train", count=100)
    ticking, guesses = Ticking(), []
    options = SamplingOptions(width=10, depth=40, rows=60)
    run = Pass(fake(QUEENS, delay=12), QUEENS, examples.inputs, options, watch=lambda: None, clock=ticking)

    def watch() -> None:
        ticking.now = run.evaluations
        if (left := remaining([run])) is not None:
            guesses.append((ticking.now, left))

    run.watch = watch
    assert sorted(i for i, _ in run) == list(range(100))
    end = ticking.now
    early = [(done + left.likely) / end for done, left in guesses if 0.1 < done / end < 1]
    assert len(early) > 50
    assert all(0.7 < whole < 1.3 for whole in early), early
    sure = [left.likely / (end - done) for done, left in guesses if left.sure and done < end]
    assert len(sure) > 10
    assert all(0.7 < ratio < 1.3 for ratio in sure), sure


@pytest.mark.parametrize("want", [None, 1])
def test_the_guess_of_a_pass_follows_the_machine(want):
    """The first third of the work takes four times as long, as beside another program; then the estimate is right
    again once as much has been done without it."""
    examples = QUEENS.examples("train", count=400 if want else 60)
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
        if guesses is not None and len(run.marks) % 8 == 0 and (left := remaining([run])) is not None:
            guesses.append((left.likely, run.seconds))

    run.watch = watch
    assert sorted(i for i, _ in run) == list(range(len(examples)))
    return run


def mean(age, over, most: float) -> float:
    """The mean of lifetimes, of which some are not known yet."""
    seen, beyond = mean_life(age[:, None], over[:, None], np.ones((1, len(age))), most)
    return float(seen[0] + beyond[0])


def test_the_mean_of_costs_of_which_some_are_not_known_yet():
    rng = np.random.default_rng(0)
    whole = rng.geometric(0.02, 4000)
    seen = rng.integers(1, 150, 4000)
    costs, over = np.minimum(whole, seen), whole <= seen
    costs[3000:], over[3000:] = 0, False  # they have not begun
    assert costs[:3000].mean() < 40
    assert mean(costs, over, 1000.0) == pytest.approx(whole.mean(), rel=0.06)
    assert mean(np.array([10, 0]), np.array([True, False]), 1000.0) == 10.0
    assert mean(np.array([10, 30]), np.array([True, True]), 1000.0) == 20.0
    few = np.array([10, 12, 30, 40]), np.array([True, True, True, False])
    assert 10 + 0.75 * 2 + 0.5 * 18 + 0.25 * 10 < mean(*few, 100.0) < 10 + 0.75 * 2 + 0.5 * 18 + 0.25 * 70
    hard = np.array([10, 10, 10, 300]), np.array([True, True, True, False])  # as if it went on for half of its age
    assert mean(*hard, 1280.0) == pytest.approx(10 + 0.25 * (290 + 150), rel=0.01)


def test_weights_count_like_copies():
    rng = np.random.default_rng(0)
    age, over = rng.integers(1, 20, (6, 3)), rng.random((6, 3)) < 0.7
    weights = rng.integers(1, 4, (4, 6))
    for drawn, seen, beyond in zip(weights, *mean_life(age, over, weights.astype(float), 40.0), strict=True):
        copies = np.repeat(np.arange(6), drawn)
        ones = np.ones((1, len(copies)))
        assert np.allclose((seen, beyond), np.ravel(mean_life(age[copies], over[copies], ones, 40.0)))


class Ticking:
    """A clock that somebody else moves."""

    now = 0

    def __call__(self) -> float:
        return float(self.now)


def test_a_row_in_flight_counts_for_what_it_shows():
    outlook = Outlook(puzzles=2, width=5, most=4)
    assert outlook.left == (0.0, 40.0, 40.0)  # nothing has ended yet
    outlook.age[:], outlook.ended[0] = [[1] * 5, [2] * 5], True
    outlook.evaluations = 15
    assert mean(outlook.age.ravel(), outlook.ended.ravel(), 4.0) == pytest.approx(1 + 0.5 * (1 + 1 - np.exp(-2)))
    assert (outlook.over, outlook.rows, outlook.bound) == (5, 10, 10.0)
    assert 0 <= outlook.left.least < outlook.left.likely < outlook.left.most <= 10
    assert outlook.share == 15 / (15 + outlook.left.likely)


def test_the_mean_of_steps_holds_from_a_tenth_of_the_work():
    """Rows end by chance, as those of graphs do: the bound is far off, the estimate is not."""
    rng, rows, active, depth = np.random.default_rng(0), 2000, 256, 48
    whole = np.minimum(rng.geometric(0.12, rows), depth)
    age, over, seen = np.zeros(rows, int), np.zeros(rows, bool), {}
    while not over.all():
        going = np.flatnonzero(~over)[:active]
        age[going] += 1
        over = age == whole
        seen[age.sum() / whole.sum()] = mean(age, over, depth), bound(age[:, None], over[:, None], depth)
    guesses = [guess / whole.mean() for share, (guess, _) in seen.items() if share > 0.1]
    assert len(guesses) > 20
    assert all(0.75 < guess < 1.25 for guess in guesses), guesses
    assert max(most for share, (_, most) in seen.items() if share > 0.1) > 1.5 * whole.sum()


@pytest.mark.parametrize(("puzzles", "hard"), [(60, 0.06), (60, 0.0), (400, 0.0)])
def test_the_range_holds_what_is_left(puzzles, hard):
    """Where some puzzles are hard, as of Sudoku, and take all steps in all rows, or none is: the range holds the truth
    more than eight times in ten, and a single value, given where many easy ones were seen, is within 30% of it."""
    rng, depth = np.random.default_rng(1), 48
    inside, sure, shares = [], [], [0.1, 0.2, 0.3, 0.5, 0.7]
    for _ in range(20):
        whole = np.minimum(rng.geometric(0.2, (puzzles, 10)) + 1, depth)
        whole[rng.random(puzzles) < hard] = depth
        age, over, seen = np.zeros((puzzles, 10), int), np.zeros((puzzles, 10), bool), 0
        while seen < len(shares):
            age.ravel()[np.flatnonzero(~over.ravel())[:64]] += 1
            over = age == whole
            if age.sum() >= shares[seen] * whole.sum():
                seen += 1
                draws, true = rest(age, over, depth), (whole - age).sum()
                assert draws is not None
                left = spread(draws)
                inside.append(left.least <= true <= left.most)
                sure += [0.7 < left.likely / true < 1.3] if left.sure else []
    assert np.mean(inside) > 0.8
    assert all(sure)
    assert (len(sure) >= 20) is (puzzles == 400)


def test_many_puzzles_count_in_groups():
    """Of more than KNOWN ended puzzles only some count, each for several; those that run always count."""
    rng, depth = np.random.default_rng(0), 64
    whole = np.minimum(rng.geometric(0.4, (5000, 4)) + 1, depth)
    age, over = whole.copy(), np.ones((5000, 4), bool)

    def left() -> Left:
        draws = rest(age, over, depth)
        assert draws is not None
        return spread(draws)

    assert left() == (0, 0, 0)
    age[4000:], over[4000:] = 0, False
    assert left().likely == pytest.approx(whole[4000:].sum(), rel=0.1)
    age[4000:] = whole[4000:]
    over[4000:], age[17], over[17] = True, 30, False
    assert 0 < left().most <= 4 * (depth - 30)


def test_what_is_left_in_words():
    assert Left(61, 70, 80).to_go == "about 1:10 to go"
    assert Left(50, 70, 130).to_go == "about 1:10 to go (0:50 to 2:10)"
    assert Left(5, 70, 130).to_go == "at most 2:10 to go"
    assert Left(0.6, 0.9, 1.4).to_go == "about 0:01 to go"
    assert Left(50, 70, 130).within(90) == (50, 70, 90)
    assert Left(50, 70, 130).within(-1) == (0, 0, 0)
    assert Left(1, 2, 3).times(2) == (2, 4, 6)


def test_two_passes_are_left_together():
    """A pass in which nothing has ended takes as long as the other one at most."""
    examples = QUEENS.examples("train", count=40)
    network, options = fake(QUEENS, delay=12), SamplingOptions(width=10, depth=40, rows=60)
    ticking = Ticking()
    common: dict[str, Any] = {"watch": lambda: None, "clock": ticking}
    full = Pass(network, QUEENS, examples.inputs, options, **common)
    early = Pass(network, QUEENS, examples.inputs, SamplingOptions(width=10, depth=40, rows=60, want=1), **common)
    assert remaining([full, early]) is None
    full.watch = lambda: setattr(ticking, "now", full.evaluations)
    next(full)
    alone, both = remaining([full]), remaining([full, early])
    assert alone is not None
    assert both is not None
    assert alone.least <= both.least
    assert alone.likely < both.likely < 2.5 * alone.likely + full.evaluations


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


@pytest.mark.parametrize("verb", ["eval", "generate"])
def test_drawing_says_that_it_has_begun(gram, monkeypatch, capsys, verb):
    begun = []

    def load(*_):
        begun.append(capsys.readouterr().err)
        raise ValueError("There are no weights.")

    monkeypatch.setattr("gram.console.samples.load", load)
    assert gram(verb, "sudoku-boards-4").code == 2
    assert begun == ["Reading the weights.\n"]


def test_a_command_shows_its_work(gram, oracle, monkeypatch):
    """Where no terminal is: lines of figures as they grow; nothing if quiet."""
    show = lambda *_, quiet, **__: Progress() if quiet else Lines(0.0, 0.0)  # noqa: E731
    for module in ("puzzles", "evaluation"):
        monkeypatch.setattr(f"gram.console.{module}.progress", show)
    ran = gram("eval", "queens-6", "--limit", 5, "--json")
    assert re.search(r"of 5 puzzles in 0:0\d, about 0:0\d to go, valid 100.0%", ran.err)
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


def test_solving_says_what_is_left(gram, oracle, monkeypatch, tmp_path):
    """Invalid puzzles are not waited for."""
    monkeypatch.setattr("gram.console.puzzles.progress", lambda *_, **__: Lines(0.0, 0.0))
    file = tmp_path / "boards.txt"
    file.write_text("\n".join([*BOARDS[:1] * 6, "1" * 16, *BOARDS[:1] * 3]))
    ran = gram("solve", "sudoku-4", "--input", file, "--skip-bad", "--json")
    assert ran.code == 2
    assert len(ran.out.splitlines()) == 9
    lines = [line for line in ran.err.splitlines() if " in 0:0" in line]
    assert lines[-1].startswith("9 of 9 puzzles in 0:0")
    assert all(re.search(r" to go$", line) for line in lines[-3:]), lines


def test_puzzles_of_a_long_list_come_in_parts():
    """Each part is numbered from 0; a part may begin only once the one before is over."""
    outlook = PuzzleOutlook(5, most=10)
    for rows, over in ([(0, 0), (1, 0), (1, 1)], [0, 1]), ([(2, 0)], []), ([(2, 0)], [2]), ([(0, 0), (1, 0)], [1]):
        outlook.note(cast(Stage, SimpleNamespace(rows=rows, over=over, since=1)))
    assert outlook.age.ravel().tolist() == [1, 2, 2, 1, 1]
    assert outlook.ended.ravel().tolist() == [True, True, True, False, True]
    assert (outlook.evaluations, outlook.over, outlook.rows, outlook.bound) == (7, 4, 5, 9)
    outlook.note(cast(Stage, SimpleNamespace(rows=[(0, 0)], over=[0], since=1)))
    assert outlook.bound == 0
