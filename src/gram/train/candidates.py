"""Training on candidates: the same rounds as in solving, on the states that the network's own outputs produce.

Every row of the batch is a search (gram.solve.candidates) with a known solution. An update trains on all states after
each transition; then every search takes one round. A search ends when it is solved, when the network has recognized
that no solution is left, or after N_sup rounds. False alarms and missed conflicts stay in the batch, so that the
network learns from them (arXiv:2605.08605).
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
from gram.solve.candidates import Candidates
from gram.tasks.base import TaskSpec
from gram.train.objective import Inputs, Update

TRUE, FALSE = 4.0, 0.5
"""Weights of candidates in the solution, and of others, since losing one of the former loses the puzzle."""
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

    solution: Tensor
    """(B, L, S) float32: 1 for the symbols of the solution."""
    live: Tensor
    """(B,) float32: 1 if the whole solution is still possible."""
    candidates: Tensor
    """(B, L, S) float32: weight of each candidate; 0 if it is excluded."""
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
        x, y = inputs.x, inputs.y
        asked, rows = self.asked(x, y), torch.tensor([float(len(x))], device=x.device)
        sums = self.total(torch.cat([asked.candidates.sum()[None], asked.positions.sum()[None], rows]))
        return self.inner(x, y, inputs.state, (sums[:2] / sums[2]).clamp(min=1))

    def objective(self, inputs: Inputs, out: Scores) -> Update:
        """The loss of the result of `forward`."""
        loss = torch.stack([each.mean() for each in out.losses.values()]).sum()
        first = self.model.spec.symbols[0]
        exact = (out.logits.detach().argmax(-1) + first == inputs.y).all(1)
        losses = {name: each.detach() for name, each in out.losses.items()}
        rows = losses | {"true_kl": torch.zeros_like(losses["ce"]), "exact": exact, "right": exact}
        done = inputs.done + 1
        outputs = tuple(z.detach() for z in (out.logits, out.candidates, out.value))
        return Update(loss, rows, out.state, inputs.pooled, done, done >= self.config.N_sup, outputs)

    def asked(self, x: Tensor, y: Tensor) -> "Asked":
        """The targets for these states."""
        this, other = self.model.spec.symbols[:2]
        x_BLS = x.view(len(x), self.model.spec.length, -1)
        y_BLS = (y[..., None] == torch.tensor(self.model.spec.symbols, device=y.device)).float()
        alive_BLS = (x_BLS != other).float()
        live_B = ((1 - alive_BLS) * y_BLS).sum((1, 2)).eq(0).float()
        open_BL = (x_BLS != this).all(2).float()
        shares = alive_BLS * torch.where(live_B > 0, 1.0, DEAD)[:, None, None]
        return Asked(y_BLS, live_B, shares, open_BL * live_B[:, None])

    def plain(self, x: Tensor, y: Tensor, state: State, each: Tensor) -> Scores:
        """each (2,): the mean number of candidates and of positions with targets per row, over all processes, so that
        all targets count equally."""
        model = self.model
        y_BLS, live_B, shares_BLS, asked_BL = self.asked(x, y)
        right_BLS = y_BLS * live_B[:, None, None]
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


class Pool:
    """The searches of a batch."""

    def __init__(self, spec: TaskSpec, rows: np.ndarray, seed: int, give_up_below: float):
        """rows: the global numbers of the rows of this rank. give_up_below: as in SolveConfig."""
        self.spec, self.rows, self.seed, self.give_up_below = spec, rows, seed, give_up_below
        blank = np.zeros((len(rows), spec.length), np.uint8)
        self.candidates = Candidates.of(spec, blank)

    def begin(self, rows: np.ndarray, puzzles: np.ndarray) -> None:
        """New searches for puzzles (n, L) in these rows."""
        if len(rows):
            self.candidates.put(rows, Candidates.of(self.spec, puzzles.astype(np.uint8)))

    def tokens(self) -> Tensor:
        """The input of the network, (B, L * S) int64."""
        return torch.from_numpy(self.candidates.tokens().astype(np.int64))

    def tensors(self) -> dict[str, Tensor]:
        """Named tensors for a checkpoint."""
        return {f"search_{name}": torch.from_numpy(array) for name, array in self.candidates.arrays().items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        held = self.candidates.arrays()
        for name, array in held.items():
            array[:] = tensors[f"search_{name}"].cpu().numpy()

    def advance(self, update: int, solution: np.ndarray, outputs: tuple[Tensor, ...]) -> tuple[np.ndarray, np.ndarray]:
        """One round of every search, by the logits of symbols and candidates (B, L, S) and the value (B,); solution
        (B, L) tokens. Returns which searches have ended, and which took back a guess, (B,) bool each."""
        logits, candidates, value = (z.float().cpu().numpy() for z in outputs)
        drawn = np.stack([np.random.default_rng([self.seed, 7, update, row]).random(6) for row in self.rows])
        search, target = self.candidates, solution - self.spec.symbols[0]
        live = search.holds(target)
        low, high = DROP_BELOW
        fewer = search.drop(candidates, low + (high - low) * drawn[:, 0])
        dead = search.empty() | ((value < self.give_up_below) & ~live)
        complete = search.complete() & ~dead
        over = (complete & search.holds(target)) | (dead & search.doomed(target))
        back = dead & ~over
        search.take_back(np.flatnonzero(back))
        guesses = ~dead & ~complete & ((fewer == 0) | (drawn[:, 1] < EAGER))
        for anywhere in (False, True):
            chosen = np.flatnonzero(guesses & ((drawn[:, 2] < ANYWHERE) == anywhere))
            search.guess(chosen, logits, drawn[:, 3:5], temperature=1.25, fewest=not anywhere)
        return over, back
