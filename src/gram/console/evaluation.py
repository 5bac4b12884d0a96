"""What `gram eval` says: text for people, or JSON.

torch is imported late, so that a mistyped puzzle is refused at once.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gram.cluster import distributed
from gram.console.inputs import check_base, examples, is_bundle, load, named, print_arithmetic, print_reading
from gram.console.text import counted, say
from gram.console.workers import alone, check_ray
from gram.progress import Snapshot, clock, progress
from gram.solve.options import resolve
from gram.tasks.arc.task import Arc
from gram.tasks.base import Task
from gram.tasks.own.rows import Rows

if TYPE_CHECKING:
    from gram.measure.puzzles import Status

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
"""The rates shown to people, with their meaning."""

KNOWN = {
    "exact": "the chosen answer is the known one",
    "exact_one": "a single sample is the known answer",
    "valid": "one sample is a known answer",
    "selected_valid": "the chosen answer is a known one",
    "coverage": "known answers found, of all that are known",
    "agreement": "samples that are the most frequent answer",
}
"""The same if only the answers in the data are known to be correct, without claims about others."""

READING = "Reading puzzles and weights."
"""Said at once: PyTorch alone takes a second or more to load."""


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
    keys: tuple[str | None, str | None] = (None, None),
    submission: Path | None = None,
    bits: bool = False,
    ray: str | None = None,
) -> int:
    """Measure, print the metrics, and record them if asked to. What `asked` leaves open comes from config.solve.
    `keys`: of inputs and targets in a file of your own data. `submission`: attempts at ARC puzzles to score,
    in place of weights. `ray`: see gram.cluster."""
    others = {"submission": submission, "record": record, "check": check, "trust-check": trust or None}
    check_ray(ray, weights, asked, others | {"bits": bits or None})
    if submission is not None:
        from gram.console import arc

        others = (
            weights,
            check,
            record,
            edge_probability,
            limit,
            early_stop or None,
            trust or None,
            bits or None,
            *asked.values(),
        )
        given = any(other is not None for other in others)
        return arc.print_score(name, submission, data, as_json=as_json, others=given)
    if record is not None and is_bundle(weights):
        raise ValueError(
            f"{weights} is a bundle, but only results of trained weights are recorded; leave out --record."
        )
    limited = asked.get("timeout") is not None or asked.get("total_timeout") is not None
    if record is not None and limited:
        raise ValueError("Results with time limits depend on the machine; leave out --record or the time limits.")
    task = named(name, weights, trust=trust, check=check, keys=keys)
    check_base(task, base)
    if task.unconditional:
        if data or (limit and not bits) or edge_probability or early_stop or asked.get("select") or limited:
            raise ValueError(f"{name} has no puzzles; leave out the options that choose among puzzles or answers.")
        if bits:
            from gram.console import likelihood

            options = {"split": split, "limit": limit, "record": record, "as_json": as_json, "asked": asked}
            return likelihood.evaluate(task.sampled(), weights=weights, dtype=dtype, quiet=quiet, **options)
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
            ray=ray,
        )
    if bits:
        raise ValueError(f"{name} has puzzles; --bits is for tasks without, such as mnist.")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it must be at least 1.")
    if isinstance(task, Rows):
        if edge_probability or early_stop or record is not None:
            raise ValueError(f"{name} completes rows; leave out --edge-probability, --early-stop and --record.")
        from gram.console import rows

        alone(ray, name)
        options = {"data": data, "split": split, "limit": limit, "as_json": as_json, "asked": asked}
        return rows.evaluate(task, weights=weights, dtype=dtype, quiet=quiet, **options)
    if isinstance(task, Arc):
        if edge_probability or early_stop:
            raise ValueError(f"{name} has no graphs and no checker; leave out --edge-probability and --early-stop.")
        if limited:
            raise ValueError(f"{name} has no time limits; leave them out, or use a smaller --limit.")
        from gram.console import arc

        alone(ray, name)
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
    return of_puzzles(
        task,
        weights=weights,
        dtype=dtype,
        data=data,
        split=split,
        limit=limit,
        edge_probability=edge_probability,
        base=base,
        early_stop=early_stop,
        record=record,
        as_json=as_json,
        asked=asked,
        quiet=quiet,
        ray=ray,
    )


def of_puzzles(
    task: Task,
    *,
    weights: str | None,
    dtype: str,
    data: Path | None,
    split: str,
    limit: int | None,
    edge_probability: float | None,
    base: int | None,
    early_stop: bool,
    record: Path | None,
    as_json: bool,
    asked: dict[str, Any],
    quiet: bool,
    ray: str | None,
) -> int:
    """The same for a task whose puzzles have rules or known answers, one answer each."""
    with progress("Measuring", quiet=quiet, first=0.0) as bar:
        bar.at(lambda: Snapshot(0.0, READING))
        found, how = examples(task, data, split, limit, edge_probability, base)
        reasoner, label, folder = load(task, weights, dtype)
        with bar.aside():
            print_reading(how, quiet=quiet)
        reasoner = distributed(reasoner, ray)
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
        print_arithmetic(reasoner)
    return 0


def growing(status: "Status") -> Snapshot:
    """The progress of an evaluation, for people."""
    parts = [f"{status.over:,} of {counted(status.puzzles, 'puzzle')} in {clock(status.seconds)}"]
    share = status.over / status.puzzles
    if status.left is not None:
        share = status.seconds / max(1e-9, status.seconds + status.left.likely)
        parts.append(status.left.to_go)
    parts += [f"{name} {rate:.1%}" for name, rate in status.metrics.items()]
    return Snapshot(share, ", ".join(parts))


def table(metrics: dict[str, Any]) -> str:
    """The metrics for people. Without a check, the words do not claim more than is known."""
    head = (
        f"{metrics['task']}: {counted(metrics['examples'], 'puzzle')} of {metrics['data']}, "
        f"weights {metrics['weights']}, width {metrics['width']}, depth {metrics['depth']}, select {metrics['select']}"
    )
    words = KNOWN if metrics["known_only"] else METRICS
    rates = [f"  {k:<15} {metrics[k]:8.2%}  {text}" for k, text in words.items() if metrics.get(k) is not None]
    if metrics["known_only"]:
        distinct = metrics["diversity"] * metrics["width"]
        rates.append(f"  {'distinct':<15} {distinct:8.2f}  different answers of a puzzle, right or not")
        rates.append("  No check was run: an answer that is not among the known ones may be correct.")
        metrics = metrics | {"by_solutions": {}, "conflicts": None}
    for solutions, group in metrics.get("by_solutions", {}).items():
        if group["examples"] and len(rates) and metrics["exact"] is None:
            rates.append(
                f"  {solutions + ' answers':<15} {group['valid']:8.2%}  valid, {group['coverage']:.2%} coverage "
                f"({counted(group['examples'], 'puzzle')})"
            )
    if metrics.get("unlisted") and not metrics["known_only"]:
        rates.append(
            f"  {'unlisted':<15} {metrics['unlisted']:>8,}  valid answers that are no targets: the data do not list all"
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
