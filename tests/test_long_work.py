"""Work that takes long: restarts under a checker, answers as they come, deadlines, exact counts that end a search."""

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.boards import FOUR as BOARDS
from support.boards import NONE_LEFT
from support.networks import FOUR, QUEENS, fake, knowing, propagator, puzzles, same, same_answer, tiny

from gram import tasks
from gram.config import Config
from gram.console import inputs
from gram.console.exits import brief, ended
from gram.models.recursive import Model
from gram.solve.deadline import Deadline
from gram.solve.options import SamplingOptions
from gram.solve.reasoner import Reasoner, load
from gram.solve.sampler import ActiveBatch, completed, renewable, sample
from gram.solve.select import choose


# the sampler ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rows", [3, 64])
def test_halting_on_a_rejected_answer_is_a_restart(rows, monkeypatch):
    """Whatever the checker rejects, a trajectory uses all of its steps; each restart draws again, in any company."""
    monkeypatch.setattr(type(QUEENS), "check", lambda _, x, y: np.zeros(len(x), bool))
    x = puzzles(QUEENS, 3)
    options = {"width": 7, "depth": 12, "halt_threshold": 0.0}
    found = sample(fake(QUEENS), QUEENS, x, **options, want=1, rows=rows)
    assert all((own.steps == 12).all() for own in found)
    for i in range(len(x)):
        assert same(found[i], sample(fake(QUEENS), QUEENS, x[i : i + 1], **options, want=1, rows=rows)[0])
    without = sample(fake(QUEENS), QUEENS, x, **options, rows=rows)
    assert all((own.steps == 1).all() for own in without)  # nothing watches: it halts


def test_what_would_only_repeat_itself_halts():
    x = np.ones((1, 16), np.uint8)
    network = tiny(guidance="none")
    assert isinstance(network.model, Model)
    network.model.halt.bias.data.fill_(5.0)
    found = sample(network, FOUR, x, width=4, depth=9, halt_threshold=0.0, want=1)[0]
    assert found.steps.tolist() == [1]
    assert not renewable(network, FOUR, SamplingOptions())
    assert renewable(network, FOUR, SamplingOptions(restart_every=2))
    baseline = fake(QUEENS)
    baseline.config = dataclasses.replace(baseline.config, kind="mdlm")
    assert not renewable(baseline, QUEENS, SamplingOptions())  # its depth is a ceiling


@pytest.mark.parametrize(("size", "givens"), [(4, (0, 1)), (6, (0, 2, 4))])
def test_nearly_empty_boards_are_solved(size, givens):
    reasoner = load(f"sudoku-{size}", dtype="float32")
    y = reasoner.task.examples("dev", count=4).targets
    for count in givens:
        kept = np.random.default_rng(count).random(y.shape).argsort(1).argsort(1) < count
        assert all(answer.valid for answer in reasoner.solve(np.where(kept, y, 1).astype(np.uint8)))


def test_an_empty_board_of_nine_is_solved():
    answer = load("sudoku-9", dtype="float32").solve("." * 81)
    assert answer.valid


def test_a_sparse_row_takes_a_guess_after_every_step():
    model, x = propagator(), np.ones((1, 16), np.uint8)
    flight = ActiveBatch(model, FOUR, x, 0, 1.0)
    flight.admit([(0, 0)])
    for given in range(FOUR.spec.sparse):
        assert flight.sparse().tolist() == [True]
        assert (flight.tokens != 1).sum() == given
        flight.step()
        flight.restart(np.array([0]))
    assert flight.sparse().tolist() == [False]


def test_puzzles_come_out_as_soon_as_they_are_over():
    x = puzzles(QUEENS, 6)
    options = SamplingOptions(width=4, depth=9, want=1, rows=4)
    seen: list[int] = []
    found = {}
    for i, own in completed(
        fake(QUEENS, delay=5), QUEENS, x, options, watch=lambda stage: seen.append(len(stage.rows))
    ):
        found[i] = own, len(seen)
    assert sorted(found) == list(range(6))
    assert len({when for _, when in found.values()}) > 2
    together = sample(fake(QUEENS, delay=5), QUEENS, x, options)
    assert all(same(found[i][0], together[i]) for i in range(6))


