"""The metrics of an evaluation: frozen, by name, and as plain values for results files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gram.config.values import Select

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Predicted probabilities compared with outcomes."""

    brier: float
    """Mean squared difference."""
    ece: float
    """Expected calibration error (arXiv:1706.04599): |mean forecast - mean outcome| per bin of equal width, weighted by
    the bin's share."""
    bins: tuple[tuple[int, float, float], ...]
    """(number, mean forecast, mean outcome) of each bin that is not empty."""


@dataclass(frozen=True)
class Group:
    """Metrics of puzzles by number of solutions; rates are None if there is no such puzzle."""

    examples: int
    valid: float | None = None
    coverage: float | None = None
    coverage_share: float | None = None


@dataclass(frozen=True)
class First:
    """Metrics of the first n samples of each puzzle."""

    selected_valid: float
    coverage: float
    coverage_share: float


LIMITED = "complete", "timeout", "total_timeout", "left_out"
"""Metrics of an evaluation with time limits only."""
CHECKED = "checked", "checked_evaluations", "checked_seconds"
"""Metrics of an evaluation with select "checked" only."""
SAMPLED = (
    *("exact_one", "coverage_share", "coverage_share_many", "by_solutions", "by_width", "unlisted", "diversity"),
    *("agreement", "halting_step", "halt_calibration", "value_calibration", "checked_evaluations", "checked_seconds"),
)
"""Metrics that an evaluation by early stop does not have."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Metrics of `gram.evaluate`; rates in [0, 1]. Metrics that early stop cannot measure are None."""

    examples: int
    """Number of evaluated puzzles."""
    width: int
    """Samples per puzzle."""
    depth: int
    """Maximum supervision steps."""
    select: Select
    """How the answer is chosen."""
    seed: int
    """Seed of the noise."""
    restart_every: int | None
    """Supervision steps until a trajectory restarts; None: never."""
    early_stop: bool
    """Whether the checker stopped every puzzle at its first valid answer."""
    complete: bool = True
    """Whether no time was up."""
    timeout: float | None = None
    """Seconds that each puzzle might take."""
    total_timeout: float | None = None
    """Seconds that all might take together."""
    left_out: int = 0
    """Puzzles that were not over when these had passed."""
    valid: float | None = None
    """Samples that satisfy all constraints, over all samples."""
    selected_valid: float
    """Puzzles whose selected answer is valid."""
    exact: float | None = None
    """Puzzles whose selected answer equals the target; None unless every input has a single target."""
    exact_one: float | None = None
    """The same of the first sample."""
    coverage: float | None = None
    """Distinct valid answers among the samples over all that exist, mean over inputs, cut at 1 for each."""
    coverage_share: float | None = None
    """Mean coverage over the mean that as many uniform samples of the solutions would reach."""
    coverage_share_many: float | None = None
    """The same of inputs with several solutions; None if there are none."""
    by_solutions: Mapping[str, Group] | None = None
    """By number of solutions: "1", "2-5", "6+"."""
    by_width: Mapping[int, First] | None = None
    """Of the first 1, 2, 5, 10, 20, ... of the same samples."""
    unlisted: int | None = None
    """Valid answers that are no targets; above 0 the lists are not complete, and coverage refers to what is listed."""
    diversity: float | None = None
    """Distinct answers of a puzzle over width, mean."""
    agreement: float | None = None
    """Share of finished samples that are the most frequent answer of their puzzle."""
    conflicts: int | None = None
    """Violated constraints of the most frequent answer, summed over puzzles."""
    halting_step: float | None = None
    """Mean supervision steps of a sample."""
    halt_calibration: Calibration | None = None
    """Calibration of sigmoid(halt) at the last step against validity."""
    value_calibration: Calibration | None = None
    """Calibration of the value, clipped to [0, 1], likewise."""
    function_evaluations: int
    """Rows times supervision steps."""
    seconds: float
    """Seconds of sampling."""
    checked: float | None = None
    """Share of puzzles with a valid answer, in a second pass with early stop; None unless select is "checked"."""
    checked_evaluations: int | None = None
    checked_seconds: float | None = None
    """Seconds of that pass."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `gram eval --json` prints and results files hold them. Metrics that do not apply are
        omitted: time limits, the second pass, or those that early stop cannot measure."""
        absent: set[str] = set()
        if self.timeout is None and self.total_timeout is None:
            absent |= set(LIMITED)
        if self.select != "checked":
            absent |= set(CHECKED)
        if self.early_stop:
            absent |= set(SAMPLED)
        values = {name: value for name, value in asdict(self).items() if name not in absent}
        for name in {"halt_calibration", "value_calibration"} & values.keys():
            values[name]["bins"] = [list(each) for each in values[name]["bins"]]
        if not self.early_stop:
            groups = values["by_solutions"].items()
            values["by_solutions"] = {n: group if group["examples"] else {"examples": 0} for n, group in groups}
            values["by_width"] = {str(n): first for n, first in values["by_width"].items()}
        return values


def calibration(forecast: np.ndarray, outcome: np.ndarray, bins: int = BINS) -> Calibration:
    """Calibration of probabilities (n,) against outcomes 0 or 1 (n,)."""
    which = np.minimum((forecast * bins).astype(int), bins - 1)
    counts, said, was = (np.bincount(which, weights, minlength=bins) for weights in (None, forecast, outcome))
    return Calibration(
        brier=float(np.mean((forecast - outcome) ** 2)),
        ece=float(np.abs(said - was).sum() / len(forecast)),
        bins=tuple((int(n), float(s / n), float(w / n)) for n, s, w in zip(counts, said, was, strict=True) if n),
    )
