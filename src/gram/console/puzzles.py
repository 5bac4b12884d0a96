"""What `gram solve` and `gram eval` say: text for people, or JSON.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gram import tasks
from gram.console.animation import check_file, write
from gram.console.inputs import (
    Refusals,
    check_base,
    examples,
    is_bundle,
    load,
    named,
    read,
    tell_arithmetic,
    tell_reading,
)
from gram.console.output import check_output, records
from gram.console.remote import Remote, tell
from gram.console.text import counted, one_line, say
from gram.progress import EVERY, Progress, Snapshot, clock, progress
from gram.solve.answer import Answer
from gram.solve.options import resolve
from gram.tasks.arc.task import Arc
from gram.tasks.base import Task, Tokens
from gram.tasks.own.rows import Rows

if TYPE_CHECKING:
    from gram.measure.puzzles import Status
    from gram.solve.reasoner import Reasoner
    from gram.solve.sampler import Stage


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
    blank_unknown: bool = False,
    output: Path | None = None,
    n: int | None = None,
    remote: Remote | None = None,
) -> int:
    """Answer puzzles and print each answer as soon as it and those before it are there. `asked`: the options of
    Reasoner.solve. `animate`: a new SVG file for how the first trajectories of the only puzzle think. `skip_bad`: what
    is no puzzle is told and left out, for exit code 2 at the end. `quiet`: say only what goes wrong on standard error.
    `base`: see Task.understand. `explain_input`: only say how this file is understood. `blank_unknown`: symbols of
    one's own inputs that are not known read as blanks.
    `output`: a new file for the answers in place of their printing, see gram.console.output; it and `n` for rows that
    are completed: see gram.console.rows. `dtype`, `trust`, `check`: see gram.load. `remote`: a server that answers in
    place of weights."""
    if remote is not None and (name == tasks.OWN or weights or check or trust or animate or dtype != "auto"):
        raise ValueError("With --server the weights are there; leave --weights, --dtype, --check and --animate out.")
    task = named(name, weights, trust=trust, check=check)
    check_base(task, base)
    if output is not None:
        check_output(output, *([".json"] if isinstance(task, Arc) else []))
    if n is not None or isinstance(task, Rows):
        if not isinstance(task, Rows) or input is None or output is None or puzzles or as_json:
            raise ValueError(
                "--n is for weights of gram train own --complete, with --input FILE.csv, --output FILE and no --json."
            )
        from gram.console import rows

        return rows.fill(task, input=input, output=output, n=n or 1, weights=weights, dtype=dtype, asked=asked)
    if blank_unknown:
        task.blank_unknowns()
    if task.unconditional:
        raise ValueError(task.sampled().no_puzzles)
    if explain_input is not None:
        if puzzles or input is not None:
            raise ValueError("--explain-input says how a file is understood; leave --input and other puzzles out.")
        from gram.console.explain import explain

        return explain(task, explain_input, base)
    if isinstance(task, Arc):
        from gram.console import arc

        arc.refuse(
            name,
            server=remote is not None,
            output=output is not None,
            animate=animate is not None,
            skip_bad=skip_bad,
            asked=asked,
        )
        return arc.solve(
            task,
            puzzles,
            input=input,
            weights=weights,
            dtype=dtype,
            as_json=as_json,
            asked=asked,
            quiet=quiet,
            output=output,
            remote=remote,
        )
    found = read(task, puzzles, input, base)
    texts = found.puzzles
    refusals = Refusals(skip=skip_bad, several=len(texts) > 1)
    asked_for = refusals.encode(task, texts)
    if animate is not None:
        check_file(animate, len(asked_for))
    if not asked_for:
        return refusals.code
    if remote is not None:
        tell_reading(found, quiet=quiet)
        tell(remote, task, asked_for, asked, as_json=as_json, several=len(texts) > 1, output=output)
        return refusals.code
    solved, answered = 0, 0
    with records(output) as taken, progress("Solving", quiet=quiet, first=EVERY) as bar:
        bar.at(lambda: Snapshot(0.0, "reading the weights"))
        reasoner, _, _ = load(task, weights, dtype)
        with bar.aside():
            tell_reading(found, quiet=quiet)
        begin = time.perf_counter()
        for number, puzzle, answer in answers(reasoner, asked_for, refusals, bar, asked):
            solved, answered = solved + bool(answer.valid), answered + 1
            taken.add(fields(number, answer))
            with bar.aside():
                if as_json:
                    print(json.dumps(fields(number, answer)), flush=True)
                elif output is None:
                    heading, gap = (f"Puzzle {number}\n", "\n") if len(texts) > 1 else ("", "")
                    say(heading + describe(task, puzzle, answer) + gap)
                    sys.stdout.flush()
    if not as_json and (output is not None or len(texts) > 1):
        did = f"{solved} of {answered} solved" if task.checkable else f"{answered} answered, none checked,"
        where = "" if output is None else f"{output}: "
        say(f"{where}{did} in {time.perf_counter() - begin:.2f} s")
    if animate is not None:
        write(animate, reasoner, asked_for[0][1], asked)
    if not quiet:
        tell_arithmetic(reasoner)
    return refusals.code


def answers(
    reasoner: "Reasoner",
    numbered: Sequence[tuple[int, Tokens]],
    refusals: Refusals,
    bar: Progress,
    asked: dict[str, Any],
) -> Iterator[tuple[int, Tokens, Answer]]:
    """Each puzzle's number, tokens (L,) and answer."""
    begin, over, evaluations = time.perf_counter(), 0, 0

    def refuse(place: int, sentence: str) -> None:
        with bar.aside():
            refusals.tell(numbered[place - 1][0], sentence)

    def now() -> Snapshot:
        seconds, of = time.perf_counter() - begin, len(numbered)
        left = f", about {clock(seconds * (of - over) / over)} to go" if over >= 20 else ""
        did = f"{over:,} of {counted(of, 'puzzle')} in {clock(seconds)}, {counted(evaluations, 'function evaluation')}"
        return Snapshot(over / of, did + left)

    def watch(stage: "Stage") -> None:
        nonlocal over, evaluations
        over, evaluations = over + len(stage.over), evaluations + len(stage.rows)
        bar.at(now)

    for answer in reasoner.answers([puzzle for _, puzzle in numbered], refuse=refuse, watch=watch, **asked):
        number, puzzle = numbered[answer.number - 1]
        yield number, puzzle, answer


