"""A baseline in the training loop: one loss per example, new rows at every update, no state."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gram.config import TrainConfig
from gram.models.baselines.base import Baseline, Losses
from gram.tasks.spec import PAD
from gram.train.objective import Inputs, Update

HINT = 0.001
"""Weight of D3PM's auxiliary cross-entropy (arXiv:2107.03006, lambda of the hybrid loss)."""


class BaselineLearner(nn.Module):
    """A baseline with its objective, in place of `Learner`. Loss = (nll + beta * KL + 0.001 * hint) per scored
    token; see gram.models.baselines.base.Losses."""

    prior_share = 0.0

    def __init__(self, model: Baseline, config: TrainConfig):
        super().__init__()
        self.model, self.config = model, config
        self.beta = config.beta  # of the coming update
        self.plain = model.losses
        self.inner: Callable[..., Any] = self.plain  # replaced by its compiled form

    def prior_rows(self, batch: int) -> Tensor:
        """(batch,) bool: none."""
        return torch.zeros(batch, dtype=torch.bool)

    def forward(self, inputs: Inputs) -> Losses:
        """The losses of every row."""
        return self.inner(inputs.x, inputs.y, inputs.noise)

    def objective(self, inputs: Inputs, out: Losses) -> Update:
        """The loss of the result of `forward`; every row is then finished."""
        y = inputs.y
        scored = (y != PAD).sum(1)
        rows = {"ce": out.nll / scored, "kl": out.kl / scored, "hint": out.hint / scored}
        weights = {"ce": 1.0, "kl": self.beta, "hint": HINT}
        assert all(loss.shape == (len(y),) for loss in rows.values())
        loss = torch.stack([weights[k] * rows[k].mean() for k in rows]).sum()
        exact = ((out.answer == y) | (y == PAD)).all(1)
        rows = {k: v.detach() for k, v in rows.items()}
        rows |= {"true_kl": out.kl.detach(), "exact": exact, "right": exact}
        one = torch.ones_like(inputs.done)
        return Update(loss, rows, inputs.state, inputs.pooled, one, one.bool())
