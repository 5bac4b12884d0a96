"""Metrics of puzzles: validity, coverage, calibration, all from samples of the prior; cost beside each.

The targets are compared with the answers afterwards and reach neither the model nor the choice among its samples.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gram.config import Select
from gram.solve.backend import Network
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, resolve
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import DEFAULTS, Trajectories, sample
from gram.solve.select import choose, needs_check
from gram.tasks.base import Examples, Task, Tokens

CHUNK = 1024  # puzzles sampled at a time: bounds the memory, not the result
BINS = 10
GROUPS = {"1": (1, 1), "2-5": (2, 5), "6+": (6, np.inf)}
"""Groups of puzzles by their number of solutions."""


def evaluate(
    source: Reasoner | tuple[Network, Task],
    examples: Examples,
    options: SamplingOptions = DEFAULTS,
    *,
    early_stop: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """Measure on `examples`, whose targets should be all that exist for each input; `changes` are options by name.
    Metrics, rates in [0, 1]:

    examples, width, depth, select; seconds and function_evaluations of the sampling; halting_step: mean supervision
    steps of a sample. Every sample runs to `depth` or until its halting logit exceeds `halt_threshold`; the checker
    stops none.
    valid: samples that satisfy all constraints, over all samples. selected_valid: the same for the selected answers
    (an unsolved puzzle counts as wrong). exact, exact_one: the selected answer, and the first sample, equal the
    target; None unless every input has a single target, because no answer is "the" right one otherwise.
    coverage: distinct valid answers among the samples over all that exist, mean over inputs. coverage_share: mean
    coverage over the mean that as many uniform samples of the solutions would reach; coverage_share_many: the same on
    inputs with several solutions (None if there are none). by_solutions: examples, valid, coverage and coverage_share
    by number of solutions. unlisted: valid answers found that are no targets; above 0 the lists are not complete, and
    coverage (cut at 1 per input) refers to what is listed. diversity: distinct answers of a puzzle over width, mean.
    agreement: samples that are the most frequent answer of their puzzle, over all that ended.
    conflicts: violated constraints of the most frequent answer, summed over puzzles.
    by_width: selected_valid, coverage and coverage_share of the first 1, 2, 5, 10, 20, ... of the same samples.
    halt_calibration, value_calibration: see `calibration`, of sigmoid(halt) and of value (cut to [0, 1]) at the last
    step against validity.
    With select "checked" also, of a second pass in which the checker stops: checked: puzzles with a valid answer (then
    also exact and selected_valid, where there is a single target); checked_evaluations and checked_seconds.

    early_stop: only that second pass; valid, coverage and conflicts are None, because they need all samples.

    A variant whose trajectories are all equal runs one of them, which counts as `width` samples. ValueError without
    examples, for an input without a target, for early_stop without "checked", or for a width beyond memory.
    """
    if len(examples) == 0:
        raise ValueError("There are no examples to evaluate on; give a file or a split that holds some.")
    if not examples.counts.all():
        raise ValueError(f"Input {int(examples.counts.argmin()) + 1} has no target; leave such inputs out.")
    o = replace(resolve(options, changes), want=None)
    if early_stop and o.select != "checked":
        raise ValueError(f'early_stop needs the checker, but select is {o.select!r}; choose "checked" or leave it out.')
    network, task = (source.network, source.task) if isinstance(source, Reasoner) else source
    check_width(o.width, len(examples), task.spec.length)
    needs_check(task, o.select)
    metrics = {"examples": len(examples), "width": o.width, "depth": o.depth, "select": o.select, "seed": o.seed}
    metrics |= {"restart_every": o.restart_every or None, "early_stop": early_stop}
    if early_stop:
        found = checked(network, task, examples.inputs, o)
        solved, single = found["checked"], bool((examples.counts == 1).all())
        metrics |= dict.fromkeys(("valid", "coverage", "conflicts"))
        metrics |= {"exact": solved if single else None, "selected_valid": solved, "checked": solved}
        return metrics | {"function_evaluations": found["checked_evaluations"], "seconds": found["checked_seconds"]}
    tally = Tally(task, o.width, o.select)
    seconds = 0.0
    for first in range(0, len(examples), CHUNK):
        part = examples.select(np.arange(first, min(first + CHUNK, len(examples))))
        begin = time.perf_counter()
        found = sample(network, task, part.inputs, o)
        seconds += time.perf_counter() - begin
        for i, trajectories in enumerate(found):
            tally.add(part.inputs[i], part.targets_of(i), trajectories)
    metrics |= tally.metrics() | {"seconds": seconds}
    if o.select == "checked":
        metrics |= checked(network, task, examples.inputs, o)
        if metrics["exact"] is not None and not metrics["unlisted"]:  # a single right answer: what is valid is exact
            metrics["exact"] = metrics["selected_valid"] = metrics["checked"]
    return metrics


def checked(network: Network, task: Task, puzzles: Tokens, options: SamplingOptions) -> dict[str, Any]:
    """A pass with early stop by the checker: the share of puzzles that get a valid answer, and its cost."""
    solved = evaluations = 0
    begin = time.perf_counter()
    for first in range(0, len(puzzles), CHUNK):
        part = puzzles[first : first + CHUNK]
        for puzzle, found in zip(part, sample(network, task, part, options, want=1), strict=True):
            solved += choose(task, puzzle, found, "checked").answer is not None
            evaluations += found.evaluations
    seconds = time.perf_counter() - begin
    return {"checked": solved / len(puzzles), "checked_evaluations": evaluations, "checked_seconds": seconds}


def widths(width: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... below `width`, and `width`."""
    round_ones = (m * 10**k for k in range(len(str(width))) for m in (1, 2, 5))
    return [*(n for n in round_ones if n < width), width]