def fields(number: int, answer: Answer) -> dict[str, Any]:
    """One line of --json: see Answer.to_dict. number: which puzzle of the input it is, from 1."""
    return answer.to_dict() | {"number": number}


def describe(task: Task, puzzle: Tokens, answer: Answer) -> str:
    """One answer for people: picture, verdict, text, and what it took."""
    cost = f"{counted(answer.evaluations, 'function evaluation')}, {answer.seconds:.2f} s"
    if answer.tokens is None and not answer.complete:
        return f"{task.render(puzzle)}\nunsolved when the time was up ({cost}); more time may find an answer"
    if answer.tokens is None:
        return (
            f"{task.render(puzzle)}\nunsolved: no valid answer among {counted(answer.width, 'trajectory')} of "
            f"{counted(answer.depth, 'step')} ({cost}); a larger --width or --depth may find one"
        )
    lines = [task.render(puzzle, answer.tokens), answer.verdict]
    lines.append(f"answer  {one_line(answer.text)}")
    lines.append(
        f"chosen  {answer.agreed} of {answer.finished} ended trajectories agree, "
        f"after {counted(answer.steps, 'step')} ({cost})"
    )
    if not answer.complete:
        lines.append("not complete: the time was up, and this is the best so far")
    if len(answer.distinct) > 1 or (answer.exist or 1) > 1:
        of = f" of {answer.exist} that exist (exact count)" if answer.exist is not None else ""
        kind = "distinct answer" if answer.valid is None else "distinct valid answer"
        lines += [f"{counted(len(answer.distinct), kind)}{of}", *map(one_line, answer.distinct)]
    return "\n".join(lines)


