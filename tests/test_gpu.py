"""What must hold on a GPU, beside the CPU; skipped where there is none. Everything else is tested on the CPU."""

import numpy as np
import pytest
import torch

import gram
from gram import tasks
from gram import weights as weight_files
from gram.models.build import build, cast
from gram.recipes import change, recipe
from gram.solve.sampler import sample
from gram.solve.torch_backend import TorchNetwork
from gram.train.log import NullLog
from gram.train.parallel import World
from gram.train.run import Run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no GPU here.")


def run(device: str, *, compile: bool = False, dtype: str = "float32", name: str = "queens-8") -> Run:
    """A training run on `device`, with rows on the prior and minibatch optimal transport as the recipe has them."""
    config = change(recipe(name), train={"dtype": dtype, "compile": compile, "batch": 32})
    return Run(config, tasks.of(config), World(0, 1, torch.device(device)), NullLog())


def losses(one: Run, updates: int) -> np.ndarray:
    return np.array([one.update().loss.item() for _ in range(updates)])


@pytest.mark.parametrize("name", ["queens-8", "sudoku-9", "mnist"])
def test_an_update_is_that_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch):
    """With the same noise, which each device draws in its own way."""
    cpu, gpu = run("cpu", name=name), run("cuda", name=name)
    for _ in range(3):
        drawn = cpu.noise()
        assert drawn is not None
        monkeypatch.setattr(gpu, "noise", lambda drawn=drawn: drawn.to("cuda"))
        np.testing.assert_allclose(losses(gpu, 1), losses(cpu, 1), rtol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_compiled_update_is_the_eager_one(dtype: str):
    eager, compiled = losses(run("cuda", dtype=dtype), 4), losses(run("cuda", dtype=dtype, compile=True), 4)
    np.testing.assert_allclose(compiled, eager, rtol=2e-3 if dtype == "float32" else 3e-2)


@pytest.mark.parametrize("name", ["queens-8", "sudoku-9", "coloring-8-trm"])
@pytest.mark.parametrize("compile", [False, True])
def test_answers_are_those_of_the_cpu(name: str, compile: bool):
    """With the same noise: in float32 all but what rounding turned, in bfloat16 as many right ones."""
    config, model = known(name)
    task = tasks.of(config)
    inputs = task.examples("dev", seed=0, count=16).inputs

    def answers(device: str, dtype: torch.dtype) -> tuple[np.ndarray, float]:
        network = TorchNetwork(cast(model().to(device), dtype), compile=compile and device == "cuda")
        assert network.compiled == (compile and device == "cuda")
        found = sample(network, task, inputs, width=8, depth=min(16, config.solve.depth))
        rows = np.concatenate([one.answers for one in found])
        return rows, float(task.check(np.repeat(inputs, len(rows) // len(inputs), 0), rows).mean())

    expected, right = answers("cpu", torch.float32)
    got, _ = answers("cuda", torch.float32)
    assert (expected == got).all(-1).mean() > 0.95
    assert abs(right - answers("cuda", torch.bfloat16)[1]) < 0.1


def known(name: str):
    """The configuration and a maker of shipped weights, or of an untrained model."""
    if name in weight_files.shipped():
        return weight_files.load(name)[0], lambda: weight_files.load(name)[1]
    config = recipe(name)
    return config, lambda: build(tasks.of(config).spec, config.model, seed=1).eval()


def test_load_chooses_the_gpu():
    reasoner = gram.load("queens-8", compile=True)
    assert reasoner.network.device.type == "cuda"  # pyright: ignore
    assert gram.load("queens-8", device="cpu").network.device.type == "cpu"  # pyright: ignore