@dataclass
class Tally:
    """What is kept of each puzzle: scalars (one entry per puzzle) and the heads of its samples."""

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
    """Of the first n samples, by n."""
    exact: list[bool] = field(default_factory=list)
    exact_one: list[bool] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    evaluations: int = 0
    right: list[np.ndarray] = field(default_factory=list)
    halt: list[np.ndarray] = field(default_factory=list)
    value: list[np.ndarray] = field(default_factory=list)

    def add(self, puzzle: Tokens, targets: Tokens, found: Trajectories) -> None:
        """Count one puzzle (L,) with its targets (S, L)."""
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
        self.conflicts.append(int(self.task.conflicts(puzzle[None], choice.candidates[0].answer[None])[0]))
        self.steps.append(float(found.steps.mean()))
        self.evaluations += found.evaluations
        self.right.append(right)
        self.halt.append(found.halt)
        self.value.append(found.value)

    def metrics(self) -> dict[str, Any]:
        """See `evaluate`."""
        solutions, valid = np.array(self.solutions), np.array(self.valid)
        covered = {n: np.minimum(1.0, np.array(found) / solutions) for n, found in self.found.items()}
        coverage = covered[self.width]
        uniform = 1 - (1 - 1 / solutions) ** self.width
        many = solutions > 1
        single = not many.any()
        groups = {}
        for name, (least, most) in GROUPS.items():
            rows = (solutions >= least) & (solutions <= most)
            groups[name] = {"examples": int(rows.sum())}
            if rows.any():
                groups[name] |= {
                    "valid": float(valid[rows].mean()),
                    "coverage": float(coverage[rows].mean()),
                    "coverage_share": float(coverage[rows].mean() / uniform[rows].mean()),
                }
        right = np.concatenate(self.right).astype(float)
        halt = 0.5 * (1 + np.tanh(np.concatenate(self.halt).astype(float) / 2))  # sigmoid, without overflow
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
                str(n): {
                    "selected_valid": float(np.mean(self.selected_valid[n])),
                    "coverage": float(covered[n].mean()),
                    "coverage_share": float(covered[n].mean() / (1 - (1 - 1 / solutions) ** n).mean()),
                }
                for n in covered
            },
            "unlisted": int(np.sum(self.unlisted)),
            "diversity": float(np.mean(self.distinct)) / self.width,
            "agreement": float(np.mean(self.agreement)),
            "conflicts": int(np.sum(self.conflicts)),
            "halting_step": float(np.mean(self.steps)),
            "halt_calibration": calibration(halt, right),
            "value_calibration": calibration(np.concatenate(self.value).clip(0, 1), right),
            "function_evaluations": self.evaluations,
        }


def calibration(forecast: np.ndarray, outcome: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Brier score and expected calibration error of probabilities (n,) against outcomes 0 or 1 (n,).

    ECE: |mean forecast - mean outcome| per bin of equal width, weighted by the bin's share (arXiv:1706.04599). bins:
    [number, mean forecast, mean outcome] of each bin that is not empty."""
    which = np.minimum((forecast * bins).astype(int), bins - 1)
    counts, said, was = (np.bincount(which, weights, minlength=bins) for weights in (None, forecast, outcome))
    return {
        "brier": float(np.mean((forecast - outcome) ** 2)),
        "ece": float(np.abs(said - was).sum() / len(forecast)),
        "bins": [[int(n), float(s / n), float(w / n)] for n, s, w in zip(counts, said, was, strict=True) if n],
    }
