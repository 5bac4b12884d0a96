"""Optimisers, their parameter groups, the schedule, and the averaged weights."""

import math
from collections import defaultdict

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel

from gram.config import TrainConfig
from gram.models.family import Model


class AdamAtan2(Optimizer):
    """Adam with atan2 in place of the division: no epsilon, invariant to the scale of the loss (arXiv:2407.05872).

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


class Muon(Optimizer):
    """torch.optim.Muon (Nesterov, learning rate matched to AdamW's), with the Newton-Schulz products of all matrices of
    one shape in one batch: the same numbers, half the time for small matrices.

    m <- lerp(m, grad, 1 - momentum)
    p <- p * (1 - lr * weight_decay) - 0.2 sqrt(max(shape)) lr * orthogonal(lerp(grad, m, momentum))
    """

    def __init__(self, params, lr: float, weight_decay: float, momentum: float):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        assert closure is None
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[p.shape].append(p)
            for shape, params in shapes.items():
                found = orthogonal(torch.stack([self.momentum(p, group["momentum"]) for p in params]))
                rate = 0.2 * math.sqrt(max(shape)) * group["lr"]
                for p, direction in zip(params, found, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-rate)

    def momentum(self, p: nn.Parameter, momentum: float) -> Tensor:
        """Renew m of `p` and look ahead (Nesterov)."""
        assert p.grad is not None
        if not self.state[p]:
            self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        m = self.state[p]["momentum_buffer"].lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(m, momentum)


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz in bfloat16: (n, rows, columns) -> about the nearest orthogonal matrix of each
    (kellerjordan.github.io/posts/muon)."""
    a, b, c = 3.4445, -4.775, 2.0315
    X = matrices.bfloat16()
    wide = X.shape[1] <= X.shape[2]
    X = X if wide else X.mT
    X = X / X.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = X @ X.mT
        X = torch.baddbmm(X, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), X, beta=a)
    return X if wide else X.mT


def optimizers(model: Model, config: TrainConfig) -> list[Optimizer]:
    """One optimiser, or Muon for the matrices of the core and AdamW for the rest. Only matrices decay."""
    matrices = [p for p in model.core.parameters() if p.ndim == 2]
    if model.core.posterior is not None and model.core.posterior.embed_y is not None:
        table = model.core.posterior.embed_y.weight
        matrices = [p for p in matrices if p is not table]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    lr_rest = config.lr if config.lr_rest is None else config.lr_rest
    if config.optimizer == "muon":
        muon = Muon(matrices, lr=config.lr, weight_decay=config.weight_decay, momentum=config.momentum)
        return [muon, AdamW(rest, lr=lr_rest, betas=config.betas, weight_decay=0.0, foreach=True)]
    groups = [{"params": matrices}, {"params": rest, "lr": lr_rest, "weight_decay": 0.0}]
    if config.optimizer == "adamatan2":
        return [AdamAtan2(groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)]
    return [AdamW(groups, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, foreach=True)]


def schedule(update: int, progress: float, config: TrainConfig) -> float:
    """Factor on the learning rate: linear warm-up over updates, then a cosine over `progress` in [0, 1]."""
    warm = min(1.0, (update + 1) / max(1, config.warmup))
    return warm * (config.lr_final + (1 - config.lr_final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def averaged(model: Model, decay: float) -> AveragedModel:
    """Exponential moving average of the weights with the ramp min(decay, (1 + n) / (10 + n)); buffers are copied."""

    @torch.no_grad()
    def average(ema, current, n: Tensor | int) -> None:
        d = min(decay, (1 + int(n)) / (10 + int(n)))
        torch._foreach_lerp_(ema, current, 1 - d)  # pyright: ignore[reportPrivateImportUsage]

    return AveragedModel(model, multi_avg_fn=average, use_buffers=False)


def gradient_norm(parameters: list[nn.Parameter], clip: float) -> Tensor:
    """Clip to `clip` in place and return the norm before."""
    return nn.utils.clip_grad_norm_(parameters, clip, foreach=True)