def test_width_and_want_of_each_puzzle():
    x = np.tile(QUEENS.encode("/".join(["......"] * 6)), (3, 1))
    found = sample(fake(QUEENS), QUEENS, x, widths=[40, 40, 2], depth=2, wants=[1, 4, 4])
    assert [len(own) for own in found] == [40, 40, 2]
    assert found[0].evaluations == 2  # the first wave is enough
    assert len(choose(QUEENS, x[0], found[1], "checked").valid) == 4
    assert same(found[1], sample(fake(QUEENS), QUEENS, x[:1], width=40, depth=2, want=4)[0])
    with pytest.raises(ValueError, match="want is 0"):
        sample(fake(QUEENS), QUEENS, x, width=2, depth=2, wants=[1, 0, 1])


def ticks(seconds: float):
    """A clock on which every look takes so many seconds."""
    now = itertools.count()
    return lambda: next(now) * seconds


def test_a_puzzle_that_takes_too_long_ends_as_it_is():
    x = puzzles(QUEENS, 3)
    deadline = Deadline(3, each=2.5, clock=ticks(3.0))  # three puzzles share each step: one second of each
    found = sample(fake(QUEENS, delay=90), QUEENS, x, width=2, depth=99, rows=6, deadline=deadline)
    assert deadline.late.all()
    assert all(own.steps.tolist() == [3, 3] and own.finished.all() for own in found)
    assert deadline.seconds.tolist() == [3.0, 3.0, 3.0]


def test_a_total_of_time_ends_those_that_have_not_begun_too():
    x = puzzles(QUEENS, 4)
    deadline = Deadline(4, total=3.0, clock=ticks(1.0))
    found = sample(fake(QUEENS, delay=90), QUEENS, x, width=2, depth=99, rows=2, want=1, deadline=deadline)
    assert [own.evaluations for own in found] == [4, 0, 0, 0]
    assert not found[1].finished.any()
    bad: tuple[dict[str, Any], ...] = ({"each": 0.0}, {"total": -1.0})
    for limits in bad:
        with pytest.raises(ValueError, match="must be above 0"):
            Deadline(1, **limits)


# answers as they come -------------------------------------------------------------------------------------
def reasoner(**options) -> Reasoner:
    network = fake(QUEENS, **options)
    return Reasoner(Config(recipe="test", task="queens-6", model=network.config), network)


def test_answers_come_in_order_and_are_those_of_solve(monkeypatch):
    monkeypatch.setattr("gram.solve.reasoner.PART", 4)
    x = list(puzzles(QUEENS, 10))
    options = {"width": 4, "depth": 9, "select": "checked"}
    drawn: list[int] = []

    def endless():
        for i in itertools.count():
            drawn.append(i)
            yield x[i % len(x)]

    found = list(itertools.islice(reasoner(delay=5).answers(endless(), **options), 10))
    assert [answer.number for answer in found] == list(range(1, 11))
    assert len(drawn) == 12
    together = reasoner(delay=5).solve(x, **options)
    assert all(same_answer(a, b) for a, b in zip(found, together, strict=True))
    assert all(answer.seconds > 0 and answer.complete for answer in found)


def test_what_cannot_be_answered_is_told_or_left_out(monkeypatch):
    monkeypatch.setattr("gram.solve.reasoner.PART", 2)
    given = [QUEENS.show(x) for x in puzzles(QUEENS, 3)]
    mixed = [given[0], "nonsense", given[1], "Q" * 2 + "." * 34, given[2]]
    told: dict[int, str] = {}
    found = list(reasoner().answers(mixed, refuse=told.__setitem__, width=2, depth=2))
    assert [answer.number for answer in found] == [1, 3, 5]
    assert [answer.puzzle for answer in found] == given
    assert sorted(told) == [2, 4]
    with pytest.raises(ValueError, match=r"Puzzle 4: .*attack"):
        list(reasoner().answers([*given, mixed[3]], width=2, depth=2))
    with pytest.raises(ValueError, match="did you mean 'width'"):
        reasoner().answers(given, widht=2)  # before the first answer is asked for


