"""Tests that every task must pass: call `check_task(MyTask())` in a test.

Each check is a function of a task that raises AssertionError with a sentence. CHECKS lists them for
`pytest.mark.parametrize`. The checks know nothing about the specific task.
"""

import tempfile
from pathlib import Path

import numpy as np

from gram.tasks.base import Symmetry, Task
from gram.tasks.spec import IDENTITY, PAD, SPLITS, Examples, Tokens, spelled

COUNT = 20
"""Number of examples to check."""
SOLVED = 5
"""Number of puzzles whose solutions are enumerated."""
MANY = 200
"""Most solutions of a puzzle whose cases are followed to their ends."""
BUDGET = 20_000
"""Nodes that the search for solutions may visit."""


def check_task(task: Task) -> None:
    """Run all checks. AssertionError says what the task violates."""
    for check in CHECKS:
        check(task)


# spec and examples ----------------------------------------------------------------------------------------
def check_spec(task: Task) -> None:
    """Sizes are possible, and the named positions and symbols exist."""
    spec = task.spec
    assert spec.name, "the spec has no name"
    assert spec.length >= 1, "a sequence has no position"
    assert 2 <= spec.vocabulary <= 256, f"{spec.vocabulary} tokens are not between 2 (padding and one more) and 256"
    assert 0 <= spec.answer_start < spec.length, "the answer starts outside of the sequence"
    positions = set(range(spec.length))
    for relation in spec.relations:
        grouped = {position for group in relation for position in group}
        assert grouped <= positions, f"a group names the positions {sorted(grouped - positions)}, which do not exist"
    least, most = min(spec.symbols, default=1), max(spec.symbols, default=1)
    assert least > PAD, "padding is a symbol"
    assert most < spec.vocabulary, f"the symbol {most} is beyond the vocabulary"
    assert spec.symbols in ((), tuple(range(least, most + 1))), "the symbols are not consecutive"
    assert spec.symbols or not spec.givens, "givens can be guessed, but no symbols are named"
    assert not spec.empty or spec.empty in spec.symbols, f"the empty symbol {spec.empty} is not a symbol"


def check_examples(task: Task) -> None:
    """Tokens are in range, and every input has distinct targets in canonical form."""
    spec, some = task.spec, _some(task)
    assert len(some), "the dev split has no example"
    assert some.inputs.shape[1] == some.targets.shape[1] == spec.length, "sequences differ in length from the spec"
    prefix = IDENTITY if spec.identities else 0
    assert max(some.inputs[:, prefix:].max(), some.targets.max()) < spec.vocabulary, "a token is beyond the vocabulary"
    assert (some.targets[:, : spec.answer_start] == PAD).all(), "a target has a token before the answer starts"
    if spec.identities:
        assert spec.answer_start >= prefix, "the answer overlaps the number of the puzzle"
        assert spelled(some.inputs).max() < spec.identities, "an input has an unknown puzzle number"
    else:
        assert (some.inputs != PAD).all(), "an input contains padding"
        assert (some.targets[:, spec.answer_start :] != PAD).all(), "a target contains padding in the answer"
    assert some.counts.min() >= 1, "an input has no target"
    for i in range(len(some)):
        own = some.targets_of(i)
        assert len(np.unique(own, axis=0)) == len(own), f"input {i} has the same target twice"
    assert np.array_equal(task.canonical(some.targets), some.targets), "a target is not in canonical form"


def check_splits(task: Task) -> None:
    """No input is in two splits or twice in one; the same seed gives the same examples."""
    seen: dict[bytes, str] = {}
    for split in SPLITS:
        part = task.examples(split, seed=4, count=3 * COUNT)
        assert 0 < len(part) <= 3 * COUNT, f"{split} has {len(part)} examples, but at most {3 * COUNT} were requested"
        for row in part.inputs:
            before = seen.setdefault(row.tobytes(), split)
            assert before == split, f"an input of {split} is also in {before}: {task.show(row)}"
        assert len(np.unique(part.inputs, axis=0)) == len(part), f"an input is in {split} twice"
        again = task.examples(split, seed=4, count=3 * COUNT)
        assert np.array_equal(again.inputs, part.inputs), f"{split} has different inputs the second time"
        assert np.array_equal(again.targets, part.targets), f"{split} has different targets the second time"
        assert len(task.examples(split, seed=4, count=0)) == 0, f"{split} has examples, but none were requested"
    try:
        task.examples("valid")
    except ValueError:
        return
    raise AssertionError("a split that does not exist is not refused with a ValueError")


# text -----------------------------------------------------------------------------------------------------
def check_text(task: Task) -> None:
    """A puzzle survives conversion to text, also in a file; answers have text and pictures."""
    some = _some(task)
    for i, puzzle in enumerate(some.inputs):
        text = task.show(puzzle)
        assert np.array_equal(task.encode(text), puzzle), f"encode does not restore what show wrote: {text!r}"
        answer = some.targets_of(i)[0]
        assert isinstance(task.decode(answer), str), "decode does not return text"
        assert task.render(puzzle), "a puzzle has no picture"
        assert task.render(puzzle, answer), "an answer has no picture"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "puzzle.txt"
        for puzzle in some.inputs[:SOLVED]:
            path.write_text(task.show(puzzle) + "\n", encoding="utf-8")
            read = [task.encode(text) for text in task.read(path)]
            assert len(read) == 1, f"a file of one puzzle is read as {len(read)}"
            assert np.array_equal(read[0], puzzle), f"read does not restore what show wrote: {task.show(puzzle)!r}"


