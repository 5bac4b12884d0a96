"""Networks in the place of trained ones: tiny with random weights, and fakes that know the answers."""

import dataclasses
import functools

import numpy as np
import torch

from gram import tasks
from gram.config import Config, ModelConfig, SolveConfig
from gram.models.build import AnyModel, build
from gram.models.core import State, Step
from gram.models.recursive import Model, Output
from gram.solve.reasoner import Reasoner
from gram.solve.sampler import Trajectories
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.spec import Examples
from gram.weights import load

FOUR = tasks.task("sudoku-4")
SIX = tasks.task("sudoku-6")
QUEENS = tasks.task("queens-6")
PEERS = [{j for relation in FOUR.spec.relations for g in relation if i in g for j in g if j != i} for i in range(16)]


@functools.cache
def held_out(task, count: int) -> Examples:
    """Held-out examples, made once: a generator takes seconds."""
    return task.examples("dev", count=count)


def puzzles(task, count=7) -> np.ndarray:
    """Held-out puzzles (count, L)."""
    return held_out(task, count).inputs.copy()


def speaking(model: Model, std: float) -> Model:
    """Weights that are zero at first are drawn."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in [model.halt.weight, model.value.weight, *model.core.parameters()]:
            if not weight.any():
                weight.normal_(std=std, generator=generator)
        model.halt.bias.zero_()
    return model


def tiny(task=FOUR, dtype=torch.float32, **changes) -> TorchNetwork:
    """Random weights, none of them zero, so that every part speaks."""
    options = {"width": 32, "hidden": 32, "mixer": "groups", "mixer_hidden": 8, "heads": 4, "positions": "none"}
    options |= {"guidance_hidden": 32, "K": 2, "T": 2, "pool": "mean"} | changes
    model = speaking(Model(task.spec, ModelConfig(**options)).eval(), std=0.3)
    model.dtype = dtype
    return TorchNetwork(model)


def shortened(name: str, **changes) -> tuple[Config, AnyModel]:
    """Shipped weights whose step is shorter: with other K and T, or with the first of their blocks."""
    config, model = load(name)
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))
    short, state = build(model.spec, config.model), model.state_dict()
    short.load_state_dict({key: state[key] for key in short.state_dict()})
    return config, short.eval()


class Oracle(torch.nn.Module):
    """Emits a uniformly drawn solution after a drawn number of supervision steps up to `delay`, the puzzle before; a
    share `wrong` of the trajectories stays with the puzzle for good. The value is 1 where it emits a solution."""

    def __init__(self, task, delay=1, wrong=0.0):
        super().__init__()
        self.config = ModelConfig(width=16, T=1, guidance="noise", mixer="groups")
        self.task, self.delay, self.wrong = task, delay, wrong
        self.noise_shape, self.start_shape = (1, task.spec.length, 16), (2, task.spec.length, 16)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.dtype = torch.float32
        self.embedded = 0

    def encode(self, x):
        self.embedded += len(x)
        return x.float()[:, :, None].repeat(1, 1, 16)

    def pool(self, readout):
        return readout[:, 0]

    def initial(self, batch, noise=None):
        return State(torch.zeros(batch, self.task.spec.length, 16), torch.zeros(batch, 0, 16))

    def step(self, state, e_x, noise, *, temperature):
        e_x, h = (z.expand(noise.shape[1], -1, -1).clone() for z in (e_x, state.h))
        for b in range(len(h)):
            if not h[b, 0, 0]:  # draw everything at the first step: which solution, when, whether at all
                chances = torch.special.ndtr(noise[0, b, 0, :3]).tolist()
                solutions = self.task.solutions(e_x[b, :, 0].numpy().astype(np.uint8))
                if len(solutions):
                    answer = torch.from_numpy(solutions[int(chances[0] * len(solutions))].astype(np.float32))
                else:
                    answer = e_x[b, :, 0]
                h[b, :, 1], h[b, :, 2] = answer, 1 + int(chances[1] * self.delay)
                h[b, :, 3] = chances[2] < self.wrong
            h[b, :, 0] += 1
        shown = (h[:, :1, 0] >= h[:, :1, 2]) & (h[:, :1, 3] == 0)
        tokens = torch.where(shown, h[:, :, 1], e_x[:, :, 0]).long()
        readout = torch.nn.functional.one_hot(tokens, 16).float() + 0.1 * shown[:, :, None]
        return Step(State(h, state.l), readout, [])

    def decode(self, readout):
        score = (readout[:, 0].amin(-1) > 0.05).float()
        return Output(readout[..., : self.task.spec.vocabulary], torch.stack([score - 0.5] * 2, 1), score)


class Propagator(Oracle):
    """Sure of a symbol where the puzzle leaves one only, and of nothing where it leaves several: blind to `noise`. It
    never wants to halt before all is sure."""

    def initial(self, batch, noise=None):
        return State(torch.zeros(batch, 16, 16), torch.zeros(batch, 0, 16))

    def step(self, state, e_x, noise, *, temperature):
        h = e_x.expand(noise.shape[1], -1, -1).clone()
        return Step(State(h, state.l[:, :0]), h, [])

    def decode(self, readout):
        logits = torch.full((*readout.shape[:2], FOUR.spec.vocabulary), float("-inf"))
        for b, seen in enumerate(readout[:, :, 0].numpy().astype(np.uint8)):
            while True:  # naked singles
                left = [{s for s in FOUR.spec.symbols if all(seen[j] != s for j in PEERS[i])} for i in range(16)]
                single = [i for i in range(16) if seen[i] == 1 and len(left[i]) == 1]
                if not single:
                    break
                seen[single[0]] = left[single[0]].pop()
            for i, token in enumerate(seen):
                logits[b, i, [int(token)] if token > 1 else sorted(left[i]) or [2]] = 0.0
        done = (logits > -1).sum(-1).eq(1).all(1)
        return Output(logits, torch.where(done, 1.0, -1.0)[:, None].expand(-1, 2), done.float())


def fake(task, **options) -> TorchNetwork:
    """An Oracle in the place of a Model."""
    return TorchNetwork(Oracle(task, **options))  # pyright: ignore


def propagator() -> TorchNetwork:
    """A Propagator in the place of a Model."""
    return TorchNetwork(Propagator(FOUR))  # pyright: ignore


def knowing(**options) -> Reasoner:
    config = Config(recipe="test", task="queens-6", solve=SolveConfig(width=8, depth=4))
    return Reasoner(config, fake(QUEENS, **options))


def same(a: Trajectories, b: Trajectories) -> bool:
    """What the checker says is known only where it watched."""
    pairs = [(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True) if x is not None and y is not None]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in pairs)


def same_answer(a, b) -> bool:
    """All but the time, and the arrays by their text."""
    plain = {"tokens": None, "candidates": (), "seconds": 0.0}
    votes = [[(c.answer.tobytes(), c.votes, c.steps) for c in one.candidates] for one in (a, b)]
    return dataclasses.replace(a, **plain) == dataclasses.replace(b, **plain) and votes[0] == votes[1]