def test_a_count_ends_the_search():
    """Of a board with four completions a thousand are wanted: the search ends with the fourth."""
    empty = "." * 36
    four = knowing().solve(empty, want=1000)
    assert (four.exist, four.unique, len(four.distinct), four.width) == (4, False, 4, 40)
    assert four.complete
    one = knowing().solve(QUEENS.decode(QUEENS.solutions(QUEENS.encode(empty), 1)[0]), want=1000)
    assert (one.exist, one.unique, len(one.distinct), one.width) == (1, True, 1, 10)
    plain = knowing().solve(empty)
    assert (plain.exist, plain.unique) == (None, False)


def test_counting_stays_within_its_nodes():
    nine = tasks.task("sudoku-9")
    empty = nine.encode("." * 81)
    begin = time.process_time()
    assert nine.count(empty) is None
    assert nine.count(empty, 2) == 2
    assert time.process_time() - begin < 1
    puzzle = nine.examples("dev", count=1).inputs[0]
    assert nine.count(puzzle) == nine.count(puzzle, 2) == 1


def test_no_list_of_too_many_answers(refused, oracle, tmp_path, monkeypatch):
    (tmp_path / "empty.txt").write_text(("." * 81 + "\n") * 50)
    begin = time.process_time()
    assert "Puzzle 1 has too many answers" in refused("eval", "sudoku-9", "--data", tmp_path / "empty.txt")
    assert time.process_time() - begin < 10
    monkeypatch.setattr(inputs, "LISTED", 2 * 36 * 4)
    (tmp_path / "three.txt").write_text(("." * 36 + "\n") * 3)
    assert "use a smaller --limit" in refused("eval", "queens-6", "--data", tmp_path / "three.txt")


def test_time_that_is_up_is_said():
    x = [QUEENS.show(puzzle) for puzzle in puzzles(QUEENS, 4)]
    slow = {"width": 2, "depth": 99, "rows": 4, "select": "majority"}
    for answer in reasoner(delay=90).solve(x, timeout=1e-6, **slow):
        assert not answer.complete
        assert answer.tokens is not None  # as it was
        assert answer.evaluations == 2
    found = list(reasoner(delay=90).answers(x, total_timeout=1e-6, **slow))
    assert [answer.complete for answer in found] == [False] * 4
    assert [answer.tokens is None for answer in found] == [False, False, True, True]


def test_a_total_of_time_counts_over_all_parts(monkeypatch):
    monkeypatch.setattr("gram.solve.reasoner.PART", 1)
    x = [QUEENS.show(puzzle) for puzzle in puzzles(QUEENS, 3)]
    found = []
    for answer in reasoner(delay=3).answers(x, total_timeout=0.4, width=2, depth=9, select="majority"):
        found.append(answer.complete)
        time.sleep(0.5)
    assert found == [True, False, False]


# the command ----------------------------------------------------------------------------------------------
def test_bad_puzzles_are_left_out_if_asked(gram, oracle, refused):
    given = [BOARDS[0], "12", NONE_LEFT, BOARDS[1]]
    ran = gram("solve", "sudoku-4", *given, "--skip-bad", "--json")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 2
    assert [(row["number"], row["puzzle"]) for row in rows] == [(1, BOARDS[0]), (4, BOARDS[1])]
    told = [line for line in ran.err.splitlines() if "Puzzle " in line]
    assert [line.split(":")[1] for line in told] == [" Puzzle 2 is skipped", " Puzzle 3 is skipped"]
    assert gram("solve", "sudoku-4", *given[::3], "--skip-bad").code == 0
    ran = gram("solve", "sudoku-4", "12", "--skip-bad")
    assert (ran.code, ran.out) == (2, "")
    assert "Puzzle 2: The puzzle has 2 characters, not 16" in refused("solve", "sudoku-4", *given)


