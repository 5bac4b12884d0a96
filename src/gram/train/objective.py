"""The losses, a dict of (B,) tensors that are weighted in one place and reduced once, and the full bound as a
monitor."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import TrainConfig
from gram.models.core import State
from gram.models.guidance import kl, kl_balanced
from gram.models.recursive import Model
from gram.tasks.spec import PAD

Check = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Inputs(NamedTuple):
    """The inputs of the rows of one update."""

    x: Tensor
    """(B, L) int64: puzzles, or (B, L * S) candidates."""
    y: Tensor
    """(B, L) int64: targets."""
    state: State
    """(B, M, D) each, detached."""
    noise: Tensor | None
    """N(0, I), (T, B, *noise_shape[1:])."""
    done: Tensor
    """(B,) int64: supervision steps of each row so far."""
    pooled: Tensor
    """(B, N_sup, D): inputs of the heads at these steps."""
    on_prior: Tensor
    """(B,) bool: rows that sample from the prior."""
    identity: Tensor | None = None
    """(B, D): the vectors of the puzzles, if there are any."""
    left: "Left | None" = None
    """Of a search, what is left of the solutions."""

    @property
    def first(self) -> Tensor:
        """(B,) bool: rows that sample from the prior at their first supervision step."""
        return self.on_prior & (self.done == 0)


class Left(NamedTuple):
    """The solutions of B puzzles that their candidates include."""

    live: Tensor
    """(B,) float32: 1 if there is one."""
    share: Tensor
    """(B, L, S) float32: the share of them with each symbol; of all solutions if none is left. 0 before the answer
    starts."""


class Inner(NamedTuple):
    """The network's outputs for the rows of an update, from the compiled part. Losses are (B,) float32."""

    state: State
    pooled: Tensor
    logits: Tensor
    """(B, L, V)."""
    ce: Tensor
    kl_balanced: Tensor
    kl: Tensor


class Update(NamedTuple):
    """One update: the loss to minimize, its parts per row, and the next state."""

    loss: Tensor
    rows: dict[str, Tensor]
    state: State
    pooled: Tensor
    done: Tensor
    """(B,) supervision steps of each row, including this one."""
    finished: Tensor
    """(B,) whether it was the last of its row."""
    outputs: tuple[Tensor, ...] = ()
    """The outputs with which a search continues; see gram.train.candidates."""


