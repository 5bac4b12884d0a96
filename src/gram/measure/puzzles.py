"""Metrics of puzzles: validity, coverage and calibration, all from samples of the prior, with their cost.

The targets are compared with the answers afterwards and reach neither the model nor the choice among its samples.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gram.config.values import Select
from gram.measure.evaluation import Evaluation, First, Group, calibration
from gram.measure.passes import Pass, abreast, remaining
from gram.progress import Left
from gram.solve.backend import Network
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, resolve
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import DEFAULTS, Trajectories
from gram.solve.select import choose, needs_check
from gram.tasks.base import Task
from gram.tasks.spec import Examples, Tokens

GROUPS = {"1": (1, 1), "2-5": (2, 5), "6+": (6, np.inf)}
"""Groups of puzzles by number of solutions."""


def evaluate(
    source: Reasoner | tuple[Network, Task],
    examples: Examples,
    options: SamplingOptions = DEFAULTS,
    *,
    early_stop: bool = False,
    watch: "Watch | None" = None,
    **changes: Any,
) -> Evaluation:
    """Evaluate on `examples`, whose targets should be complete for each input; `changes` are options by name. The
    metrics are those of gram.measure.evaluation.Evaluation.

    Every sample runs to `depth` or until its halting logit exceeds `halt_threshold`, without early stop by the checker.
    An unsolved puzzle counts as wrong. With select "checked", there is a second pass with early stop; for puzzles with
    a single target, exact and selected_valid are those of that pass.

    early_stop: only that second pass; valid, coverage and conflicts are None, because they need all samples.
    Both passes are interleaved in a shuffled order, so that intermediate metrics are representative; `watch` is called
    with the progress after each supervision step. A puzzle ends as it is after `timeout` seconds (rows that never ran
    count as wrong), and after `total_timeout` unfinished puzzles are left out. The metrics then also have complete and
    left_out, the number of these puzzles.

    If all trajectories of a variant are equal, one is run and counts as `width` samples. ValueError without
    examples, for an input without a target, for early_stop without "checked", or for a width beyond memory.
    """
    if len(examples) == 0:
        raise ValueError("There are no examples to evaluate on; give a file or a split with examples.")
    if not examples.counts.all():
        raise ValueError(f"Input {int(examples.counts.argmin()) + 1} has no target; leave such inputs out.")
    o = replace(resolve(options, changes), want=None)
    if early_stop and o.select != "checked":
        raise ValueError(f'early_stop needs the checker, but select is {o.select!r}; choose "checked" or leave it out.')
    network, task = (source.network, source.task) if isinstance(source, Reasoner) else source
    check_width(o.width, len(examples), task.spec.length)
    needs_check(task, o.select)
    order = shuffled(len(examples))
    inputs, tally, begin = examples.inputs[order], Tally(task, o.width, o.select), time.perf_counter()

    def show() -> None:
        if watch is not None:
            watch(lambda: Status.of(passes, time.perf_counter() - begin, tally, o.total_timeout))

    full = None if early_stop else Pass(network, task, inputs, o, watch=show)
    early = Pass(network, task, inputs, replace(o, want=1), watch=show) if o.select == "checked" else None
    passes = [each for each in (full, early) if each is not None]
    for which, place, found in abreast(passes):
        if o.total_timeout is not None and time.perf_counter() - begin >= o.total_timeout:
            break
        i = int(order[place])
        if which is full:
            tally.add(examples.inputs[i], examples.targets_of(i), found, place=i)
        else:
            answer = choose(task, examples.inputs[i], found, "checked").answer
            tally.checked.append(answer is not None)
            tally.checked_exact.append(answer is not None and np.array_equal(answer, examples.targets_of(i)[0]))
    return summary(full, early, tally, examples, o)


def shuffled(count: int) -> np.ndarray:
    """A fixed shuffled order of puzzles, so that the first ones represent the rest."""
    return np.random.default_rng(0).permutation(count)


def summary(
    full: Pass | None, early: Pass | None, tally: "Tally", examples: Examples, options: SamplingOptions
) -> Evaluation:
    """The metrics of the passes that ran."""
    measured = min(len(each) for each in ([tally.places] * bool(full) + [tally.checked] * bool(early)))
    if not measured:
        raise ValueError("The time was up before the first puzzle ended; give more time or a smaller width.")
    metrics: dict[str, Any] = {name: getattr(options, name) for name in ("width", "depth", "select", "seed")}
    metrics |= {"examples": measured, "restart_every": options.restart_every or None, "early_stop": full is None}
    if options.timeout is not None or options.total_timeout is not None:
        late = [each.deadline.late for each in (full, early) if each is not None]
        metrics |= {"complete": not np.any(late), "left_out": len(examples) - measured}
        metrics |= {"timeout": options.timeout, "total_timeout": options.total_timeout}
    solved = float(np.mean(tally.checked)) if early is not None else None
    metrics["checked"] = solved
    if full is None:
        assert early is not None
        single = bool((examples.counts == 1).all())
        metrics |= {"exact": float(np.mean(tally.checked_exact)) if single else None, "selected_valid": solved}
        metrics |= {"function_evaluations": early.evaluations, "seconds": early.seconds}
        return Evaluation(**metrics)
    metrics |= tally.metrics() | {"seconds": full.seconds}
    if early is not None:
        metrics |= {"checked_evaluations": early.evaluations, "checked_seconds": early.seconds}
        if metrics["exact"] is not None and not metrics["unlisted"]:  # with a single correct answer, valid means exact
            metrics["exact"] = metrics["selected_valid"] = metrics["checked"]
    return Evaluation(**metrics)


@dataclass(frozen=True)
class Status:
    """The progress of an evaluation."""

    over: int
    """Number of ended puzzles."""
    puzzles: int
    seconds: float
    """Seconds since the start."""
    left: Left | None
    """Remaining seconds, None if unknown: a likely value, the range, and whether they agree (`sure`)."""
    metrics: dict[str, float]
    """Running means of the displayed metrics."""

    @classmethod
    def of(cls, passes: Sequence[Pass], seconds: float, tally: "Tally", limit: float | None = None) -> "Status":
        """The status of interleaved passes that take at most `limit` seconds."""
        left = remaining(passes)
        means = {
            "valid": tally.valid,
            "selected_valid": tally.selected_valid.get(tally.width),
            "checked": tally.checked,
        }
        return cls(
            over=min(each.over for each in passes),
            puzzles=passes[0].puzzles,
            seconds=seconds,
            left=left if left is None or limit is None else left.within(limit - seconds),
            metrics={name: float(np.mean(values)) for name, values in means.items() if values},
        )


Watch = Callable[[Callable[[], Status]], None]
"""Called after each supervision step with a function that computes the status."""


def widths(width: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... below `width`, and `width`."""
    round_ones = (m * 10**k for k in range(len(str(width))) for m in (1, 2, 5))
    return [*(n for n in round_ones if n < width), width]


