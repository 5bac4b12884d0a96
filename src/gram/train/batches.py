"""The data of each update: examples as a pure function of (seed, update), and the carry of active rows.

B rows per rank, L positions, D width.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from gram.models.build import AnyModel
from gram.models.core import State
from gram.tasks.base import Symmetry, Task
from gram.tasks.spec import PAD, Examples, split_of

UNANSWERED = 0.25
"""Share of the inputs with nothing of the answer, in a model with guesses."""


def leaders(on_prior: np.ndarray, together: int, processes: int = 1) -> np.ndarray:
    """For each row (batch,) the group leader, whose puzzle it shares: the first of its group of `together` rows on the
    prior, or the row itself. ValueError if the rows of a group are on several of the `processes`."""
    number = np.arange(len(on_prior))
    leader, rows = number.copy(), np.flatnonzero(on_prior)
    leader[rows] = rows[np.arange(len(rows)) // together * together]
    share = len(on_prior) // processes
    if (leader // share != number // share).any():
        raise ValueError(
            f"With {processes} processes, rows of one puzzle (train.prior_together = {together}) are on several of "
            "them; reduce it, or increase train.batch."
        )
    return leader


class Batches:
    """Draws puzzles with one random correct target each. Every rank draws the whole global batch and keeps its rows, so
    the data do not depend on the number of ranks."""

    def __init__(
        self,
        task: Task,
        examples: Examples,
        *,
        batch: int,
        seed: int,
        augment: bool,
        guard: bool,
        leader: np.ndarray | None = None,
        guesses: bool = False,
    ):
        """guard: drop augmented views whose content belongs to another split. leader (batch,): the group leader of
        each row; None means that every row has its own puzzle. guesses: inputs hold a random part of their targets."""
        if not len(examples):
            raise ValueError("There are no training examples; check the data files.")
        self.task, self.examples, self.batch = task, examples, batch
        self.seed, self.augment, self.guard = seed, augment, guard
        self.leader = np.arange(batch) if leader is None else leader
        self.guesses = guesses

    def draw(self, update: int, rows: np.ndarray) -> "Drawn":
        """Examples for the global row numbers `rows` (n,) at this update."""
        rows = self.leader[rows]
        rng = np.random.default_rng([self.seed, 1, update])
        drawn_for = rng.integers(len(self.examples), size=self.batch)
        index = drawn_for[rows]
        within = rng.random(self.batch)[rows]
        examples, spec = self.examples, self.task.spec
        x = self.task.hide(np.random.default_rng([self.seed, 7, update]), examples.inputs[drawn_for])[rows]
        y = examples.targets[examples.first[index] + (within * examples.counts[index]).astype(np.int64)]
        symmetry = Symmetry(
            np.tile(np.arange(spec.length), (len(rows), 1)), np.tile(np.arange(spec.vocabulary), (len(rows), 1))
        )
        if self.augment:
            drawn = self.task.symmetry(rng, self.batch)
            drawn = Symmetry(drawn.positions[rows], drawn.tokens[rows].astype(np.int64))
            keep = np.ones((len(rows), 1), bool)
            if self.guard:
                keep = np.array([split_of(row) == "train" for row in drawn.apply(x)], bool).reshape(-1, 1)
            symmetry = Symmetry(
                np.where(keep, drawn.positions, symmetry.positions), np.where(keep, drawn.tokens, symmetry.tokens)
            )
            x, y = self.task.augment(symmetry, x, y)
            y = self.task.preferred(x, y)
        if self.guesses:
            x = self.partly_answered(update, rows, x, y)
        return Drawn(x, y, index, symmetry)

    def partly_answered(self, update: int, rows: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Inputs (n, L) with a random part of their targets, any share of it; nothing in UNANSWERED of them, since
        sampling begins so. Rows to complete are hidden in random parts already."""
        if self.task.completes:
            return x
        rng = np.random.default_rng([self.seed, 9, update])
        share = np.where(rng.random(self.batch) < UNANSWERED, 0.0, rng.random(self.batch))[rows, None]
        shown = self.task.open(x) & (rng.random((self.batch, x.shape[1]))[rows] < share)
        return np.where(shown, self.task.given(y), x)

    def assigned(
        self, update: int, rows: np.ndarray, index: np.ndarray, symmetry: Symmetry, log_p: np.ndarray
    ) -> np.ndarray:
        """Assign correct targets (n, L) uint8 to rows that answered with log probabilities (n, L, V); the rows have the
        global numbers `rows` (n,) and the examples `index` (n,) under `symmetry`. The targets of a puzzle are divided
        evenly among its rows (at random if the number does not divide), with the highest total likelihood: minibatch
        optimal transport (arXiv:2302.00482). So no target is learned more often than another."""
        targets = np.zeros(log_p.shape[:2], np.uint8)
        for one in np.unique(self.leader[rows]):
            group = np.flatnonzero(self.leader[rows] == one)
            own = self.seen(int(index[group[0]]), symmetry.positions[group[0]], symmetry.tokens[group[0]])
            order = np.random.default_rng([self.seed, 6, update, one]).permutation(len(own))
            offered = own[np.resize(order, len(group))]
            each = log_p[group][:, np.arange(offered.shape[1]), offered]  # (group, offered, L)
            takers, taken = linear_sum_assignment(np.where(offered == PAD, 0.0, each).sum(2), maximize=True)
            targets[group[takers]] = offered[taken]
        return targets

    def seen(self, example: int, positions: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """All correct targets (n, L) of an example under one symmetry: positions (L,), tokens (V,)."""
        own = self.examples.targets_of(example)
        if not self.augment:
            return own
        one = Symmetry(np.tile(positions, (len(own), 1)), np.tile(tokens, (len(own), 1)))
        return self.task.preferred(*self.task.augment(one, np.tile(self.examples.inputs[example], (len(own), 1)), own))


class Drawn(NamedTuple):
    """Puzzles and targets (n, L) uint8, their examples (n,), and the symmetry of each."""

    x: np.ndarray
    y: np.ndarray
    example: np.ndarray
    symmetry: Symmetry


@dataclass
class Carry:
    """The active rows: puzzle, target, latent state, supervision steps done, and inputs of the heads so far."""

    x: Tensor
    """(B, L) int64."""
    y: Tensor
    """(B, L) int64."""
    state: State
    """(B, M, D) each, detached."""
    done: Tensor
    """(B,) int64: supervision steps done; N_sup means finished."""
    pooled: Tensor
    """(B, N_sup, D) float32: input of the heads at each step, for the value loss at the end of a row."""

    index: Tensor
    """(B,) int64: the example in each row."""
    positions: Tensor
    """(B, L) int64: positions of the symmetry of each example."""
    tokens: Tensor
    """(B, V) int64: tokens of the symmetry of each example."""

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors for a checkpoint."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "state"}
        return tensors | {"h": self.state.h, "l": self.state.l}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> "Carry":
        """The inverse of `tensors`."""
        rest = {k: v for k, v in tensors.items() if k not in ("h", "l")}
        return cls(state=State(tensors["h"], tensors["l"]), **rest)


def empty_carry(model: AnyModel, rows: np.ndarray, N_sup: int, device: torch.device) -> Carry:
    """All rows finished, so that the first `refill` starts them."""
    B, L, V = len(rows), model.spec.length, model.spec.vocabulary
    M, D = model.rows, model.config.width

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.int64, device=device)

    h = torch.zeros(B, M, D, dtype=model.dtype, device=device)
    return Carry(
        x=zeros(B, L),
        y=zeros(B, L),
        state=State(h, h.clone() if model.config.hierarchy else h[:, :0].clone()),
        done=zeros(B) + N_sup,
        pooled=torch.zeros(B, N_sup, D, device=device),
        index=zeros(B),
        positions=zeros(B, L),
        tokens=zeros(B, V),
    )