class Learner(nn.Module):
    """A model with its objective in two calls: `forward`, which DistributedDataParallel wraps, and `objective`.
    Between them the training loop may assign other targets, based on the answers.

    Loss = CE averaged over scored tokens + beta * KL summed over channels and divided by the scored tokens, so that
    beta = 1 is the ratio of the ELBO. On prior rows the heads learn and, with `prior_learns`, the CE.
    """

    def __init__(self, model: Model, config: TrainConfig, check: Check):
        super().__init__()
        self.model, self.config, self.check = model, config, check
        self.inner: Callable[..., Any] = self.plain  # replaced by its compiled form
        self.beta = config.beta  # of the coming update
        self.prior_share = float(self.prior_rows(config.batch).float().mean())

    def prior_rows(self, batch: int) -> Tensor:
        """(batch,) bool: the rows that sample from the prior, spread evenly; none in a deterministic variant."""
        share = self.config.prior_rows if self.model.stochastic else 0.0
        steps = (torch.arange(batch + 1) * share).floor()
        return steps[1:] > steps[:-1]

    def forward(self, inputs: Inputs) -> Inner:
        """One supervision step of every row."""
        x, y, state, noise, _, _, on_prior, identity, _ = inputs
        return self.inner(x, y, state, noise, on_prior, identity)

    def objective(self, inputs: Inputs, out: Inner) -> Update:
        """The loss of the result of `forward`, and the next state. `inputs.y` may have new targets for
        `inputs.first`."""
        c, x, y, done = self.config, inputs.x, inputs.y, inputs.done
        on_prior, learns, first, ce = inputs.on_prior, ~inputs.on_prior, inputs.first, out.ce
        if c.prior_learns and bool(first.any()):
            late = token_loss(out.logits[first], y[first], c.loss).sum(1) / (y[first] != PAD).sum(1)
            ce = ce.masked_scatter(first, late)
        answer = out.logits.detach().argmax(-1)
        exact = ((answer == y) | (y == PAD)).all(1)
        judged = on_prior if self.prior_share else learns
        right = exact.clone()
        if self.prior_share:  # on the prior, other answers may be correct too, so the rules check
            x_np, a_np = (t[on_prior].cpu().numpy().astype(np.uint8) for t in (x, answer))
            right[on_prior] = torch.from_numpy(self.check(x_np, a_np)).to(right.device)
        done = done + 1
        finished = done >= c.N_sup
        halt, _ = self.model.judge(out.pooled)
        if c.halt_early:
            finished = finished | ((halt[:, 0] > self.threshold(halt)) & (done >= 2))
        seen = inputs.pooled
        pooled = seen.scatter(1, (done - 1)[:, None, None].expand(-1, 1, seen.shape[2]), out.pooled[:, None])
        rows = {
            "ce": ce,
            "kl": out.kl_balanced,
            "halt": self.halt_loss(x, inputs.noise, out, halt, right, done),
            "value": self.value_loss(pooled, done, right),
        }
        weights = {"ce": 1.0, "kl": self.beta, "halt": c.halt_weight, "value": c.value_weight}
        masks = {"ce": learns | c.prior_learns, "kl": learns, "halt": judged, "value": judged & finished}
        assert all(loss.shape == (len(x),) for loss in rows.values())
        # fixed denominators, so that the loss does not depend on the number of ranks (DDP averages their gradients)
        learning, judging = 1 - self.prior_share, self.prior_share or 1.0
        answering = 1.0 if c.prior_learns else learning
        shares = {"ce": answering, "kl": learning, "halt": judging, "value": judging / c.N_sup}
        loss = torch.stack(
            [weights[k] * torch.where(masks[k], rows[k], 0.0).sum() / (len(x) * shares[k]) for k in rows]
        ).sum()
        rows = {k: v.detach() for k, v in rows.items()}
        rows |= {"true_kl": out.kl.detach(), "exact": exact, "right": right, "halts": halt[:, 0].detach()}
        return Update(loss, rows, out.state, pooled, done, finished)

    def threshold(self, halt: Tensor) -> Tensor | float:
        """The threshold of the halt logit."""
        return halt[:, 1] if self.model.config.halting == "halt-continue" else 0.0

    def plain(
        self,
        x: Tensor,
        y: Tensor,
        state: State,
        noise: Tensor | None,
        on_prior: Tensor,
        identity: Tensor | None = None,
    ) -> Inner:
        c, model = self.config, self.model
        step = model.step(
            state,
            model.encode(x, identity),
            noise,
            y=y if model.stochastic else None,
            posterior_rows=~on_prior[:, None, None],
            posterior_transitions=c.posterior_transitions,
            kl_transitions=c.kl_transitions,
        )
        logits = model.decode(step.readout).logits
        scored = (y != PAD).sum(1)
        earlier = [model.decode(readout).logits for readout in step.earlier] if c.loss_after == "transition" else []
        each = [token_loss(answer, y, c.loss).sum(1) / scored for answer in (*earlier, logits)]
        ce = torch.stack(each).mean(0)
        divisor = scored if c.kl_reduction == "sum" else scored * model.config.width
        zero = torch.zeros_like(ce)
        balanced = sum((kl_balanced(q, p, c.kl_balance).sum((1, 2)) / divisor for q, p in step.guides), zero)
        with torch.no_grad():
            true = sum((kl(q, p).sum((1, 2)) for q, p in step.guides), zero)
        return Inner(step.state.detach(), model.pool(step.readout), logits, ce, balanced, true)

    def halt_loss(
        self, x: Tensor, noise: Tensor | None, out: Inner, halt: Tensor, right: Tensor, done: Tensor
    ) -> Tensor:
        """Target of halt: whether the answer is correct now. Target of continue: the better of the next step's two
        values (HRM's bootstrap)."""
        loss = F.binary_cross_entropy_with_logits(halt[:, 0], right.float(), reduction="none")
        if self.model.config.halting == "halt":
            return loss
        with torch.no_grad():
            ahead = self.model.step(out.state, self.model.encode(x), noise)
            next_halt, _ = self.model.judge(self.model.pool(ahead.readout))
            best = torch.where(done >= self.config.N_sup, next_halt[:, 0], next_halt.max(1).values)
        return 0.5 * (loss + F.binary_cross_entropy_with_logits(halt[:, 1], best.sigmoid(), reduction="none"))

    def value_loss(self, pooled: Tensor, done: Tensor, right: Tensor) -> Tensor:
        """At the end of a row, each of its steps regresses the final result (LPRM)."""
        _, value = self.model.judge(pooled)
        steps = torch.arange(pooled.shape[1], device=pooled.device) < done[:, None]
        seen = steps & (pooled != 0).any(-1)  # rows of a rolling start lack the first steps
        squared = (value - right.float()[:, None]).square() * seen
        return squared.sum(1) / seen.sum(1).clamp(min=1)


def token_loss(logits: Tensor, y: Tensor, kind: str) -> Tensor:
    """Cross-entropy per token, (B, L); zero where the target is padding."""
    if kind == "stablemax":
        x = logits[..., 1:].double()
        s = torch.where(x < 0, 1 / (1 - x.clamp(max=0)), x + 1)  # the clamp keeps the unused branch finite
        chosen = s.gather(-1, (y - 1).clamp(min=0)[..., None]).squeeze(-1)
        return torch.where(y == PAD, 0.0, s.sum(-1).log() - chosen.log()).float()
    return F.cross_entropy(logits.transpose(1, 2), y, ignore_index=PAD, reduction="none")