def test_time_and_other_solutions_for_people_and_scripts(gram, oracle):
    row = json.loads(gram("solve", "queens-6", "." * 36, "--timeout", "60", "--json").out)
    assert (row["complete"], row["unique"], row["exist"], row["number"]) == (True, False, None, 1)
    assert "not the only solution" in gram("solve", "queens-6", "." * 36).out
    row = json.loads(gram("solve", "queens-6", "." * 36, "--want", "1000", "--json").out)
    assert (row["complete"], row["unique"], row["exist"]) == (True, False, 4)


@pytest.mark.parametrize("limit", ["0", "-1", "nan"])
def test_limits_of_time_are_above_zero(refused, oracle, limit):
    assert "timeout is" in refused("solve", "sudoku-4", BOARDS[0], "--timeout", limit)
    assert "total_timeout is" in refused("solve", "sudoku-4", BOARDS[0], "--total-timeout", limit)


def test_an_interrupted_command_has_printed_what_it_found(tmp_path):
    """Ctrl-C after the first answer: that line is there, the exit code is 130, and one sentence says so."""
    (tmp_path / "boards.txt").write_text(("." * 16 + "\n") * 2_000)
    command = [sys.executable, "-m", "gram.cli", "solve", "sudoku-4", "--input", str(tmp_path / "boards.txt"), "--json"]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background of a script does not
    with subprocess.Popen(command, preexec_fn=hears, **streams) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["valid"]
        running.send_signal(signal.SIGINT)
        rest, told = running.stdout.read(), running.stderr.read()
    assert running.returncode == 130
    assert told.splitlines()[-1] == "gram: Interrupted."
    assert all(json.loads(line)["valid"] for line in rest.splitlines())
    assert "Traceback" not in told


def test_an_interrupt_that_a_library_renames_is_one(capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def command() -> int:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            pass
        raise TypeError("Cannot compare structured arrays")

    try:
        assert ended(command) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gram: Interrupted.\n"


# where standard output goes -------------------------------------------------------------------------------
def shell(command: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a shell command with gram as $GRAM."""
    told = {**os.environ, "GRAM": f"{sys.executable} -m gram.cli"}
    ended = subprocess.run(command, shell=True, env=told, capture_output=True, text=True, timeout=300, check=False)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("verb", [f"solve sudoku-4 {BOARDS[0]}", "info", "--help", "solve sudoku-4 12"])
def test_a_closed_standard_output_is_one_sentence(verb):
    code, _, told = shell(f"$GRAM {verb} >&-")
    assert (code, told.count("\n")) == (2, 1)
    assert "Standard output is closed" in told


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_a_closed_standard_error_is_done_without():
    assert shell("$GRAM solve sudoku-4 12 2>&-") == (2, "", "")
    code, shown, _ = shell("$GRAM --help 2>&-")
    assert (code, "usage" in shown) == (0, True)


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path):
    (tmp_path / "boards.txt").write_text((BOARDS[0] + "\n") * 60)
    solve = f"$GRAM solve sudoku-4 --json --quiet --input {tmp_path / 'boards.txt'}"
    code, shown, told = shell(f"({solve}; echo $? >&2) | head -n 1")
    assert (code, json.loads(shown)["valid"], told) == (0, True, "0\n")
    assert shell("($GRAM --help; echo $? >&2) | true")[2] == "0\n"
    assert shell("$GRAM solve sudoku-4 12 2>&1 | true")[0] == 0


@pytest.mark.parametrize("task", ["sudoku-4", "queens-6", "coloring-6", "maze-10"])
@pytest.mark.parametrize("text", ["x" * 300_000, "x\n" * 100_000, "\n" * 200_000 + "x", " " * 200_000 + "1-"])
def test_long_input_is_refused_in_a_moment_and_not_repeated(refused, task, text):
    begin = time.process_time()
    refused("solve", task, text)
    assert time.process_time() - begin < 2
    assert len(brief("a" * 5000)) < 600
    assert brief("a\nb") == "a b"
