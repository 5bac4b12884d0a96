"""What `gram solve` says: text for people, or JSON.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gram import tasks
from gram.cluster import distributed
from gram.console.animation import check_file, write
from gram.console.inputs import (
    Refusals,
    check_base,
    load,
    named,
    print_arithmetic,
    print_reading,
    read,
)
from gram.console.journal import keeping
from gram.console.output import check_output
from gram.console.remote import Remote, report
from gram.console.text import counted, one_line, say
from gram.console.workers import alone, check_ray
from gram.progress import EVERY, Progress, Snapshot, progress
from gram.solve.answer import Answer
from gram.tasks.arc.task import Arc
from gram.tasks.base import Task
from gram.tasks.own.rows import Rows
from gram.tasks.reading.content import Found
from gram.tasks.spec import Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner


# solve ----------------------------------------------------------------------------------------------------
def solve(
    name: str,
    puzzles: tuple[str, ...],
    *,
    input: Path | None,
    base: int | None = None,
    explain_input: Path | None = None,
    weights: str | None,
    dtype: str = "auto",
    as_json: bool,
    asked: dict[str, Any],
    animate: Path | None = None,
    skip_bad: bool = False,
    quiet: bool = False,
    trust: bool = False,
    check: str | None = None,
    input_key: str | None = None,
    blank_unknown: bool = False,
    output: Path | None = None,
    n: int | None = None,
    remote: Remote | None = None,
    ray: str | None = None,
) -> int:
    """Answer puzzles and print each answer as soon as it and all earlier ones are ready. `asked`: options of
    Reasoner.solve. `animate`: a new SVG file that shows the first trajectories of the only puzzle. `skip_bad`: report
    and skip invalid puzzles, with exit code 2 at the end. `quiet`: print only errors on standard error. `base`: see
    Task.understand. `explain_input`: only show how this file is understood. `blank_unknown`, `input_key`: of your own
    inputs. `output`, `n`: see gram.console.output and rows. `dtype`, `trust`, `check`: see gram.load. `ray`: see
    gram.cluster; the answers for `output` are then kept as they come, and the same command continues."""
    others = {"server": remote, "animate": animate, "check": check, "trust-check": trust or None}
    check_ray(ray, weights, asked, others)
    if remote is not None and (name == tasks.OWN or weights or check or trust or animate or dtype != "auto"):
        raise ValueError(
            "With --server, the server has the weights; leave out --weights, --dtype, --check and --animate."
        )
    task = named(name, weights, trust=trust, check=check, keys=(input_key, None))
    check_base(task, base)
    if output is not None:
        check_output(output, *([".json"] if task.votes else []))
    common: dict[str, Any] = {"weights": weights, "dtype": dtype, "asked": asked}
    if n is not None or task.completes:
        from gram.console import rows

        alone(ray, name)
        if not isinstance(task, Rows) or input is None or output is None or puzzles or as_json:
            raise ValueError(rows.NEEDS)
        return rows.fill(task, input=input, output=output, n=n or 1, quiet=quiet, **common)
    if blank_unknown:
        task.blank_unknowns()
    if task.unconditional:
        raise ValueError(task.sampled().no_puzzles)
    if explain_input is not None:
        if puzzles or input is not None:
            raise ValueError("--explain-input shows how a file is understood; leave out --input and other puzzles.")
        from gram.console.explain import explain

        return explain(task, explain_input, base)
    common |= {"as_json": as_json, "quiet": quiet, "output": output, "remote": remote}
    if isinstance(task, Arc):
        from gram.console import arc

        alone(ray, name)
        unread = {"animate": animate is not None, "skip_bad": skip_bad, "asked": asked}
        arc.refuse(name, server=remote is not None, output=output is not None, **unread)
        return arc.solve(task, puzzles, input=input, **common)
    return answer(task, read(task, puzzles, input, base), animate=animate, skip_bad=skip_bad, ray=ray, **common)


def answer(
    task: Task,
    found: Found,
    *,
    weights: str | None,
    dtype: str,
    as_json: bool,
    asked: dict[str, Any],
    animate: Path | None,
    skip_bad: bool,
    quiet: bool,
    output: Path | None,
    remote: Remote | None,
    ray: str | None,
) -> int:
    """`solve` for the puzzles that were read, one by one."""
    several = len(found.puzzles) > 1
    refusals = Refusals(skip=skip_bad, several=several)
    asked_for = refusals.encode(task, found.puzzles)
    if animate is not None:
        check_file(animate, len(asked_for))
    if not asked_for:
        return refusals.code
    if remote is not None:
        print_reading(found, quiet=quiet)
        report(remote, task, asked_for, asked, as_json=as_json, several=several, output=output)
        return refusals.code
    with keeping(output, continues=ray is not None) as kept, progress("Solving", quiet=quiet, first=EVERY) as bar:
        bar.at(lambda: Snapshot(0.0, "reading the weights"))
        reasoner, _, _ = load(task, weights, dtype)
        with bar.aside():
            left = kept.left(reasoner, asked_for, asked)
            print_reading(found, quiet=quiet)
        reasoner = distributed(reasoner, ray)
        begin, solved, answered = time.perf_counter(), kept.solved, len(kept)
        ordered = ray is None or as_json or output is None  # a journal sorts
        for number, puzzle, made in answers(reasoner, left, refusals, bar, asked, ordered=ordered):
            solved, answered = solved + bool(made.valid), answered + 1
            kept.add(fields(number, made))
            with bar.aside():
                if as_json:
                    print(json.dumps(fields(number, made)), flush=True)
                elif output is None:
                    heading, gap = (f"Puzzle {number}\n", "\n") if several else ("", "")
                    say(heading + describe(task, puzzle, made) + gap)
                    sys.stdout.flush()
    if not as_json and (output is not None or several):
        did = f"{solved} of {answered} solved" if task.checkable else f"{answered} answered, none checked,"
        where = "" if output is None else f"{output}: "
        say(f"{where}{did} in {time.perf_counter() - begin:.2f} s")
    if animate is not None:
        write(animate, reasoner, asked_for[0][1], asked)
    if not quiet:
        print_arithmetic(reasoner)
    return refusals.code


def answers(
    reasoner: "Reasoner",
    numbered: Sequence[tuple[int, Tokens]],
    refusals: Refusals,
    bar: Progress,
    asked: dict[str, Any],
    *,
    ordered: bool,
) -> Iterator[tuple[int, Tokens, Answer]]:
    """Yield the number, tokens (L,) and answer of each puzzle, as they come or `ordered`."""
    from gram.solve.outlook import PuzzleOutlook

    options = reasoner.options(asked)
    outlook = PuzzleOutlook(len(numbered), options.width * options.depth)

    def refuse(place: int, sentence: str) -> None:
        outlook.refuse()
        with bar.aside():
            refusals.report(numbered[place - 1][0], sentence)

    watch = outlook.shown(bar, lambda: f"{outlook.over:,} of {counted(outlook.rows, 'puzzle')}")
    tokens = [puzzle for _, puzzle in numbered]
    for answer in reasoner.answers(tokens, refuse=refuse, watch=watch, ordered=ordered, **asked):
        number, puzzle = numbered[answer.number - 1]
        yield number, puzzle, answer


def fields(number: int, answer: Answer) -> dict[str, Any]:
    """One line of --json: see Answer.to_dict. number: position of the puzzle in the input, from 1."""
    return answer.to_dict() | {"number": number}


def describe(task: Task, puzzle: Tokens, answer: Answer) -> str:
    """One answer for people: picture, verdict, text, and cost."""
    cost = f"{counted(answer.evaluations, 'function evaluation')}, {answer.seconds:.2f} s"
    if answer.tokens is None and answer.all is not None:
        return f"{task.render(puzzle)}\n{answer.verdict} ({cost})"
    if answer.tokens is None and not answer.complete:
        return f"{task.render(puzzle)}\nunsolved when the time was up ({cost}); more time may find an answer"
    if answer.tokens is None:
        return (
            f"{task.render(puzzle)}\nunsolved: no valid answer among {counted(answer.width, 'trajectory')} of "
            f"{counted(answer.depth, 'step')} ({cost}); a larger --width or --depth may find one"
        )
    lines = [task.render(puzzle, answer.tokens), answer.verdict]
    lines.append(f"answer  {one_line(answer.text)}")
    if answer.steps is None:
        lines.append(f"chosen  by the rules; no trajectory found an answer ({cost})")
    else:
        lines.append(
            f"chosen  {answer.agreed} of {answer.finished} ended trajectories agree, "
            f"after {counted(answer.steps, 'step')} ({cost})"
        )
    if not answer.complete:
        lines.append("not complete: the time was up, and this is the best so far")
    if answer.all is not None:
        lines += [answer.listing, *(map(one_line, answer.distinct) if len(answer.distinct) > 1 else ())]
    elif len(answer.distinct) > 1 or (answer.exist or 1) > 1:
        of = f" of {answer.exist} that exist (exact count)" if answer.exist is not None else ""
        kind = "distinct answer" if answer.valid is None else "distinct valid answer"
        lines += [f"{counted(len(answer.distinct), kind)}{of}", *map(one_line, answer.distinct)]
    return "\n".join(lines)