# eval -----------------------------------------------------------------------------------------------------
HEAD = (
    *("task", "weights", "examples", "exact", "valid", "coverage", "conflicts", "width", "depth"),
    *("function_evaluations", "seconds"),
)
"""The first keys of --json, in this order; the other metrics of gram.measure.puzzles follow."""

METRICS = {
    "exact": "the chosen answer is the only solution",
    "exact_one": "a single sample is the only solution",
    "valid": "one sample obeys all rules",
    "selected_valid": "the chosen answer obeys all rules",
    "checked": "some sample obeys all rules, by early stop",
    "coverage": "distinct solutions found, of all that exist",
    "coverage_share": "coverage over that of uniform samples",
}
"""The rates that are shown to people, with what they say."""

KNOWN = {
    "exact": "the chosen answer is the known one",
    "exact_one": "a single sample is the known answer",
    "valid": "one sample is a known answer",
    "selected_valid": "the chosen answer is a known one",
    "coverage": "known answers found, of all that are known",
    "agreement": "samples that are the most frequent answer",
}
"""The same where nothing tells right from wrong but the answers that the data list: no claim on others."""


def evaluate(
    name: str,
    *,
    weights: str | None,
    dtype: str = "auto",
    data: Path | None,
    base: int | None = None,
    split: str,
    limit: int | None,
    edge_probability: float | None,
    early_stop: bool,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool = False,
    trust: bool = False,
    check: str | None = None,
    submission: Path | None = None,
) -> int:
    """Measure, print the metrics, and record them if asked to. What `asked` leaves open comes from config.solve.
    `submission`: attempts at ARC puzzles to score, in place of weights."""
    if submission is not None:
        from gram.console import arc

        others = (weights, check, record, edge_probability, limit, early_stop or None, trust or None, *asked.values())
        given = any(other is not None for other in others)
        return arc.score_submission(name, submission, data, as_json=as_json, others=given)
    if record is not None and is_bundle(weights):
        raise ValueError(f"{weights} is a bundle, and results are those of trained weights; leave --record out.")
    limited = asked.get("timeout") is not None or asked.get("total_timeout") is not None
    if record is not None and limited:
        raise ValueError("What is done within a time depends on the machine; leave --record or the time limits out.")
    task = named(name, weights, trust=trust, check=check)
    check_base(task, base)
    if task.unconditional:
        if data or limit or edge_probability or early_stop or asked.get("select") or limited:
            raise ValueError(f"{name} has no puzzles; leave out what chooses among them or among their answers.")
        from gram.console import samples

        return samples.evaluate(
            task.sampled(),
            weights=weights,
            dtype=dtype,
            split=split,
            record=record,
            as_json=as_json,
            asked=asked,
            quiet=quiet,
        )
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1.")
    if isinstance(task, Rows):
        if edge_probability or early_stop or record is not None:
            raise ValueError(f"{name} completes rows; leave --edge-probability, --early-stop and --record out.")
        from gram.console import rows

        options = {"data": data, "split": split, "limit": limit, "as_json": as_json, "asked": asked}
        return rows.evaluate(task, weights=weights, dtype=dtype, **options)
    if isinstance(task, Arc):
        if edge_probability or early_stop:
            raise ValueError(f"{name} has no graphs and no checker; leave --edge-probability and --early-stop out.")
        if limited:
            raise ValueError(f"{name} is measured whole; leave time limits out, or use a smaller --limit.")
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
            quiet=quiet,
        )
    with progress("Measuring", quiet=quiet) as bar:
        bar.at(lambda: Snapshot(0.0, "reading puzzles and weights"))
        found, how = examples(task, data, split, limit, edge_probability, base)
        reasoner, label, folder = load(task, weights, dtype)
        with bar.aside():
            tell_reading(how, quiet=quiet)
        from gram.measure import puzzles as measure
        from gram.measure.record import keep, key

        options = resolve(reasoner.config.solve, asked)
        metrics = measure.evaluate(
            (reasoner.network, task),
            found,
            options,
            early_stop=early_stop,
            watch=lambda status: bar.at(lambda: growing(status())),
        ).to_dict()
    metrics |= {
        "task": task.spec.name,
        "weights": label,
        "data": split if data is None else data.name,
        "temperature": options.temperature,
        "edge_probability": edge_probability,
        "known_only": not task.checkable,
    }
    metrics = {key: metrics[key] for key in HEAD} | {k: v for k, v in metrics.items() if k not in HEAD}
    if as_json:
        print(json.dumps(metrics))
    else:
        say(table(metrics))
    if record is not None:
        named_by = {name: getattr(options, name) for name in ("width", "depth", "select")}
        named_by |= {"limit": limit, "temperature": asked.get("temperature"), "edge_probability": edge_probability}
        named_by |= {"seed": asked.get("seed") or None, "restart_every": asked.get("restart_every")}
        named_by["early_stop"] = early_stop or None
        keep(record, reasoner, folder, key(metrics["data"], named_by), metrics)
    if not quiet:
        tell_arithmetic(reasoner)
    return 0


