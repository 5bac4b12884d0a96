"""The command-line options of sampling; SamplingOptions defines their meaning and ranges."""

from dataclasses import asdict, dataclass
from typing import Any

from gram.config.values import Select


@dataclass(kw_only=True, frozen=True)
class Drawing:
    """How samples are drawn. The defaults are those tuned for the weights."""

    depth: int | None = None
    """Maximum supervision steps."""
    seed: int | None = None
    """Seed of the noise; 0 by default."""
    temperature: float | None = None
    """Factor on the learned noise; for deterministic variants its standard deviation."""
    restart_every: int | None = None
    """Supervision steps until a trajectory restarts (Sudoku: with a guess as a given); 0 means never."""

    def asked(self) -> dict[str, Any]:
        """The options by name, None for those not given."""
        return asdict(self)


@dataclass(kw_only=True, frozen=True)
class Answering(Drawing):
    """How answers are found and chosen."""

    width: int | None = None
    """Trajectories per puzzle; for unconditional tasks, samples."""
    select: Select | None = None
    """How the answer is chosen."""
    timeout: float | None = None
    """Sampling seconds per puzzle; then its answer is the best so far, marked as not complete."""
    total_timeout: float | None = None
    """Sampling seconds of all puzzles together, likewise; eval leaves out unfinished puzzles."""


@dataclass(kw_only=True, frozen=True)
class Solving(Answering):
    """Options for solving puzzles, with the number of wanted answers."""

    want: int | None = None
    """Stop after this many distinct valid answers (1 by default), or all that exist if they can be counted quickly;
    above 1, the width is at least ten times as large."""
