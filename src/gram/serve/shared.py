"""Supervision steps of several callers, computed as one batch.

Each caller runs the unchanged code of the library in its own greenlet. Where that code calls `network.step`, the
greenlet pauses until its rows have been computed together with those of others. A row's result depends on that row
alone, so no answer depends on the other requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from greenlet import getcurrent

from gram.solve.backend import Array, Network, StepOutput
from gram.solve.noise import Noise


@dataclass
class Pending:
    """A supervision step that a caller waits for: B rows, of which the first `done` are computed."""

    state: tuple[Array, Array]
    e_x: Array
    noise: Noise | None
    temperature: float
    done: int = 0
    parts: list[StepOutput] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.e_x if self.noise is None else self.noise)

    @property
    def left(self) -> int:
        """Rows still to compute."""
        return len(self) - self.done

    @property
    def kind(self) -> tuple[float, bool]:
        """Steps with equal keys can be computed as one batch."""
        return self.temperature, self.noise is None

    def output(self, network: Network) -> StepOutput:
        """The result of all rows."""
        return self.parts[0] if len(self.parts) == 1 else joined(network, self.parts)


class SharedNetwork:
    """A network whose steps are computed by the caller of the greenlet; everything else is the network's own."""

    def __init__(self, network: Network):
        self.network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self.network, name)

    def step(self, state: tuple[Array, Array], e_x: Array, noise: Noise | None, *, temperature: float) -> StepOutput:
        caller = getcurrent().parent
        assert caller is not None
        return caller.switch(Pending(state, e_x, noise, temperature))


def compute(network: Network, shares: Sequence[tuple[Pending, int]]) -> None:
    """Compute the given number of rows of each pending step, all of one kind, as one step of the network."""
    (first, rows), *others = shares
    if not others and rows == len(first):  # a whole step needs no splitting
        first.parts.append(network.step(first.state, first.e_x, first.noise, temperature=first.temperature))
        first.done = rows
        return
    h, l, e_x = (  # noqa: E741
        network.join([some(network, z, pending, rows) for (pending, rows), z in zip(shares, each, strict=True)])
        for each in zip(*((*pending.state, pending.e_x) for pending, _ in shares), strict=True)
    )
    out = network.step((h, l), e_x, together(shares), temperature=first.temperature)
    at = 0
    for pending, rows in shares:
        pending.parts.append(cut(out, at, at + rows))
        pending.done += rows
        at += rows


def some(network: Network, z: Array, pending: Pending, rows: int) -> Array:
    """The next rows of z, (rows, ...). A single row of z serves for all."""
    if len(z) == 1:
        return network.pick(z, np.zeros(rows, np.int64))
    return z[pending.done : pending.done + rows]


def together(shares: Sequence[tuple[Pending, int]]) -> Noise | None:
    """The noise of these rows, or None."""
    first = shares[0][0].noise
    if first is None:
        return None
    rows, seeds = [], []
    for pending, count in shares:
        assert pending.noise is not None
        rows += pending.noise.rows[pending.done : pending.done + count]
        seeds += [pending.noise.seed] * count
    return replace(first, rows=rows, seed=seeds)


def cut(out: StepOutput, first: int, last: int) -> StepOutput:
    """The rows first..last of a step."""
    h, l = (z[first:last] for z in out.state)  # noqa: E741  slices of neighboring rows copy nothing
    return StepOutput((h, l), *(z[first:last] for z in out[1:]))


def joined(network: Network, parts: Sequence[StepOutput]) -> StepOutput:
    """The parts, concatenated."""
    h, l = (network.join([part.state[i] for part in parts]) for i in (0, 1))  # noqa: E741
    logits, halt, value = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3))
    pooled = network.join([part.pooled for part in parts])
    return StepOutput((h, l), logits, halt, value, pooled, np.concatenate([part.candidates for part in parts]))
