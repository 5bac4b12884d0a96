"""Our sampler against the package tiny-recursive-model with halting, on this machine: python benchmarks/halting.py

pip install --no-deps tiny-recursive-model einops. Three take turns (A B C A B C ...), in the same dtype: our sampler
with a TRM of ours; "loop", their `TinyRecursiveModel` around the very same network, with our embeddings, decoder and
halting head, so that answers agree up to rounding and the ratio is that of the engines; and "package", all of it
theirs: their MLPMixer1D of the same width, blocks, positions, refinements and number of parameters, whose rows halt
after the same steps as ours. Both of theirs run all puzzles as one batch, as `predict` does, and drop rows that have
halted. Sizes: "readme" that of their README, "laptop" that of our laptop recipes, "official" that of the published TRM
with a mixer on Sudoku. Networks are untrained, and the threshold is the median of what our halting head says after one
step; --weights takes a trained run, without "package".
The ratio is that of the seconds within a turn, the median of the turns. ceiling: what it would be, at most, if ours ran
at the machine's best product in that dtype, which is measured in the same turns: operations are counted alike in both.
"""

import argparse
import copy
import importlib
import importlib.util
import math
import statistics
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gram import tasks
from gram import weights as weight_files
from gram.bench.clock import Clock, Peak, Timed, comparison, take_turns
from gram.measure.record import hardware, origin, print_json
from gram.models.build import cast
from gram.models.device import arithmetic
from gram.models.layers import Embedding, SwiGLU
from gram.models.recursive import Model
from gram.recipes import change, recipe
from gram.solve.sampler import sample
from gram.solve.torch_backend import TorchNetwork
from gram.tasks.data.store import load_examples
from gram.tasks.spec import PAD
from gram.train.flops import of_step

PACKAGE = "tiny_recursive_model"
MIXER = {"mixer": "swiglu", "positions": "none", "unary": False, "blocks": 2, "pool": "mean"}
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "readme": ("queens-16", {"width": 16, "mixer_hidden": 43, "hidden": 5, "K": 6, "T": 3}),
    "laptop": ("sudoku-9", {"width": 128, "mixer_hidden": 128, "hidden": 128, "K": 2, "T": 2}),
    "official": ("sudoku-9", {"width": 512, "mixer_hidden": 512, "hidden": 1536, "K": 6, "T": 3}),
}
"""Task (256 or 81 positions) and fields of our model. Their README's MLPs have 64 and 8 units in two matrices each."""


def package(module: str) -> ModuleType:
    """Their module without the package's __init__, which wants what only a trainer needs."""
    if PACKAGE not in sys.modules:
        found = importlib.util.find_spec(PACKAGE)
        if found is None or found.submodule_search_locations is None:
            raise SystemExit("pip install --no-deps tiny-recursive-model einops")
        bare = ModuleType(PACKAGE)
        bare.__path__ = list(found.submodule_search_locations)
        sys.modules[PACKAGE] = bare
    return importlib.import_module(f"{PACKAGE}.{module}")


class Halt(nn.Module):
    """Our halting head in the place of theirs: above 0 where ours is above `threshold`."""

    def __init__(self, model: Model, threshold: float):
        super().__init__()
        self.model, self.threshold = model, threshold

    def forward(self, readout: Tensor) -> Tensor:
        return self.model.judge(self.model.pool(readout))[0][:, 0] - self.threshold


@torch.no_grad()
def calm(model: Model) -> None:
    """Make an untrained model forget roundings, which it would magnify from step to step, as a trained one does."""
    for module in model.core.modules():
        if isinstance(module, SwiGLU):
            module.down.weight.mul_(0.25)


class Scheduled(nn.Module):
    """Halts each row after as many steps as it is told, whatever `head` says, which is asked all the same."""

    def __init__(self, head: nn.Module):
        super().__init__()
        self.head = head
        self.step, self.left = 0, torch.zeros(0)

    def begin(self, steps: np.ndarray) -> None:
        """The steps of all rows of the coming batch."""
        self.step, self.left = 0, torch.from_numpy(steps)

    def forward(self, readout: Tensor) -> Tensor:
        self.head(readout)
        self.step += 1
        halted = self.left <= self.step
        self.left = self.left[~halted]
        return torch.where(halted, 1.0, -1.0)


def around(model: Model, network: nn.Module) -> Any:
    """Their model around `network`, of the sizes of ours."""
    c = model.config
    counts = {"num_refinement_blocks": c.T, "num_latent_refinements": c.K}
    trm = package("trm").TinyRecursiveModel
    return trm(dim=c.width, num_tokens=model.spec.vocabulary, network=network, **counts).eval()


