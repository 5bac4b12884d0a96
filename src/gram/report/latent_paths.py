"""Latent trajectories of one puzzle: h after every supervision step in the plane of its two principal components, and
the loss in that plane (needs torch)."""

from dataclasses import dataclass

import numpy as np
import torch

from gram.models.recursive import Model
from gram.solve import reasoner
from gram.solve.sampler import rollout
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.base import Task
from gram.tasks.data.store import load_examples
from gram.tasks.spec import Examples, Tokens

DEPTH = 16
WIDTH = 64
GRID = 48
MOST = 64
"""Maximum solutions of the chosen puzzle, since the loss compares with all of them."""


@dataclass(frozen=True)
class Trajectories:
    """N trajectories of S supervision steps in the plane of their two principal components, and the loss on a grid of
    G x G."""

    name: str
    puzzle: str
    points: np.ndarray
    """(N, S, 2)."""
    answers: np.ndarray
    """(N,) index of the distinct valid answer of each trajectory; -1 for none."""
    solutions: int
    share: float
    """Share of the variance of h in the plane."""
    x: np.ndarray
    """(G,) first component."""
    y: np.ndarray
    """(G,) second component."""
    loss: np.ndarray
    """(G, G), one row per y: cross-entropy per token against the nearest solution."""


def trace(
    weights: str, puzzle: str | None = None, *, dtype: str = "float32", width: int = WIDTH, depth: int = DEPTH
) -> Trajectories:
    """Trajectories of the dev puzzle with the most solutions (at most 64), or of `puzzle`, without halting or restarts.
    A deterministic variant has only one. ValueError for weights of another model or a task without puzzles."""
    loaded = reasoner.load(weights, dtype=dtype, device="cpu")
    network, task = loaded.network, loaded.task
    if task.unconditional:
        raise ValueError(
            f"{task.spec.name} has no puzzles, so there are no trajectories to draw; choose other weights."
        )
    assert isinstance(network, TorchNetwork)
    model = network.model
    if not isinstance(model, Model):
        raise ValueError(f"{weights} is not a recursive model; only recursive models have latent trajectories.")
    x, solutions = asked(loaded, puzzle) if puzzle else hardest(task, loaded.config.dev)
    states, answers = [], np.zeros(0)
    for stage in rollout(network, task, x[None], width=width, depth=depth, rows=width):
        states.append(stage.state[0])
        answers = stage.answers
    h = torch.stack(states, 1).float().cpu()  # (N, S, M, D)
    points, share = plane(h.flatten(2).flatten(0, 1).numpy())
    axes = [np.linspace(p.min() - m, p.max() + m, GRID) for p in points.T if (m := 0.1 * np.ptp(p) + 1e-6)]
    loss = landscape(model, h.flatten(0, 1), points, axes[0], axes[1], solutions)
    return Trajectories(
        name=loaded.config.recipe,
        puzzle=task.show(x),
        points=points.reshape(len(answers), depth, 2),
        answers=which(task, x, answers),
        solutions=len(solutions),
        share=share,
        x=axes[0],
        y=axes[1],
        loss=loss,
    )


def asked(loaded: reasoner.Reasoner, puzzle: str) -> tuple[Tokens, Tokens]:
    """Tokens and solutions of a puzzle given as text."""
    x = loaded.read([puzzle])[0]
    try:
        return x, loaded.task.solutions(x, limit=MOST, budget=loaded.task.quick)
    except RuntimeError:
        raise ValueError("The solutions of this puzzle take too long to list; choose another.") from None


def hardest(task: Task, dev: tuple[str, ...]) -> tuple[Tokens, Tokens]:
    """The first dev puzzle with the most solutions."""
    examples: Examples = load_examples(task, dev[-1:], "dev", count=256)
    counts = np.where(examples.counts <= MOST, examples.counts, 0)
    i = int(counts.argmax())
    return examples.inputs[i], examples.targets_of(i)


def which(task: Task, x: Tokens, answers: Tokens) -> np.ndarray:
    """(N,) index of the distinct valid answer, in order of first appearance; -1 for invalid answers."""
    valid = task.check(np.broadcast_to(x, answers.shape), answers)
    names: dict[bytes, int] = {}
    pairs = zip(answers, valid, strict=True)
    return np.array([names.setdefault(a.tobytes(), len(names)) if v else -1 for a, v in pairs])


def plane(h: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinates (n, 2) of points (n, F) along their first two principal components, and their share of the variance.
    Signs are chosen so that the largest coordinate of each component is positive."""
    centred = h - h.mean(0)
    values, vectors = np.linalg.eigh(centred.astype(np.float64) @ centred.T)  # (n, n): fewer points than features
    largest = np.argsort(values)[::-1][:2]
    found = vectors[:, largest] * np.sqrt(values[largest].clip(0))
    found *= np.where(found[np.abs(found).argmax(0), [0, 1]] < 0, -1.0, 1.0)
    return found, float(values[largest].sum() / max(values.clip(0).sum(), 1e-30))


@torch.inference_mode()
def landscape(
    model: Model, h: torch.Tensor, points: np.ndarray, x: np.ndarray, y: np.ndarray, solutions: Tokens
) -> np.ndarray:
    """(G, G) loss at the points (x, y) of the plane. The state at a point is a mean of the visited states h (n, M, D),
    each weighted by a Gaussian of its distance in the plane, three grid cells wide. So the loss near a trajectory is
    that of the trajectory, and it is interpolated between trajectories."""
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    scaled = np.array([3 * (x[1] - x[0]), 3 * (y[1] - y[0])])
    distance = np.square((grid[:, None] - points[None]) / scaled).sum(-1)
    weights = np.exp(-0.5 * (distance - distance.min(1, keepdims=True)))
    weights = torch.from_numpy((weights / weights.sum(1, keepdims=True)).astype(np.float32))
    targets = torch.from_numpy(solutions.astype(np.int64))[:, model.spec.answer_start :]
    losses = []
    for part in weights.split(64):
        state = torch.einsum("gn,nmd->gmd", part, h)
        logits = model.decode(state).logits.log_softmax(-1)[:, model.spec.answer_start :]
        each = [-logits.gather(-1, t.expand(len(part), -1)[..., None]).mean((1, 2)) for t in targets]
        losses.append(torch.stack(each).amin(0))
    return torch.cat(losses).numpy().reshape(len(y), len(x))
