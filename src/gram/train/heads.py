"""After training: fit the halt and value heads on prior rollouts of the frozen model, and choose the halting threshold.

Heads that learned beside the network lag behind it and are no guide at test time (LOG.md); a minute of rollouts is.
"""

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gram.config import Config
from gram.models.family import Model
from gram.solve.network import TorchNetwork
from gram.solve.sample import Flight, deterministic, sample, settle_temperature
from gram.tasks.base import Examples, Task

CHUNK = 64
DEPTH = 24
"""Rollouts are no deeper: most rows have long settled by then, and restarts come back to what the heads know."""
ROW_STEPS = 12_800
"""Supervision steps of single rows in the rollouts."""
PUZZLES = 256
"""Dev puzzles on which thresholds are compared, two samples of each."""
STEP = 2e-4
"""What one step less of a sample may cost in validity: fifty steps are worth one point."""


def fit_heads(model: Model, task: Task, config: Config, train: Examples, dev: Examples, *, width: int = 4) -> Config:
    """Fit both heads in place on rollouts of `train`; returns `config` with the threshold that halts best on `dev`."""
    depth, seed, restart_every = min(config.solve.depth, DEPTH), config.train.seed, config.solve.restart_every
    width = 1 if deterministic(TorchNetwork(model), task, None, restart_every) else width
    rng = np.random.default_rng([seed, 5])
    some = train.select(rng.permutation(len(train))[: max(64, ROW_STEPS // (width * depth))])
    pooled, right = rollouts(model, task, some.inputs, width=width, depth=depth, seed=seed, restart_every=restart_every)
    fit(model, pooled, right, restart_every=restart_every)
    threshold = best_threshold(model, task, config, dev.inputs)
    return dataclasses.replace(config, solve=dataclasses.replace(config.solve, halt_threshold=threshold))


def best_threshold(model: Model, task: Task, config: Config, inputs: np.ndarray) -> float | None:
    """The threshold on the halting logit (None: never stop) whose samples of puzzles (n, L) are wrong most seldom, each
    step counted at STEP: too low stops at wrong answers, too high throws right ones away with every restart."""
    network, c = TorchNetwork(model), config.solve

    def cost(threshold: float | None) -> tuple[float, float]:
        found = sample(
            network,
            task,
            inputs,
            width=2,
            depth=c.depth,
            seed=config.train.seed + 1,
            halt_threshold=threshold,
            restart_every=c.restart_every,
        )
        right = [task.check(np.repeat(x[None], len(t), 0), t.answers) for x, t in zip(inputs, found, strict=True)]
        steps = STEP * float(np.concatenate([t.steps for t in found]).mean())
        return 1 - float(np.concatenate(right).mean()) + steps, steps

    costs: dict[float | None, tuple[float, float]] = {}
    for threshold in (*map(float, range(9)), None):
        costs[threshold] = cost(threshold)
        if costs[threshold][1] > min(costs.values())[0]:  # higher ones take more steps yet
            break
    best = min(costs, key=costs.__getitem__)
    if best is not None:
        costs |= {near: cost(near) for near in (best - 0.5, best + 0.5)}
    return min(costs, key=costs.__getitem__)


@torch.no_grad()
def rollouts(
    model: Model,
    task: Task,
    inputs: np.ndarray,
    *,
    width: int,
    depth: int,
    seed: int,
    restart_every: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Prior trajectories of puzzles (n, L): what the heads read (n * width, depth, D) and whether the answer of each
    step obeys the rules (n * width, depth). With `restart_every` all rows begin anew that often."""
    network = TorchNetwork(model)
    all_pooled, all_right = [], []
    for first in range(0, len(inputs), max(1, CHUNK // width)):
        some = inputs[first : first + max(1, CHUNK // width)]
        flight = Flight(network, task, some, seed, settle_temperature(network, None))
        flight.admit([(puzzle, trajectory) for puzzle in range(len(some)) for trajectory in range(width)])
        pooled, right = [], []
        for step in range(1, depth + 1):
            answers, _, _ = flight.step()
            now = task.check(np.repeat(some, width, axis=0), answers)
            pooled.append(flight.pooled.cpu().clone())
            right.append(torch.from_numpy(now))
            if restart_every is not None and step % restart_every == 0:
                flight.restart(np.arange(len(now)))
        all_pooled.append(torch.stack(pooled, 1))
        all_right.append(torch.stack(right, 1))
    return torch.cat(all_pooled), torch.cat(all_right)


def fit(model: Model, pooled: Tensor, right: Tensor, updates: int = 600, restart_every: int | None = None) -> None:
    """Logistic regression of "right now" (halt) and least squares of "right at the end" (value), full batch. The end is
    the last step before the row may begin anew: what comes of it after that says nothing of this answer."""
    device = next(model.parameters()).device
    features, now = pooled.to(device), right.to(device).float()
    step, depth = torch.arange(now.shape[1], device=device), now.shape[1]
    last = depth - 1 if restart_every is None else ((step // restart_every + 1) * restart_every).clamp(max=depth) - 1
    end = now[:, last].reshape(len(now), -1).expand_as(now)
    heads = [*model.halt.parameters(), *model.value.parameters()]
    with torch.no_grad():
        model.halt.bias.zero_()
        model.value.bias.fill_(float(end.mean()))
    optimizer = torch.optim.Adam(heads, lr=0.05)
    for update in range(updates):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - update / updates)
        halt, value = model.judge(features)
        loss = F.binary_cross_entropy_with_logits(halt[..., 0], now) + (value - end).square().mean()
        if model.config.halting == "halt-continue":  # continue is worth what comes at best
            best = now.flip(1).cummax(1).values.flip(1)
            loss = loss + F.binary_cross_entropy_with_logits(halt[..., 1], best)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