@dataclass
class Tally:
    """Results per puzzle: scalars (one entry per puzzle) and the head outputs of its samples."""

    task: Task
    width: int
    select: Select
    solutions: list[int] = field(default_factory=list)
    found: dict[int, list[int]] = field(default_factory=dict)
    """Distinct valid answers among the first n samples, by n."""
    unlisted: list[int] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    selected_valid: dict[int, list[bool]] = field(default_factory=dict)
    """Validity of the answer selected among the first n samples, by n."""
    exact: list[bool] = field(default_factory=list)
    exact_one: list[bool] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    evaluations: int = 0
    places: list[int] = field(default_factory=list)
    """Index of the puzzle of each entry."""
    checked: list[bool] = field(default_factory=list)
    checked_exact: list[bool] = field(default_factory=list)
    """Whether the checked answer is the (first) target; several may be correct where the data list one, as in mazes."""
    """Whether early stop found a valid answer, in the order of that pass."""
    right: list[np.ndarray] = field(default_factory=list)
    halt: list[np.ndarray] = field(default_factory=list)
    value: list[np.ndarray] = field(default_factory=list)

    def add(self, puzzle: Tokens, targets: Tokens, found: Trajectories, place: int | None = None) -> None:
        """Count one puzzle (L,) with its targets (S, L). place: its index, so that
        metrics do not depend on the order to the last bit; by default the next one."""
        self.places.append(len(self.places) if place is None else place)
        found = found.judged(self.task, puzzle)
        choices = {n: choose(self.task, puzzle, found.head(n), self.select) for n in widths(self.width)}
        choice, right = choices[self.width], found.valid
        assert right is not None
        known = {t.tobytes() for t in targets}
        self.solutions.append(len(targets))
        self.unlisted.append(sum(c.answer.tobytes() not in known for c in choice.valid))
        self.distinct.append(len(choice.candidates))
        self.agreement.append(choice.candidates[0].votes / sum(c.votes for c in choice.candidates))
        self.valid.append(float(right.mean()))
        for n, first in choices.items():
            self.found.setdefault(n, []).append(len(first.valid))
            self.selected_valid.setdefault(n, []).append(first.right)
        self.exact.append(choice.answer is not None and np.array_equal(choice.answer, targets[0]))
        self.exact_one.append(np.array_equal(found.answers[0], targets[0]))
        frequent = [c.answer for c in choice.candidates[:1]]  # none if the time was up before a row ended
        self.conflicts.append(sum(int(self.task.conflicts(puzzle[None], answer[None])[0]) for answer in frequent))
        self.steps.append(float(found.steps.mean()))
        self.evaluations += found.evaluations
        ran = found.steps > 0
        self.right.append(right[ran])
        self.halt.append(found.halt[ran])
        self.value.append(found.value[ran])

    def metrics(self) -> dict[str, Any]:
        """Fields of Evaluation."""
        by = np.argsort(self.places)
        solutions, valid = np.array(self.solutions)[by], np.array(self.valid)[by]
        covered = {n: np.minimum(1.0, np.array(found)[by] / solutions) for n, found in self.found.items()}
        coverage = covered[self.width]
        uniform = 1 - (1 - 1 / solutions) ** self.width
        many = solutions > 1
        single = not many.any()
        groups = {}
        for name, (least, most) in GROUPS.items():
            rows = (solutions >= least) & (solutions <= most)
            groups[name] = Group(int(rows.sum()))
            if rows.any():
                share = coverage[rows].mean() / uniform[rows].mean()
                rates = valid[rows].mean(), coverage[rows].mean(), share
                groups[name] = Group(int(rows.sum()), *map(float, rates))
        right, halt, value = (
            np.concatenate([z[i] for i in by]).astype(float) for z in (self.right, self.halt, self.value)
        )
        halt = 0.5 * (1 + np.tanh(halt / 2))  # sigmoid, without overflow
        return {
            "valid": float(valid.mean()),
            "selected_valid": float(np.mean(self.selected_valid[self.width])),
            "exact": float(np.mean(self.exact)) if single else None,
            "exact_one": float(np.mean(self.exact_one)) if single else None,
            "coverage": float(coverage.mean()),
            "coverage_share": float(coverage.mean() / uniform.mean()),
            "coverage_share_many": float(coverage[many].mean() / uniform[many].mean()) if many.any() else None,
            "by_solutions": groups,
            "by_width": {
                n: First(
                    selected_valid=float(np.mean(self.selected_valid[n])),
                    coverage=float(covered[n].mean()),
                    coverage_share=float(covered[n].mean() / (1 - (1 - 1 / solutions) ** n).mean()),
                )
                for n in covered
            },
            "unlisted": int(np.sum(self.unlisted)),
            "diversity": float(np.mean(self.distinct)) / self.width,
            "agreement": float(np.mean(np.array(self.agreement)[by])),
            "conflicts": int(np.sum(self.conflicts)),
            "halting_step": float(np.mean(np.array(self.steps)[by])),
            "halt_calibration": calibration(halt, right),
            "value_calibration": calibration(value.clip(0, 1), right),
            "function_evaluations": self.evaluations,
        }
