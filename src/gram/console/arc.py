"""`gram solve` and `gram eval` for ARC: two attempts at each test input, pass@1 and pass@2; text, or JSON."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gram.console.inputs import load, print_arithmetic, sample_rows, standard_input
from gram.console.output import records
from gram.console.remote import Remote, answers
from gram.console.text import counted, say
from gram.measure.arc import ATTEMPTS, Asked, Attempt, ask, copied, most_frequent, passes, score
from gram.measure.submission import Attempts, score_submission, submitted, write_submission
from gram.progress import EVERY, Progress, Snapshot, progress
from gram.solve.options import SamplingOptions, resolve
from gram.solve.outlook import Outlook
from gram.tasks.arc.files import Pair, Puzzle
from gram.tasks.arc.grids import Grid, crop
from gram.tasks.arc.reading import (
    is_json,
    puzzles_of,
    read_puzzles,
    read_solutions,
    solutions_beside,
    source,
)
from gram.tasks.arc.task import FILES, Arc, check_side, is_name, picture, side_of
from gram.tasks.data.files import read_text
from gram.tasks.reading.content import of_bytes
from gram.tasks.spec import IDENTITY

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner


class Question(NamedTuple):
    """A test input: number and name of its puzzle, its position among the test inputs (from 1), and the known pair."""

    puzzle: int
    name: str
    place: int
    pair: Pair


# solve ----------------------------------------------------------------------------------------------------
def solve(
    task: Arc,
    texts: tuple[str, ...],
    *,
    input: Path | None,
    weights: str | None,
    dtype: str,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
    output: Path | None = None,
    remote: Remote | None = None,
) -> int:
    """Print two attempts at every test input of the puzzles: files of JSON, JSON itself, or lines of a name and a
    grid. `output`: a new file of them instead of printing them: .json as Kaggle takes submissions, else the records
    of --json. `remote`: a server that answers in place of weights."""
    if asked.get("want") not in (None, 1) or asked.get("select") is not None:
        raise ValueError("An ARC test input gets two attempts, by vote; leave out --want and --select.")
    found = [question for text in texts for question in read(task, text)]
    if input:
        found += in_file(task, input)
    elif not texts:
        data = standard_input(f"give a JSON file after `gram solve {task.spec.name}`")
        found = in_text(task, of_bytes(data, "Standard input").text, "Standard input")
    if remote is not None:
        for question in found:
            show(question, *asked_of(remote, task, question, asked), as_json=as_json)
        return 0
    reasoner, _, _ = load(task, weights, dtype)
    options = resolve(reasoner.config.solve, asked)
    given: Attempts = {}
    kaggle = output is not None and output.suffix.lower() == ".json"
    with (
        records(None if kaggle else output) as taken,
        progress("Solving", quiet=quiet, first=EVERY) as bar,
    ):
        for question in found:
            [answer], seconds = watched(reasoner, task, [question], options, bar)
            given.setdefault(question.name, []).append(submitted(answer))
            taken.add(fields(question, answer, seconds))
            with bar.aside():
                if as_json or output is None:
                    show(question, answer, seconds, as_json=as_json)
    if output is not None:
        if kaggle:
            write_submission(output, given)
        if not as_json:
            say(f"{output}: {counted(len(found), 'test input')} of {counted(len(given), 'puzzle')}")
    if not quiet:
        print_arithmetic(reasoner)
    return 0


def refuse(name: str, *, server: bool, output: bool, animate: bool, skip_bad: bool, asked: dict[str, Any]) -> None:
    """ValueError for options of `gram solve` that ARC does not support."""
    if server and output:
        raise ValueError("Answers of a server are printed; leave out --output.")
    if animate:
        raise ValueError(
            f"{name} answers many variants of a test input, which an animation cannot show; leave out --animate."
        )
    if skip_bad or asked.get("timeout") or asked.get("total_timeout"):
        raise ValueError(f"{name} answers test inputs one by one; leave out --skip-bad and time limits.")


def show(question: Question, found: Asked, seconds: float, *, as_json: bool) -> None:
    """Print what came of a question."""
    if as_json:
        print(json.dumps(fields(question, found, seconds)), flush=True)
    else:
        say(describe(question, found, seconds))
        sys.stdout.flush()


def asked_of(remote: Remote, task: Arc, question: Question, asked: dict[str, Any]) -> tuple[Asked, float]:
    """What a server says of a question, and its seconds; the known output stays here."""
    puzzle = task.variants_of(question.puzzle, question.pair.input)[0]
    [reply] = answers(remote, task, [(1, puzzle)], asked)
    best = zip(reply["attempts"], reply["votes"], reply["value"], strict=True)
    attempts = [Attempt(np.array(grid, np.uint8), votes, value) for grid, votes, value in best]
    found = Asked(attempts, reply["voters"], None, reply["evaluations"], reply["seconds"], reply["complete"])
    return found, found.seconds


def watched(
    reasoner: "Reasoner", task: Arc, found: Sequence[Question], options: SamplingOptions, bar: Progress
) -> tuple[list[Asked], float]:
    """The results of the questions and the seconds, with progress."""
    outlook = Outlook.of(reasoner.network, task, len(found) * len(task.views), options)
    begin = time.perf_counter()

    watch = outlook.shown(bar, lambda: f"{counted(len(found), 'test input')}, {outlook.share:.0%}")
    answers = ask(reasoner.network, task, [(q.puzzle, q.pair.input) for q in found], options, watch)
    return answers, time.perf_counter() - begin


def read(task: Arc, text: str) -> list[Question]:
    """The test inputs of a word of the command line: JSON, a name and a grid, or else the name of a file."""
    if is_json(text) or text.split() != [text]:
        return in_text(task, text, "The text")
    return in_file(task, Path(text))


def in_file(task: Arc, path: Path) -> list[Question]:
    """The test inputs of a file of JSON or of lines, or of a folder."""
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}; give a JSON file of ARC puzzles.")
    if path.is_file() and not is_json(text := read_text(path)):
        return some(lines(task, text), path.name)
    return some(questions(task, read_puzzles(path)), path.name)


def in_text(task: Arc, text: str, source: str) -> list[Question]:
    """The test inputs of JSON, or of lines of a name and a grid."""
    if is_json(text):
        return some(questions(task, puzzles_of(text, "The puzzle", "puzzle")), source)
    return some(lines(task, text), source)


def some(found: list[Question], source: str) -> list[Question]:
    """`found`; ValueError if it is empty."""
    if not found:
        raise ValueError(f"{source} has no test input; add one.")
    return found


def questions(task: Arc, puzzles: Sequence[Puzzle]) -> list[Question]:
    """All test inputs of trained puzzles."""
    numbered = [(task.number(puzzle), puzzle) for puzzle in puzzles]
    for puzzle in puzzles:
        check_side(task.name, puzzle)
    return [Question(n, p.name, i, pair) for n, p in numbered for i, pair in enumerate(p.asked, 1)]


def lines(task: Arc, text: str) -> list[Question]:
    """One test input per line that is not blank."""
    found = []
    for number, line in enumerate(filter(str.strip, text.splitlines()), 1):
        tokens = task.encode(line)
        grid = crop(tokens[IDENTITY:], task.side)
        assert grid is not None
        name = line.split()[0].partition("*")[0]
        found.append(Question(task.config.names.index(name), name, number, Pair(grid, None)))
    return found


def fields(question: Question, found: Asked, seconds: float) -> dict[str, Any]:
    """One line of --json. right: the attempt that is the known output (1 or 2, 0 for neither); null if it is
    unknown."""
    best = found.attempts[:ATTEMPTS]
    return {
        "puzzle": question.name,
        "test": question.place,
        "attempts": [attempt.grid.tolist() for attempt in best],
        "votes": [attempt.votes for attempt in best],
        "value": [attempt.value for attempt in best],
        "voters": found.voters,
        "right": right(question, found),
        "evaluations": found.evaluations,
        "seconds": seconds,
        "complete": found.complete,
    }


def right(question: Question, found: Asked) -> int | None:
    """The attempt that is the known output, from 1; 0 for neither, None if it is unknown."""
    target = question.pair.output
    if target is None:
        return None
    return next((k for k, a in enumerate(found.attempts[:ATTEMPTS], 1) if np.array_equal(a.grid, target)), 0)


def describe(question: Question, found: Asked, seconds: float) -> str:
    """The attempts at one test input for people."""
    parts = [f"{question.name}, test input {question.place}", picture(question.pair.input)]
    for k, attempt in enumerate(found.attempts[:ATTEMPTS], 1):
        parts += [f"attempt {k}, {attempt.votes} of {counted(found.voters, 'vote')}", picture(attempt.grid)]
    if not found.attempts:
        parts.append("no attempt: no sample is a grid")
    if (known := right(question, found)) is not None:
        parts.append(f"attempt {known} is the output in the file" if known else "neither is the output in the file")
    return "\n".join([*parts, f"{counted(found.evaluations, 'function evaluation')}, {seconds:.2f} s", ""])


# eval -----------------------------------------------------------------------------------------------------
def evaluate(
    task: Arc,
    *,
    weights: str | None,
    dtype: str,
    data: Path | None,
    split: str,
    limit: int | None,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
) -> int:
    """Print pass@1 and pass@2 of the test inputs of a split or file, with two baselines, and record them if
    requested."""
    if asked.get("select") is not None:
        raise ValueError("ARC is answered by vote; leave out --select.")
    if data is None:
        found = [Question(n, task.config.names[n], 0, pair) for n, pair in task.pairs(split)]
        shown = {n: task.puzzle(n).shown for n, *_ in found}
    else:
        puzzles = read_puzzles(source(str(data)))
        beside = solutions_beside(data)
        if beside is not None and not quiet and sys.stderr is not None:
            print(f"Read: the outputs of the test inputs from {beside}.", file=sys.stderr)
        found = [question for question in questions(task, puzzles) if question.pair.output is not None]
        shown = {task.number(puzzle): puzzle.shown for puzzle in puzzles}
    if not found:
        raise ValueError(
            f"There is no test input with a known output in {data or split}; give another --split or --data, or put "
            "the file of solutions next to the challenges."
        )
    found = [found[row] for row in sample_rows(len(found), limit)]
    with progress("Measuring", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.0, f"{counted(len(found), 'test input')}; reading the weights."))
        reasoner, label, folder = load(task, weights, dtype)
        options = resolve(reasoner.config.solve, asked)
        answers, seconds = watched(reasoner, task, found, options, bar)
    whence = split if data is None else data.name
    values: dict[str, Any] = {"task": task.spec.name, "weights": label, "data": whence}
    values |= metrics(found, answers, shown)
    values |= {"width": options.width, "depth": options.depth, "select": "majority", "variants": len(task.views)}
    values |= {"function_evaluations": sum(a.evaluations for a in answers), "seconds": seconds}
    values |= {"seed": options.seed, "temperature": options.temperature}
    values["restart_every"] = options.restart_every or None
    if as_json:
        print(json.dumps(values))
    else:
        say(table(values))
    if record is not None:
        named_by = {name: values[name] for name in ("width", "depth", "select")} | {"limit": limit}
        named_by |= {"temperature": asked.get("temperature"), "seed": asked.get("seed") or None}
        named_by["restart_every"] = asked.get("restart_every")
        from gram.measure.record import keep, key

        keep(record, reasoner, folder, key(whence, named_by), values)
    if not quiet:
        print_arithmetic(reasoner)
    return 0


def metrics(found: Sequence[Question], answers: Sequence[Asked], shown: dict[int, tuple[Pair, ...]]) -> dict[str, Any]:
    """examples (test inputs) and puzzles; `score` of the votes; exact_one: a single sample of the puzzle itself,
    without a vote; and `score` of answering with the input (copy_...) and with the most frequent outputs that the
    puzzle shows (frequent_...)."""
    targets = [question.pair.output for question in found]
    puzzles = [question.puzzle for question in found]
    assert all(target is not None for target in targets)
    known: list[Grid] = [target for target in targets if target is not None]
    voted = score([[attempt.grid for attempt in answer.attempts] for answer in answers], known, puzzles)
    single = [[] if answer.single is None else [answer.single] for answer in answers]
    exact = [passes(own, target, 1) for own, target in zip(single, known, strict=True)]
    copy = score([copied(question.pair.input) for question in found], known, puzzles)
    frequent = score([most_frequent(shown[puzzle]) for puzzle in puzzles], known, puzzles)
    values: dict[str, Any] = {"examples": len(found), "puzzles": len(set(puzzles))} | voted
    values["exact_one"] = float(np.mean(exact))
    values |= {f"copy_{name}": rate for name, rate in copy.items()}
    return values | {f"frequent_{name}": rate for name, rate in frequent.items()}


def table(values: dict[str, Any]) -> str:
    """The metrics for people."""
    head = (
        f"{values['task']}: {counted(values['examples'], 'test input')} of {counted(values['puzzles'], 'puzzle')} of "
        f"{values['data']}, weights {values['weights']}, {counted(values['variants'], 'variant')}, width "
        f"{values['width']}, depth {values['depth']}"
    )
    cost = f"  {counted(values['function_evaluations'], 'function evaluation')}, {values['seconds']:.1f} s"
    return "\n".join([head, *rates(values), cost])


def rates(values: dict[str, Any]) -> list[str]:
    """Lines for the available rates."""
    words = {
        "pass_1": "the first attempt is exactly right",
        "pass_2": "one of two attempts is",
        "task_pass_2": "puzzles all of whose test inputs are answered so",
        "mean_pass_2": "mean over puzzles of the share of test inputs",
        "exact_one": "a single sample, without a vote",
        "copy_pass_2": "answering with the input instead",
        "frequent_pass_2": "answering with the most frequent outputs that the puzzle shows",
    }
    return [f"  {name:<15} {values[name]:8.2%}  {text}" for name, text in words.items() if name in values]


# submissions ----------------------------------------------------------------------------------------------
def print_score(name: str, submission: Path, data: Path | None, *, as_json: bool, others: bool) -> int:
    """pass@1 and pass@2 of the attempts in a file, of the puzzles of `data` or of the public evaluation set. others:
    whether other options of eval were given."""
    if not is_name(name):
        raise ValueError(f"--submission is a file of attempts at ARC puzzles; leave it out for {name}.")
    if others:
        raise ValueError("--submission needs no weights; give only --data and --json with it.")
    there = source(FILES[name.split("-")[1]].asked[0] if data is None else str(data))
    outputs = read_solutions(there)
    if data is None:
        fit = {puzzle.name for puzzle in read_puzzles(there) if puzzle.side <= side_of(name)}
        outputs = {puzzle: grids for puzzle, grids in outputs.items() if puzzle in fit}
    metrics = score_submission(submission, outputs)
    missing = metrics["missing"]
    if missing and sys.stderr is not None:
        print(
            f"Warning: {submission} has no attempts at {counted(len(missing), 'puzzle')} of {len(outputs)}, such as "
            f"{missing[0]}; they count as wrong.",
            file=sys.stderr,
        )
    values: dict[str, Any] = {"task": name, "submission": submission.name, "data": there.name}
    values |= metrics | {"missing": len(missing)}
    if as_json:
        print(json.dumps(values))
        return 0
    asked = f"{counted(values['examples'], 'test input')} of {counted(values['puzzles'], 'puzzle')}"
    say("\n".join([f"{name}: {asked} of {there.name}, {submission.name}", *rates(values)]))
    return 0
