"""Options that several commands share; SamplingOptions defines the meaning and ranges of those of sampling."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gram.config.values import Select
from gram.machine import DEVICE
from gram.messages import shown


@dataclass(kw_only=True, frozen=True)
class Messages:
    """What a command prints on standard error."""

    quiet: bool = False
    """Print only errors and warnings on standard error."""
    verbose: bool = False
    """Also print details on standard error: files, device, seconds."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While the command runs. ValueError for both."""
        if self.quiet and self.verbose:
            raise ValueError("--quiet and --verbose contradict each other; leave one of them out.")
        with shown(logging.WARNING if self.quiet else logging.DEBUG if self.verbose else logging.INFO):
            yield


@dataclass(kw_only=True, frozen=True)
class Computing(Messages):
    """The same, and the device."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device; auto is what the variable GRAM_DEVICE has, else a CUDA GPU if there is one."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """While the command runs; the processes that it starts compute there too."""
        before = os.environ.get(DEVICE)
        try:
            if self.device != "auto":
                os.environ[DEVICE] = self.device
            with super().applied():
                yield
        finally:
            if self.device != "auto":
                os.environ.pop(DEVICE)
                if before is not None:
                    os.environ[DEVICE] = before


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

    want: int | Literal["all"] | None = None
    """Stop after this many distinct valid answers (1 by default), or all that exist if they can be counted quickly;
    above 1, the width is at least ten times as large. "all" lists every answer case by case and says whether that is
    proven."""