def loop(model: Model, threshold: float) -> Any:
    """Their model with our weights."""
    baseline = around(model, copy.deepcopy(model.core.f_L))
    assert isinstance(model.embed_x, Embedding)
    with torch.no_grad():
        baseline.input_embed.weight.copy_(model.embed_x.weight * math.sqrt(model.config.width))
        baseline.output_init_embed.copy_(model.z0[0])
        baseline.latent_init_embed.copy_(model.z0[1])
        baseline.to_pred.weight.copy_(model.decoder.weight)
        baseline.to_pred.weight[0] = 0.0  # padding, which ours never answers
    baseline = baseline.to(model.dtype)
    baseline.to_halt_pred = Halt(model, threshold)  # after the cast: ours is in float32
    return baseline


def own(model: Model) -> Any:
    """Their model with their network of as many parameters: two matrices where a SwiGLU has three."""
    c = model.config
    expansions = {
        "expansion_factor": 1.5 * c.mixer_hidden / c.width,
        "expansion_factor_token": 1.5 * c.hidden / c.width,
    }
    mixer = package("mlp_mixer_1d").MLPMixer1D(dim=c.width, depth=c.blocks, seq_len=model.spec.length, **expansions)
    baseline = around(model, mixer).to(model.dtype)
    baseline.to_halt_pred = Scheduled(baseline.to_halt_pred)
    return baseline


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def median_halt(network: TorchNetwork, task: tasks.Task, x: np.ndarray) -> float:
    """Of the halting logits after the first step."""
    found = sample(network, task, x, width=1, depth=1, temperature=0.0)
    return float(np.median([each.halt[0] for each in found]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="laptop")
    parser.add_argument("--weights", help="a trained run of a TRM without registers and learned positions")
    parser.add_argument("--puzzles", type=int, default=256)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="compile our step")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = Clock(torch.device("cpu"), options.clock)
    if options.weights:
        config, model = weight_files.load(options.weights)
        assert isinstance(model, Model)
    else:
        name, fields = SIZES[options.size]
        config = change(recipe(f"{name}-trm"), model=MIXER | fields)
        model = Model(tasks.task(config.task).spec, config.model).eval()
        nn.init.normal_(model.halt.weight, generator=torch.Generator().manual_seed(0))
        calm(model)
    c = config.model
    if c.guidance != "none" or not (c.shared and c.hierarchy) or c.registers or c.positions == "learned" or c.unary:
        raise SystemExit("Their package knows a TRM without registers and learned positions only; choose such a one.")
    task = tasks.task(config.task)
    x = load_examples(task, config.dev[:1], "dev", count=options.puzzles).inputs
    cast(model, arithmetic(options.dtype, c.width, clock.device)[0])
    threshold = config.solve.halt_threshold
    threshold = median_halt(TorchNetwork(model), task, x) if threshold is None else threshold
    others = {"loop": loop(model, threshold)} | ({} if options.weights else {"package": own(model)})
    network = TorchNetwork(model, compile=options.compile)
    tokens = torch.from_numpy(x.astype(np.int64))

    def ours() -> tuple[np.ndarray, np.ndarray]:
        found = sample(network, task, x, width=1, depth=options.depth, halt_threshold=threshold)
        return np.concatenate([f.answers for f in found]), np.concatenate([f.steps for f in found])

    def other(baseline: Any) -> tuple[np.ndarray, np.ndarray]:
        answers, steps = baseline.predict(tokens, 0.5, options.depth)
        return task.canonical(answers.numpy().astype(np.uint8)), steps.numpy()

    def packaged() -> tuple[np.ndarray, np.ndarray]:
        others["package"].to_halt_pred.begin(mine.result[1])
        return other(others["package"])

    mine = Timed(clock, ours)
    cases = {name: Timed(clock, packaged if name == "package" else lambda: other(others["loop"])) for name in others}
    peak = Peak(clock, model.dtype)
    take_turns([peak, mine, *cases.values()], options.repeats)
    asked = {name: value for name, value in vars(options).items() if name != "out"}
    values = asked | {"benchmark": "halting", "hardware": hardware(), **origin(), "busy": clock.busy}
    values |= {"task": config.task, "width": c.width, "positions": model.spec.length, "dtype": network.dtype}
    work = of_step(model).operations * int(mine.result[1].sum())
    values |= {"operations": work, "peak_operations_per_second": peak.metrics()["best"]}
    values["ours"] = {"parameters": parameters(model.core), "steps": float(mine.result[1].mean())}
    for name, case in cases.items():
        ceilings = [best * s / work for best, s in zip(peak.best, case.seconds, strict=True)]
        values[name] = {
            "parameters": parameters(others[name].network),
            "steps": float(case.result[1].mean()),
            "ceiling": statistics.median(ceilings),
        } | comparison(mine, case)
    same = (mine.result[0] == cases["loop"].result[0]) | (cases["loop"].result[0] == PAD)  # which ours cannot answer
    values["loop"] |= {"same_answers": float(same.all(1).mean()), "same_cells": float(same.mean())}
    print_json(values, options.out)


if __name__ == "__main__":
    main()