def growing(status: "Status") -> Snapshot:
    """How far a measurement is, for people."""
    parts = [f"{status.over:,} of {counted(status.puzzles, 'puzzle')} in {clock(status.seconds)}"]
    share = status.over / status.puzzles
    if status.left is not None:
        share = status.seconds / max(1e-9, status.seconds + status.left)
        parts.append(f"{'about' if status.sure else 'at most'} {clock(status.left)} to go")
    parts += [f"{name} {rate:.1%}" for name, rate in status.metrics.items()]
    return Snapshot(share, ", ".join(parts))


def table(metrics: dict[str, Any]) -> str:
    """The metrics for people. Without a check, in words that do not claim more than is known."""
    head = (
        f"{metrics['task']}: {counted(metrics['examples'], 'puzzle')} of {metrics['data']}, "
        f"weights {metrics['weights']}, width {metrics['width']}, depth {metrics['depth']}, select {metrics['select']}"
    )
    words = KNOWN if metrics["known_only"] else METRICS
    rates = [f"  {k:<15} {metrics[k]:8.2%}  {text}" for k, text in words.items() if metrics.get(k) is not None]
    if metrics["known_only"]:
        distinct = metrics["diversity"] * metrics["width"]
        rates.append(f"  {'distinct':<15} {distinct:8.2f}  different answers of a puzzle, right or not")
        rates.append("  No check was run: an answer that is not among the known ones may be right.")
        metrics = metrics | {"by_solutions": {}, "conflicts": None}
    for solutions, group in metrics.get("by_solutions", {}).items():
        if group["examples"] and len(rates) and metrics["exact"] is None:
            rates.append(
                f"  {solutions + ' answers':<15} {group['valid']:8.2%}  valid, {group['coverage']:.2%} coverage "
                f"({counted(group['examples'], 'puzzle')})"
            )
    if metrics["conflicts"] is not None:
        rates.append(
            f"  {'conflicts':<15} {metrics['conflicts']:>8,}  broken rules, most frequent answers, all puzzles"
        )
    evaluations = metrics["function_evaluations"] + metrics.get("checked_evaluations", 0)
    seconds = metrics["seconds"] + metrics.get("checked_seconds", 0.0)
    cost = [f"  {counted(evaluations, 'function evaluation')}, {seconds:.1f} s"]
    if metrics.get("complete") is False:
        cost.append(f"  not complete: some time was up; {counted(metrics['left_out'], 'puzzle')} left out")
    return "\n".join([head, *rates, *cost])
