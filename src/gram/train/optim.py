"""Optimizers, their parameter groups, the schedule, and the averaged weights."""

import math

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.swa_utils import AveragedModel

from gram.config import TrainConfig
from gram.models.build import AnyModel
from gram.models.layers import Linear
from gram.models.recursive import Model
from gram.train.parallel import World

MOMENTUM = 0.95
"""Momentum of Muon."""
CLIP = 1.0
"""Maximum gradient norm."""


class AdamAtan2(Optimizer):
    """Adam with atan2 instead of the division: no epsilon, invariant to the scale of the loss (arXiv:2407.05872).

    p <- p * (1 - lr * weight_decay) - lr * atan2(m / (1 - b1^t), sqrt(v / (1 - b2^t))).
    """

    def __init__(self, params, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.95), weight_decay: float = 0.1):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        assert closure is None
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(step=torch.tensor(0.0), exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
                state["step"] += 1
                t = state["step"].item()
                m, v = state["exp_avg"], state["exp_avg_sq"]
                m.lerp_(p.grad, 1 - b1)
                v.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.atan2(m / (1 - b1**t), (v / (1 - b2**t)).sqrt()))


def optimizers(model: AnyModel, config: TrainConfig) -> list[Optimizer]:
    """One optimizer, or Muon for the matrices of the core and AdamW for the rest. Only matrices decay."""
    matrices = [module.weight for module in model.core.modules() if isinstance(module, Linear)]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    lr_rest = config.lr if config.lr_rest is None else config.lr_rest
    if config.optimizer == "muon":
        muon = Muon(
            matrices,
            lr=config.lr,
            weight_decay=config.weight_decay,
            momentum=MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )
        return [muon, AdamW(rest, lr=lr_rest, betas=config.betas, weight_decay=0.0, foreach=True)]
    groups = [{"params": matrices}, {"params": rest, "lr": lr_rest, "weight_decay": 0.0}]
    if config.optimizer == "adamatan2":
        return [AdamAtan2(groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)]
    return [AdamW(groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, foreach=True)]


class PuzzleVectors:
    """Sign descent on the vectors of the puzzles that are in the batch: w <- (1 - lr * decay) w - lr * sign(gradient).

    It has no state, so vectors of puzzles outside the batch do not move, a table of a million vectors needs no more
    memory, and a resumed run needs no state. HRM and TRM train their vectors the same way."""

    def __init__(self, model: Model, config: TrainConfig, world: World):
        self.model, self.world = model, world
        self.lr, self.decay = config.lr_puzzle, config.weight_decay_puzzle

    def take(self, x: Tensor) -> Tensor | None:
        """The vectors of the puzzles of inputs (B, L), (B, D), with gradient; None if there are none."""
        if self.model.identities is None:
            return None
        return self.model.identities[self.model.identify(x)].requires_grad_()

    @torch.no_grad()
    def step(self, x: Tensor, taken: Tensor | None, factor: float) -> None:
        """Update them with the gradient of all ranks, with the learning rate times `factor`."""
        if taken is None:
            return
        assert self.model.identities is not None
        assert taken.grad is not None
        numbers, gradient = self.world.all_rows(self.model.identify(x)), self.world.all_rows(taken.grad)
        seen, which = numbers.unique(return_inverse=True)
        total = gradient.new_zeros(len(seen), gradient.shape[1]).index_add_(0, which, gradient)
        lr = self.lr * factor
        self.model.identities[seen] = (1 - lr * self.decay) * self.model.identities[seen] - lr * total.sign()


def schedule(update: int, progress: float, config: TrainConfig) -> float:
    """Factor on the learning rate: linear warm-up over updates, then a cosine over `progress` in [0, 1]."""
    warm = min(1.0, (update + 1) / max(1, config.warmup))
    return warm * (config.lr_final + (1 - config.lr_final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def warmed_beta(progress: float, config: TrainConfig) -> float:
    """beta at `progress` in [0, 1]: linear from 0 to its value over beta_warmup, then constant."""
    return config.beta * (min(1.0, progress / config.beta_warmup) if config.beta_warmup else 1.0)


def averaged(model: AnyModel, decay: float) -> AveragedModel:
    """Exponential moving average of the weights with the ramp min(decay, (1 + n) / (10 + n)); buffers are copied."""

    @torch.no_grad()
    def average(ema, current, n: Tensor | int) -> None:
        d = min(decay, (1 + int(n)) / (10 + int(n)))
        torch._foreach_lerp_(ema, current, 1 - d)  # pyright: ignore[reportPrivateImportUsage]

    return AveragedModel(model, multi_avg_fn=average, use_buffers=False)


def gradient_norm(parameters: list[nn.Parameter], most: float = CLIP) -> Tensor:
    """Clip to `most` in place and return the norm before."""
    return nn.utils.clip_grad_norm_(parameters, most, foreach=True)