# rules ----------------------------------------------------------------------------------------------------
def check_rules(task: Task) -> None:
    """Targets are correct, and answers with conflicts are not."""
    some = _some(task)
    puzzles = np.repeat(some.inputs, some.counts, 0)
    assert task.check(puzzles, some.targets).all(), "a target is not accepted by check"
    answers = _random_answers(task, len(some))
    conflicts = task.conflicts(some.inputs, answers)
    assert conflicts.shape == (len(some),), f"conflicts have shape {conflicts.shape}, not (B,)"
    assert (conflicts >= 0).all(), "the number of conflicts is negative"
    assert np.array_equal(task.check(some.inputs, answers), conflicts == 0), "check and conflicts disagree"


def check_solutions(task: Task) -> None:
    """Solutions are correct, distinct and within the limit, and targets are among them."""
    some = _some(task)
    for i, puzzle in enumerate(some.inputs[:SOLVED]):
        found = _solutions(task, puzzle)
        if found is None:
            continue
        assert task.check(np.tile(puzzle, (len(found), 1)), found).all(), "a solution is not accepted by check"
        listed = {row.tobytes() for row in found}
        assert len(listed) == len(found), "a solution is listed twice"
        assert {row.tobytes() for row in some.targets_of(i)} <= listed, "a target is not among the solutions"
        assert len(task.solutions(puzzle, limit=1)) == 1, "limit does not limit the solutions"


def check_cases(task: Task) -> None:
    """Cases share out the solutions of a puzzle, also as they are posed to a network."""
    for puzzle in _some(task).inputs[:SOLVED]:
        solutions = _solutions(task, puzzle)
        if task.cases is None or solutions is None or len(solutions) > MANY:
            continue
        boards, complete = [puzzle], []
        for board in boards:
            cases = task.cases.split(board)
            own = solutions[task.cases.fits(board, solutions)]
            fitting = np.zeros(len(own), np.int64)
            for case in cases:
                fitting += task.cases.fits(case, own)
            assert (fitting == 1).all(), "a solution is in no case, or in two"
            posed = task.cases.pose(board)
            found = np.unique(task.cases.lift(board, task.solutions(posed)), axis=0)
            assert np.array_equal(found, np.unique(own, axis=0)), "a case is posed with other solutions"
            answers = np.where(np.arange(task.spec.length) < task.spec.answer_start, PAD, cases)
            done = task.check(np.tile(puzzle, (len(cases), 1)), answers)
            complete += list(answers[done])
            boards += list(cases[~done])
        assert sorted(map(bytes, complete)) == sorted(map(bytes, solutions)), "cases end at other solutions"


# symmetries -----------------------------------------------------------------------------------------------
def check_symmetry(task: Task) -> None:
    """A symmetry permutes positions and tokens, and its inverse undoes it."""
    rng, spec = np.random.default_rng(2), task.spec
    symmetry = task.symmetry(rng, COUNT)
    for name, rows, size in (
        ("positions", symmetry.positions, spec.length),
        ("tokens", symmetry.tokens, spec.vocabulary),
    ):
        assert np.array_equal(np.sort(rows, axis=1), np.tile(np.arange(size), (COUNT, 1))), f"no permutation of {name}"
    assert (symmetry.tokens[:, PAD] == PAD).all(), "padding becomes another token"
    tokens = rng.integers(0, spec.vocabulary, (COUNT, spec.length)).astype(np.uint8)
    assert np.array_equal(symmetry.inverse().apply(symmetry.apply(tokens)), tokens), "the inverse does not undo it"


def check_augment(task: Task) -> None:
    """A symmetry keeps correct answers correct and the number of conflicts, and can be inverted."""
    some = _some(task)
    symmetry = task.symmetry(np.random.default_rng(3), len(some))
    answers = np.stack([some.targets_of(i)[0] for i in range(len(some))])
    seen, found = task.augment(symmetry, some.inputs, answers)
    assert seen.dtype == found.dtype == np.uint8, "augment does not return uint8"
    assert task.check(seen, found).all(), "a symmetry makes a correct answer wrong"
    assert np.array_equal(task.invert(symmetry, found), answers), "invert does not undo augment"
    random = _random_answers(task, len(some))
    after = task.conflicts(*task.augment(symmetry, some.inputs, random))
    assert np.array_equal(task.conflicts(some.inputs, random), after), "a symmetry changes the number of conflicts"
    for i, puzzle in enumerate(some.inputs[:SOLVED]):
        solutions = _solutions(task, puzzle)
        if solutions is None:
            continue
        rows = np.full(len(solutions), i)
        one = Symmetry(symmetry.positions[rows], symmetry.tokens[rows])
        _, found = task.augment(one, np.tile(puzzle, (len(rows), 1)), solutions)
        expected = task.solutions(seen[i])
        assert len(found) == len(expected), "a symmetry changes the number of solutions"
        assert {r.tobytes() for r in found} == {r.tobytes() for r in expected}, "a symmetry changes the solutions"


CHECKS = (
    check_spec,
    check_examples,
    check_splits,
    check_text,
    check_rules,
    check_solutions,
    check_cases,
    check_symmetry,
    check_augment,
)


# inputs of the checks -------------------------------------------------------------------------------------
def _some(task: Task) -> Examples:
    return task.examples("dev", seed=1, count=COUNT)


def _random_answers(task: Task, count: int) -> Tokens:
    answers = np.random.default_rng(3).integers(1, task.spec.vocabulary, (count, task.spec.length)).astype(np.uint8)
    answers[:, : task.spec.answer_start] = PAD
    return answers


def _solutions(task: Task, puzzle: Tokens) -> Tokens | None:
    """All solutions; None if they cannot be enumerated within the budget."""
    try:
        return task.solutions(puzzle, budget=BUDGET)
    except RuntimeError:
        return None
