"""Our sampler against that of tiny-recursive-model, on this machine: python benchmarks/halting.py

pip install --no-deps tiny-recursive-model einops. Both run the very same network (a TRM of ours, given to their
`TinyRecursiveModel` with its embeddings, decoder and halting head) in the same dtype and with the same halting
threshold; rows leave the batch when they halt in both. So answers agree up to rounding (which an untrained network
magnifies), and the ratio is that of the engines. Without --weights the network is untrained and the threshold is the
median of what its halting head says after one step.
They take turns (A B A B ...); the ratio is the median of the turns' ratios.
"""

import argparse
import importlib
import importlib.util
import json
import math
import sys
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from gram import bundle, tasks
from gram.bench.clock import Clock, Timed, comparison, take_turns
from gram.models.arithmetic import arithmetic
from gram.models.build import settle
from gram.models.family import Model
from gram.models.layers import Embedding
from gram.recipes import recipe
from gram.solve.network import TorchNetwork
from gram.solve.record import hardware, origin
from gram.solve.sample import Flight, sample
from gram.tasks.store import load_examples

PACKAGE = "tiny_recursive_model"


def package() -> ModuleType:
    """Their trm.py without the package's __init__, which wants what only a trainer needs."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.submodule_search_locations is None:
        raise SystemExit("pip install --no-deps tiny-recursive-model einops")
    bare = ModuleType(PACKAGE)
    bare.__path__ = list(found.submodule_search_locations)
    sys.modules[PACKAGE] = bare
    return importlib.import_module(f"{PACKAGE}.trm")


class Halt(nn.Module):
    """Our halting head in the place of theirs: above 0 where ours is above `threshold`."""

    def __init__(self, model: Model, threshold: float):
        super().__init__()
        self.model, self.threshold = model, threshold

    def forward(self, readout: Tensor) -> Tensor:
        return self.model.judge(self.model.pool(readout))[0][:, 0] - self.threshold


def theirs(model: Model, threshold: float) -> nn.Module:
    """Their model with our weights."""
    c = model.config
    rival = package().TinyRecursiveModel(
        dim=c.width,
        num_tokens=model.spec.vocabulary,
        network=model.core.f_L,
        num_refinement_blocks=c.T,
        num_latent_refinements=c.K,
    )
    assert isinstance(model.embed_x, Embedding)
    with torch.no_grad():
        rival.input_embed.weight.copy_(model.embed_x.weight * math.sqrt(c.width))
        rival.output_init_embed.copy_(model.z0[0])
        rival.latent_init_embed.copy_(model.z0[1])
        rival.to_pred.weight.copy_(model.decoder.weight)
        rival.to_pred.weight[0] = 0.0  # padding, which ours never answers
    rival = rival.to(model.dtype)
    rival.to_halt_pred = Halt(model, threshold)  # after the cast: ours is in float32
    return rival


def median_halt(network: TorchNetwork, task: tasks.Task, x: np.ndarray) -> float:
    """Of the halting logits after the first step."""
    flight = Flight(network, task, x, 0, 0.0)
    flight.admit([(puzzle, 0) for puzzle in range(len(x))])
    return float(np.median(flight.step()[2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="sudoku-6-trm", help="a TRM without learned positions")
    parser.add_argument("--weights", help="a trained run of such a recipe")
    parser.add_argument("--puzzles", type=int, default=256)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--compile", action="store_true", help="compile our step")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = Clock(torch.device("cpu"), options.clock)
    if options.weights:
        config, model = bundle.load(options.weights)
        assert isinstance(model, Model)
    else:
        config = recipe(options.recipe)
        model = Model(tasks.task(config.task).spec, config.model).eval()
        nn.init.normal_(model.halt.weight, generator=torch.Generator().manual_seed(0))
    c = config.model
    if c.guidance != "none" or not (c.shared and c.hierarchy) or c.registers or c.positions == "learned" or c.unary:
        raise SystemExit("Their package knows a TRM without registers and learned positions only; choose such a one.")
    task = tasks.task(config.task)
    x = load_examples(task, config.dev[:1], "dev", count=options.puzzles).inputs
    settle(model, arithmetic(options.dtype, c.width, clock.device)[0])
    network = TorchNetwork(model, compile=options.compile)
    threshold = config.solve.halt_threshold
    threshold = median_halt(network, task, x) if threshold is None else threshold
    rival, tokens = theirs(model, threshold), torch.from_numpy(x.astype(np.int64))

    def ours() -> tuple[np.ndarray, np.ndarray]:
        found = sample(network, task, x, width=1, depth=options.depth, halt_threshold=threshold)
        return np.concatenate([f.answers for f in found]), np.concatenate([f.steps for f in found])

    def other() -> tuple[np.ndarray, np.ndarray]:
        answers, steps = rival.predict(tokens, 0.5, options.depth)  # pyright: ignore
        return task.canonical(answers.numpy().astype(np.uint8)), steps.numpy()

    one, two = Timed(clock, ours), Timed(clock, other)
    take_turns([one, two], options.repeats)
    values = vars(options) | {"hardware": hardware(), **origin(), "busy": clock.busy, "arithmetic": network.dtype}
    values |= {"steps": {"ours": float(one.result[1].mean()), "theirs": float(two.result[1].mean())}}
    values |= {"same_answers": float((one.result[0] == two.result[0]).all(1).mean())}
    print(json.dumps(values | comparison(one, two), indent=2))


if __name__ == "__main__":
    main()
