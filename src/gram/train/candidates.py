"""Training on candidates: the same rounds as in solving, on the states that the network's own outputs produce.

Every row of the batch is a search (gram.solve.candidates) with known solutions. A solution is left if the candidates
include all of it, so also every guess. A candidate is correct if a solution that is left has it, and a state without
any is dead. An update trains on all states after each transition; then every search takes one round. A search ends
when it is solved, when the network has recognized that no solution is left, or after N_sup rounds. False alarms and
missed conflicts stay in the batch, so that the network learns from them (arXiv:2605.08605).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import TrainConfig
from gram.models.core import State
from gram.models.recursive import Model
from gram.solve.candidates import KEPT, Candidates
from gram.tasks.base import Task
from gram.tasks.spec import Tokens
from gram.train.objective import Inputs, Left, Update

TRUE, FALSE = 4.0, 0.5
"""Weights of correct candidates, and of others, since losing one of the former may lose the puzzle."""
DEAD = 0.5
"""Weight of the candidates of a state without solution, none of which is correct."""
DROP_BELOW = (-4.5, -2.2)
"""Range of the threshold below which a search drops candidates in training, drawn for each round, so that the states
include spoiled ones."""
EAGER = 0.4
"""Share of rounds that guess although something was dropped."""
ANYWHERE = 0.3
"""Share of guesses at any open position instead of one with the fewest candidates."""


class Scores(NamedTuple):
    """What the compiled part of an update returns."""

    state: State
    losses: dict[str, Tensor]
    """(B,) float32 each, means over the transitions."""
    logits: Tensor
    """(B, L, S) of the symbols, after the last transition."""
    candidates: Tensor
    """(B, L, S) of the candidates, likewise."""
    value: Tensor
    """(B,) the logit that the state has a solution."""


class Asked(NamedTuple):
    """The targets of the network for B states."""

    right: Tensor
    """(B, L, S) float32: 1 for the symbols of the solutions that are left."""
    candidates: Tensor
    """(B, L, S) float32: weight of each candidate; 0 if it is excluded or before the answer starts."""
    positions: Tensor
    """(B, L) float32: 1 for positions with a target."""


class CandidateLearner(nn.Module):
    """A model with candidates and its objective, in place of `Learner`: binary cross-entropy of the candidates,
    cross-entropy of the open positions, and binary cross-entropy of whether the state has a solution."""

    prior_share = 0.0

    def __init__(self, model: Model, config: TrainConfig, total: Callable[[Tensor], Tensor] = lambda x: x):
        """total: sums a tensor over all processes."""
        super().__init__()
        self.model, self.config, self.total = model, config, total
        self.beta = config.beta
        self.inner: Callable[..., Any] = self.plain  # replaced by its compiled form
        model.halt.requires_grad_(False)  # a search halts by its candidates; DDP needs a gradient for every parameter

    def prior_rows(self, batch: int) -> Tensor:
        """(batch,) bool: none."""
        return torch.zeros(batch, dtype=torch.bool)

    def forward(self, inputs: Inputs) -> Scores:
        """One supervision step of every row. x (B, L * S): candidates as `Candidates.tokens` gives them; y (B, L)."""
        x, left = inputs.x, inputs.left
        assert left is not None
        asked, rows = self.asked(x, left), torch.tensor([float(len(x))], device=x.device)
        sums = self.total(torch.cat([asked.candidates.sum()[None], asked.positions.sum()[None], rows]))
        return self.inner(x, left, inputs.state, (sums[:2] / sums[2]).clamp(min=1))

    def objective(self, inputs: Inputs, out: Scores) -> Update:
        """The loss of the result of `forward`."""
        loss = torch.stack([each.mean() for each in out.losses.values()]).sum()
        assert inputs.left is not None
        answer = out.logits.detach().argmax(-1, keepdim=True)
        known = inputs.left.share.gather(2, answer).squeeze(2)[:, self.model.spec.answer_start :]
        exact = (known == 1).all(1)  # every symbol is in all solutions that are left
        losses = {name: each.detach() for name, each in out.losses.items()}
        rows = losses | {"true_kl": torch.zeros_like(losses["ce"]), "exact": exact, "right": exact}
        done = inputs.done + 1
        outputs = tuple(z.detach() for z in (out.logits, out.candidates, out.value))
        return Update(loss, rows, out.state, inputs.pooled, done, done >= self.config.N_sup, outputs)

    def asked(self, x: Tensor, left: Left) -> "Asked":
        """The targets for these states."""
        spec, live_B = self.model.spec, left.live
        this, other = spec.symbols[:2]
        x_BLS = x.view(len(x), spec.length, -1)
        answer_L = torch.arange(spec.length, device=x.device) >= spec.answer_start
        alive_BLS = ((x_BLS != other) & answer_L[:, None]).float()
        open_BL = ((x_BLS != this).all(2) & answer_L).float()
        right_BLS = (left.share > 0).float() * live_B[:, None, None]
        weights_BLS = alive_BLS * torch.where(live_B > 0, 1.0, DEAD)[:, None, None]
        return Asked(right_BLS, weights_BLS, open_BL * live_B[:, None])

    def plain(self, x: Tensor, left: Left, state: State, each: Tensor) -> Scores:
        """each (2,): the mean number of candidates and of positions with targets per row, over all processes, so that
        all targets count equally."""
        model = self.model
        right_BLS, shares_BLS, asked_BL = self.asked(x, left)
        live_B, y_BLS = left
        weight_BLS = shares_BLS * torch.where(right_BLS > 0, TRUE, FALSE)
        step = model.step(state, model.encode(x), None)
        readouts = [*step.earlier, step.readout]
        ce = bce = conflict = logits = candidates = value = torch.zeros_like(live_B)
        for readout in readouts:
            logits, value, candidates = model.scores(readout), model.alive(readout), model.living(readout)
            outputs = F.binary_cross_entropy_with_logits(candidates, right_BLS, reduction="none") * weight_BLS
            log_p = logits.masked_fill(shares_BLS == 0, -1e4).log_softmax(-1)
            bce = bce + outputs.sum((1, 2)) / each[0]
            ce = ce - ((log_p * y_BLS).sum(2) * asked_BL).sum(1) / each[1]
            conflict = conflict + F.binary_cross_entropy_with_logits(value, live_B, reduction="none")
        losses = {"candidates": bce, "ce": ce, "conflict": conflict}
        losses = {name: each / len(readouts) for name, each in losses.items()}
        return Scores(step.state.detach(), losses, logits, candidates, value)


def check_task(task: Task) -> None:
    """ValueError for a task whose solutions are not all known or are too many."""
    if not task.exhaustive:
        raise ValueError(
            f"A search (model.candidates) learns from all answers of a puzzle, and {task.spec.name} does not list them "
            "all; choose another variant."
        )
    task.renamed(np.zeros((0, task.spec.length), np.uint8))


class Pool:
    """The searches of a batch."""

    def __init__(self, task: Task, rows: np.ndarray, seed: int, give_up_below: float):
        """rows: the global numbers of the rows of this rank. give_up_below: as in SolveConfig."""
        self.task, self.spec = task, task.spec
        self.rows, self.seed, self.give_up_below = rows, seed, give_up_below
        blank = np.zeros((len(rows), self.spec.length), np.uint8)
        self.candidates = Candidates.of(self.spec, blank)
        self.solutions = [self.indices(blank[:0])] * len(rows)
        """Of each row, (S, L) as indices of symbols; 0 before the answer starts."""

    def indices(self, answers: Tokens) -> np.ndarray:
        """Tokens -> indices of symbols."""
        return np.maximum(answers.astype(np.int64) - self.spec.symbols[0], 0)

    def begin(self, rows: np.ndarray, puzzles: np.ndarray, targets: list[Tokens]) -> None:
        """New searches for puzzles (n, L) in these rows, with all correct targets (S, L) of each."""
        if len(rows):
            self.candidates.put(rows, Candidates.of(self.spec, puzzles.astype(np.uint8)))
            self.know(rows, targets)

    def know(self, rows: np.ndarray, targets: list[Tokens]) -> None:
        """The correct targets (S, L) of these rows."""
        for row, own in zip(rows.tolist(), targets, strict=True):
            self.solutions[row] = self.indices(self.task.renamed(own))

    def tokens(self) -> Tensor:
        """The input of the network, (B, L * S) int64."""
        return torch.from_numpy(self.candidates.tokens().astype(np.int64))

    def left(self) -> Left:
        """What is left of the solutions."""
        start, S = self.spec.answer_start, len(self.spec.symbols)
        solutions, owners, level = self.levels()
        there = level == KEPT
        live = np.bincount(owners[there], minlength=len(self.rows)) > 0
        there |= ~live[owners]
        owners, each = owners[there], solutions[there, start:]
        B, L = len(self.rows), self.spec.length - start
        place = (owners[:, None] * L + np.arange(L)) * S + each
        counts = np.bincount(place.reshape(-1), minlength=B * L * S).reshape(B, L, S)
        share = np.zeros((B, self.spec.length, S), np.float32)
        share[:, start:] = counts / np.bincount(owners, minlength=B)[:, None, None]
        return Left(torch.from_numpy(live.astype(np.float32)), torch.from_numpy(share))

    def levels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All solutions (N, L), their rows (N,), and the level at which the first part of each was dropped (N,)."""
        solutions = np.concatenate(self.solutions)
        owners = np.repeat(np.arange(len(self.rows)), [len(own) for own in self.solutions])
        return solutions, owners, self.candidates.lasting(solutions, owners)

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors for a checkpoint."""
        arrays = {name: array for name, array in self.candidates.arrays().items() if array.size}
        return {f"search_{name}": torch.from_numpy(array) for name, array in arrays.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        held = self.candidates.arrays()
        for name in self.tensors():
            held[name.removeprefix("search_")][:] = tensors[name].cpu().numpy()

    def advance(self, update: int, outputs: tuple[Tensor, ...]) -> tuple[np.ndarray, np.ndarray]:
        """One round of every search, by the logits of symbols and candidates (B, L, S) and the value (B,). Returns
        which searches have ended, and which took back a guess, (B,) bool each."""
        logits, candidates, value = (z.float().cpu().numpy() for z in outputs)
        drawn = np.stack([np.random.default_rng([self.seed, 7, update, row]).random(6) for row in self.rows])
        search = self.candidates
        live = self.longest() == KEPT
        low, high = DROP_BELOW
        fewer = search.drop(candidates, low + (high - low) * drawn[:, 0])
        dead = search.empty() | ((value < self.give_up_below) & ~live)
        complete = search.complete() & ~dead
        longest = self.longest()
        over = (complete & (longest == KEPT)) | (dead & (longest <= 0))
        back = dead & ~over
        search.take_back(np.flatnonzero(back))
        guesses = ~dead & ~complete & ((fewer == 0) | (drawn[:, 1] < EAGER))
        for anywhere in (False, True):
            chosen = np.flatnonzero(guesses & ((drawn[:, 2] < ANYWHERE) == anywhere))
            search.guess(chosen, logits, drawn[:, 3:5], temperature=1.25, fewest=not anywhere)
        return over, back

    def longest(self) -> np.ndarray:
        """(B,) int16: the level up to which each row had a solution; KEPT if one is left, at most 0 if none was left
        before the first guess."""
        _, owners, level = self.levels()
        longest = np.full(len(self.rows), np.iinfo(np.int16).min, np.int16)
        np.maximum.at(longest, owners, level)
        return longest
