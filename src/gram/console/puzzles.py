"""What `gram solve` and `gram eval` say: text for people, or JSON.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gram.console.animation import check_file, write
from gram.console.inputs import examples, is_bundle, load, named, read, tell_arithmetic
from gram.console.text import counted, one_line, say
from gram.solve.options import resolve
from gram.solve.reasoner import encode
from gram.tasks.arc.task import Arc
from gram.tasks.base import Task, Tokens, Unconditional

if TYPE_CHECKING:
    from gram.solve.reasoner import Answer

CHUNK = 256
"""Puzzles that are answered side by side."""
COUNTING = 200_000
"""Nodes that the exact solver may visit to count the answers of one puzzle."""


# solve ----------------------------------------------------------------------------------------------------
def solve(
    name: str,
    puzzles: tuple[str, ...],
    *,
    input: Path | None,
    weights: str | None,
    dtype: str = "auto",
    as_json: bool,
    asked: dict[str, Any],
    animate: Path | None = None,
    trust: bool = False,
    check: str | None = None,
) -> int:
    """Answer puzzles and print each answer. `asked`: the options of Reasoner.solve. `animate`: a new SVG file for how
    the first trajectories of the only puzzle think. `dtype`, `trust`, `check`: see gram.load.

    Puzzles are answered 256 at a time; the seconds of one are its share of its call's: the call's time over the
    puzzles in it. With want above 1, select and width default to what can find as many.
    """
    task = named(name, weights, trust=trust, check=check)
    if isinstance(task, Unconditional):
        raise ValueError(task.no_puzzles)
    if isinstance(task, Arc):
        if animate is not None:
            raise ValueError(f"{name} asks many variants of a test input, which no animation shows; leave it out.")
        from gram.console import arc

        return arc.solve(task, puzzles, input=input, weights=weights, dtype=dtype, as_json=as_json, asked=asked)
    texts = read(task, puzzles, input)
    tokens = encode(task, texts)
    if animate is not None:
        check_file(animate, len(tokens))
    reasoner, _, _ = load(task, weights, dtype)
    several = (asked.get("want") or 1) > 1
    if several:
        asked = asked | {"select": asked.get("select") or "checked"}
        asked["width"] = asked.get("width") or max(reasoner.config.solve.width, 10 * asked["want"])
    solved, seconds = 0, 0.0
    for first in range(0, len(tokens), CHUNK):
        part = tokens[first : first + CHUNK]
        try:
            answers = reasoner.solve(part, **asked)
        except ValueError as error:  # it counts the puzzles of this call
            raise ValueError(renumber(str(error), first)) from None
        seconds += answers[0].seconds
        for i, answer in enumerate(answers):
            solved += bool(answer.valid)
            exist = count(task, part[i]) if several else None
            share = answer.seconds / len(answers)
            if as_json:
                print(json.dumps(fields(answer, share, exist)))
            else:
                heading = f"Puzzle {first + i + 1}\n" if len(tokens) > 1 else ""
                say(heading + describe(task, part[i], answer, share, exist) + ("\n" if len(tokens) > 1 else ""))
        sys.stdout.flush()
    if not as_json and len(tokens) > 1:
        did = f"{solved} of {len(tokens)} solved" if task.checkable else f"{len(tokens)} answered, none checked,"
        say(f"{did} in {seconds:.2f} s")
    if animate is not None:
        write(animate, reasoner, tokens[0], asked)
    tell_arithmetic(reasoner)
    return 0


def renumber(sentence: str, first: int) -> str:
    """ "Puzzle 2: ..." of a call that began at puzzle `first` (from 0) -> its number among all."""
    return re.sub(r"^Puzzle (\d+)", lambda match: f"Puzzle {int(match[1]) + first}", sentence)


def count(task: Task, puzzle: Tokens) -> int | None:
    """How many answers a puzzle (L,) has, by the exact solver; None if that takes too long."""
    try:
        return len(task.solutions(puzzle, budget=COUNTING))
    except RuntimeError:
        return None


def fields(answer: "Answer", seconds: float, exist: int | None) -> dict[str, Any]:
    """One line of --json. agreed: trajectories that ended in the answer. exist: answers that the puzzle has, counted
    exactly; null unless several were wanted."""
    return {
        "puzzle": answer.puzzle,
        "answer": answer.text,
        "valid": answer.valid,
        "distinct": list(answer.distinct),
        "width": answer.width,
        "depth": answer.depth,
        "steps": answer.steps,
        "value": answer.value,
        "seconds": seconds,
        "agreed": agreed(answer)[0],
        "finished": agreed(answer)[1],
        "evaluations": answer.evaluations,
        "exist": exist,
    }


def agreed(answer: "Answer") -> tuple[int, int]:
    """Trajectories that ended in the answer, and all that ended."""
    mine = [c.votes for c in answer.candidates if answer.tokens is not None and np.array_equal(c.answer, answer.tokens)]
    return sum(mine), sum(c.votes for c in answer.candidates)


def describe(task: Task, puzzle: Tokens, answer: "Answer", seconds: float, exist: int | None) -> str:
    """One answer for people: picture, verdict, text, and what it took."""
    votes, finished = agreed(answer)
    cost = f"{counted(answer.evaluations, 'function evaluation')}, {seconds:.2f} s"
    if answer.tokens is None:
        return (
            f"{task.render(puzzle)}\nunsolved: no valid answer among {counted(answer.width, 'trajectory')} of "
            f"{counted(answer.depth, 'step')} ({cost}); a larger --width or --depth may find one"
        )
    lines = [task.render(puzzle, answer.tokens)]
    if answer.valid is None:
        lines.append("valid or not is unknown: no check was run")
    elif answer.valid:
        lines.append("solved: the answer obeys all rules and keeps the givens")
    else:
        broken = int(task.conflicts(puzzle[None], answer.tokens[None])[0])
        lines.append(f"unsolved: the chosen answer breaks the rules in {counted(broken, 'place')}")
    lines.append(f"answer  {one_line(answer.text)}")
    lines.append(
        f"chosen  {votes} of {finished} ended trajectories agree, after {counted(answer.steps, 'step')} ({cost})"
    )
    if len(answer.distinct) > 1 or exist is not None:
        of = f" of {exist} that exist (exact count)" if exist is not None else ""
        kind = "distinct answer" if answer.valid is None else "distinct valid answer"
        lines += [f"{counted(len(answer.distinct), kind)}{of}", *map(one_line, answer.distinct)]
    return "\n".join(lines)


# eval -----------------------------------------------------------------------------------------------------
HEAD = (
    *("task", "weights", "examples", "exact", "valid", "coverage", "conflicts", "width", "depth"),
    *("function_evaluations", "seconds"),
)
"""The first keys of --json, in this order; the other figures of gram.measure.puzzles follow."""

FIGURES = {
    "exact": "the chosen answer is the only solution",
    "exact_one": "a single sample is the only solution",
    "valid": "one sample obeys all rules",
    "selected_valid": "the chosen answer obeys all rules",
    "checked": "some sample obeys all rules, by early stop",
    "coverage": "distinct solutions found, of all that exist",
    "coverage_share": "coverage over that of uniform samples",
}
"""The rates that are shown to people, with what they say."""


def evaluate(
    name: str,
    *,
    weights: str | None,
    dtype: str = "auto",
    data: Path | None,
    split: str,
    limit: int | None,
    edge_probability: float | None,
    early_stop: bool,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    trust: bool = False,
    check: str | None = None,
) -> int:
    """Measure, print the figures, and record them if asked to. What `asked` leaves open comes from config.solve."""
    if record is not None and is_bundle(weights):
        raise ValueError(f"{weights} is a bundle, and results are those of trained weights; leave --record out.")
    task = named(name, weights, trust=trust, check=check)
    if isinstance(task, Unconditional):
        if data or limit or edge_probability or early_stop or asked.get("select"):
            raise ValueError(f"{name} has no puzzles; leave out what chooses among them or among their answers.")
        from gram.console import samples

        return samples.evaluate(
            task, weights=weights, dtype=dtype, split=split, record=record, as_json=as_json, asked=asked
        )
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1.")
    if isinstance(task, Arc):
        if edge_probability or early_stop:
            raise ValueError(f"{name} has no graphs and no checker; leave --edge-probability and --early-stop out.")
        from gram.console import arc

        return arc.evaluate(
            task,
            weights=weights,
            dtype=dtype,
            data=data,
            split=split,
            limit=limit,
            record=record,
            as_json=as_json,
            asked=asked,
        )
    found = examples(task, data, split, limit, edge_probability)
    reasoner, label, folder = load(task, weights, dtype)
    from gram.measure import puzzles as measure
    from gram.measure.record import keep, key

    options = resolve(reasoner.config.solve, asked)
    figures = measure.evaluate((reasoner.network, task), found, options, early_stop=early_stop)
    figures |= {
        "task": task.spec.name,
        "weights": label,
        "data": split if data is None else data.name,
        "temperature": options.temperature,
        "edge_probability": edge_probability,
    }
    figures = {key: figures[key] for key in HEAD} | {k: v for k, v in figures.items() if k not in HEAD}
    if as_json:
        print(json.dumps(figures))
    else:
        say(table(figures))
    if record is not None:
        named_by = {name: getattr(options, name) for name in ("width", "depth", "select")}
        named_by |= {"limit": limit, "temperature": asked.get("temperature"), "edge_probability": edge_probability}
        named_by |= {"seed": asked.get("seed") or None, "restart_every": asked.get("restart_every")}
        named_by["early_stop"] = early_stop or None
        keep(record, reasoner, folder, key(figures["data"], named_by), figures)
    tell_arithmetic(reasoner)
    return 0


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    head = (
        f"{figures['task']}: {counted(figures['examples'], 'puzzle')} of {figures['data']}, "
        f"weights {figures['weights']}, width {figures['width']}, depth {figures['depth']}, select {figures['select']}"
    )
    rates = [f"  {k:<15} {figures[k]:8.2%}  {text}" for k, text in FIGURES.items() if figures.get(k) is not None]
    for solutions, group in figures.get("by_solutions", {}).items():
        if group["examples"] and len(rates) and figures["exact"] is None:
            rates.append(
                f"  {solutions + ' answers':<15} {group['valid']:8.2%}  valid, {group['coverage']:.2%} coverage "
                f"({counted(group['examples'], 'puzzle')})"
            )
    if figures["conflicts"] is not None:
        rates.append(
            f"  {'conflicts':<15} {figures['conflicts']:>8,}  broken rules, most frequent answers, all puzzles"
        )
    evaluations = figures["function_evaluations"] + figures.get("checked_evaluations", 0)
    seconds = figures["seconds"] + figures.get("checked_seconds", 0.0)
    cost = f"  {counted(evaluations, 'function evaluation')}, {seconds:.1f} s"
    return "\n".join([head, *rates, cost])