def refill(
    carry: Carry,
    model: AnyModel,
    batches: Batches,
    update: int,
    rows: np.ndarray,
    N_sup: int,
    rolling: bool,
    first: int = 0,
) -> Tensor:
    """Replace finished rows by new puzzles at z0, in place. Returns their indices, (n,) int64.

    Rolling: at the very first update, `first`, rows start at different supervision steps (only the counter differs), so
    that from then on every update sees all steps. Lockstep: all rows start and finish together.
    """
    finished = (carry.done >= N_sup).nonzero().squeeze(1)
    if not len(finished):
        return finished
    numbers, device = rows[finished.cpu().numpy()], carry.x.device
    x, y, index, symmetry = batches.draw(update, numbers)
    for held, new in (
        (carry.x, x),
        (carry.y, y),
        (carry.index, index),
        (carry.positions, symmetry.positions),
        (carry.tokens, symmetry.tokens),
    ):
        held[finished] = torch.from_numpy(new.astype(np.int64)).to(device)
    if model.rows:  # a baseline carries no state
        noise = None
        if model.config.start == "random":
            rng = np.random.default_rng([batches.seed, 2, update])
            drawn = rng.standard_normal((2, batches.batch, *model.start_shape[1:]), dtype=np.float32)
            noise = torch.from_numpy(drawn[:, numbers]).to(device)
        initial = model.initial(len(finished), noise)
        carry.state.h[finished] = initial.h
        carry.state.l[finished] = initial.l
    carry.done[finished] = 0
    if rolling and update == first:
        carry.done[finished] = torch.from_numpy(batches.leader[numbers] * N_sup // batches.batch).to(device)
    carry.pooled[finished] = 0
    return finished


def retarget(carry: Carry, batches: Batches, update: int, rows: np.ndarray, which: Tensor, logits: Tensor) -> Tensor:
    """The targets (B, L) of all rows, with new ones for the rows `which` (B,) bool, of the global numbers `rows` (B,):
    correct targets that match their current answers, logits (B, L, V)."""
    chosen = which.nonzero().squeeze(1)
    index, positions, tokens = (t[chosen].cpu().numpy() for t in (carry.index, carry.positions, carry.tokens))
    log_p = logits[chosen].log_softmax(-1).cpu().numpy()
    targets = batches.assigned(update, rows[chosen.cpu().numpy()], index, Symmetry(positions, tokens), log_p)
    return carry.y.index_copy(0, chosen, torch.from_numpy(targets.astype(np.int64)).to(carry.y.device))
