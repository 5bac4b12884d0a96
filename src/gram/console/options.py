"""The options of sampling as commands take them; what they mean and may be stands in SamplingOptions."""

from dataclasses import asdict, dataclass
from typing import Any

from gram.config.values import Select


@dataclass(kw_only=True, frozen=True)
class Drawing:
    """How samples are drawn. What is left out is as the weights were tuned."""

    depth: int | None = None
    """Supervision steps at most."""
    seed: int | None = None
    """Seed of the noise; 0 if not given."""
    temperature: float | None = None
    """Factor on the learned noise; for deterministic variants its standard deviation."""
    restart_every: int | None = None
    """Supervision steps until a trajectory restarts (Sudoku: with a guess as a given); 0 never."""

    def asked(self) -> dict[str, Any]:
        """The options by name, None for those that were left out."""
        return asdict(self)


@dataclass(kw_only=True, frozen=True)
class Answering(Drawing):
    """How answers are found and chosen."""

    width: int | None = None
    """Trajectories per puzzle; of a task without puzzles, samples."""
    select: Select | None = None
    """How one answer is chosen."""
    timeout: float | None = None
    """Seconds of the sampling that a puzzle may take; then its answer is the best so far, and marked so."""
    total_timeout: float | None = None
    """Seconds that all puzzles together may take, likewise; eval leaves out those that are not over."""


@dataclass(kw_only=True, frozen=True)
class Solving(Answering):
    """How long and for how many answers a puzzle is worked on."""

    want: int | None = None
    """Stop after this many distinct valid answers (1 if not given), or all that exist where these are quickly counted;
    above 1 the width is at least ten times as large."""
