"""Each set of weights that ships, in each arithmetic: answers are near those of float32, and a row's answer is its own.

Everything here runs on any processor; bfloat16 is slow where there are no instructions for it, but works everywhere.
"""

import math
import os
import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo import config as compiler

from gram import tasks
from gram import weights as weight_files
from gram.config import Config
from gram.models.build import AnyModel, build, cast
from gram.models.core import State
from gram.ship import runtime
from gram.ship.export import export
from gram.ship.onnx_backend import ENCODER, STEP
from gram.solve.backend import Network, StepOutput
from gram.solve.candidates import Candidates
from gram.solve.noise import Noise
from gram.solve.torch_backend import TorchNetwork, TorchThreads
from gram.tasks.base import IDENTITY, Unconditional

EVERYTHING = "GRAM_TEST_EVERYTHING"
"""With this in the environment all weights are compiled and exported as they are, for many minutes."""
SHIPPED = weight_files.shipped()
STEPPED = [name for name in SHIPPED if name != "sudoku-16-search" or os.environ.get(EVERYTHING)]
"""The weights whose steps are compared; those of 16x16 Sudoku are the network of 9x9, and take ten times as long."""
DTYPES = [torch.float32, torch.bfloat16]
LARGE = 100_000
"""Numbers of a state beyond which few rows have to do."""


@pytest.fixture(autouse=True)
def one_thread():
    """As in a thread of the sampler."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@lru_cache(maxsize=2)
def puzzles(name: str) -> Tensor:
    """Nine inputs of a task (n, L), three where a state is large; not all of them differ where there are fewer."""
    config, model = weight_files.load(name)
    task = tasks.of(config)
    count = 3 if model.rows * config.model.width > LARGE else 9
    if isinstance(task, Unconditional):
        found = task.blank[None]
    elif name.startswith("arc"):
        found = np.random.default_rng(0).integers(1, task.spec.vocabulary, (count, task.spec.length))
        found[:, :IDENTITY] = 0  # all of the first puzzle
    else:
        found = task.examples("dev", count=count).inputs
    found = np.resize(found, (count, task.spec.length)).astype(np.uint8)
    if config.model.candidates:
        found = Candidates.of(task.spec, found).tokens()
    return torch.from_numpy(found.astype(np.int64))


def model_of(name: str, dtype: torch.dtype) -> AnyModel:
    return cast(weight_files.load(name)[1], dtype)


def noise(model: AnyModel, rows: int) -> Tensor:
    T, *one = model.noise_shape
    return torch.randn(T, rows, *one, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def step(model: AnyModel, e_x: Tensor, drawn: Tensor) -> Tensor:
    """All numbers of a supervision step from the initial state, (B, _) float32."""
    rows = len(e_x)
    state = State(*(z.expand(rows, -1, -1) for z in model.initial(rows)))
    out = model.step(state, e_x, drawn)
    logits, halt, value, _ = model.decode(out.readout)
    return torch.cat([z.float().flatten(1) for z in (*out.state, logits.clamp(min=-1e4), halt, value[:, None])], 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STEPPED)
def test_a_row_is_bitwise_the_same_whatever_stands_beside_it(name, dtype):
    model, x = model_of(name, dtype), puzzles(name)
    drawn = noise(model, len(x))
    with torch.inference_mode():
        e_x = torch.cat([model.encode(x[i : i + 1]) for i in range(len(x))])
        assert torch.equal(model.encode(x), e_x)
    alone = torch.cat([step(model, e_x[i : i + 1], drawn[:, i : i + 1]) for i in range(len(x))])
    for rows in {2, 3, min(4, len(x)), len(x)}:
        assert torch.equal(step(model, e_x[:rows], drawn[:, :rows]), alone[:rows]), rows


# near those of float32 --------------------------------------------------------------------------------------
NEAR = {"float32": 1e-5, "bfloat16": 0.06, "int8": 0.15}
"""Root mean square of the difference of the logits after a step from the same state, over that of the logits. Measured:
5e-7 at most in float32, 0.023 in bfloat16, 0.027 in int8 (docs/log/arithmetic.md)."""


def steps(network: Network, x: np.ndarray, begin: list[StepOutput] | None = None) -> list[StepOutput]:
    """Two supervision steps under counted noise; the second one from the state of `begin`, if that is given."""
    e_x, state, outputs = network.encode(x), network.initial(len(x), None), []
    for i in range(2):
        noise = Noise(0, [(row, n, i) for n, row in enumerate(x)], network.noise_shape)
        outputs.append(network.step(state, e_x, noise, temperature=1.0))
        state = outputs[-1].state
        if begin is not None:
            (h, l), like = begin[i].state, state[0]  # noqa: E741
            state = converted(h, like), converted(l, like)
    return outputs


def converted(z: Tensor, like: Tensor | np.ndarray) -> Tensor | np.ndarray:
    return z.to(like.dtype) if isinstance(like, Tensor) else z.float().numpy()


def network_of(model: AnyModel, threads: int, compile: bool = False) -> TorchNetwork:
    """With so many threads, even where there are fewer processors."""
    network = TorchNetwork(model, compile=compile)
    network.threads, network.pool = threads, TorchThreads(threads)
    return network


@lru_cache(maxsize=2)
def asked(name: str) -> np.ndarray:
    """Inputs (8, L), enough for two threads, four where a state is large."""
    x = puzzles(name).numpy().astype(np.uint8)
    return np.resize(x, (4 if len(x) < 9 else 8, x.shape[1]))


@lru_cache(maxsize=2)
def exact(name: str, small: bool) -> list[StepOutput]:
    """Uncompiled, in float32, by one thread."""
    model = shortened(name, small)[1]
    return steps(network_of(model, 1), asked(name))


def shortened(name: str, small: bool) -> tuple[Config, AnyModel]:
    """Shipped weights; if `small`, those of the first block, which run once: they compile in seconds."""
    config, model = weight_files.load(name)
    if not small:
        return config, model
    config = replace(config, model=replace(config.model, K=1, T=1, blocks=1))
    short = build(model.spec, config.model)
    state = model.state_dict()
    short.load_state_dict({key: state[key] for key in short.state_dict()})
    return config, short.eval()


def near(found: list[StepOutput], wanted: list[StepOutput], dtype: str) -> None:
    """The logits of each step within the tolerance, and no answer another one that float32 is sure of."""
    for a, b in zip(found, wanted, strict=True):
        finite = np.isfinite(b.logits)
        assert np.array_equal(np.isfinite(a.logits), finite)
        scale = math.sqrt(np.square(b.logits[finite]).mean())
        off = math.sqrt(np.square(a.logits[finite] - b.logits[finite]).mean())
        assert off < NEAR[dtype] * scale
        for judged, exactly in ((a.halt, b.halt), (a.value, b.value)):
            np.testing.assert_allclose(judged, exactly, atol=10 * NEAR[dtype])
        best = np.sort(b.logits, -1)
        sure = best[..., -1] - best[..., -2] > 4 * NEAR[dtype] * scale
        assert np.array_equal(a.logits.argmax(-1)[sure], b.logits.argmax(-1)[sure])


def same(found: list[StepOutput], wanted: list[StepOutput]) -> None:
    """Bit for bit."""
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a.logits, b.logits)
        assert np.array_equal(a.halt, b.halt)
        assert np.array_equal(a.value, b.value)
        assert all(map(torch.equal, a.state, b.state))


def structures() -> list[str]:
    """Of all weights whose step is the same code but for sizes, the smallest."""
    found: dict[tuple, tuple[int, str]] = {}
    for name in SHIPPED:
        config, model = weight_files.load(name)
        c = config.model
        code = c.kind, c.mixer, c.unary, c.candidates, c.stem, c.guidance, c.guidance_over, c.hierarchy, c.shared
        size = math.prod(TorchNetwork(model).start_shape)
        key = (*code, c.start, c.halting, c.pool, c.registers > 0)
        found[key] = min(found.get(key, (size, name)), (size, name))
    return sorted(name for _, name in found.values())


COMPILED = SHIPPED if os.environ.get(EVERYTHING) else structures()
SMALL = not os.environ.get(EVERYTHING)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", STEPPED)
def test_steps_are_near_those_of_float32_and_the_same_with_two_threads(name, dtype):
    found = steps(network_of(model_of(name, dtype), 2), asked(name), exact(name, False))
    if dtype == torch.float32:
        same(found, exact(name, False))
    else:
        same(found, steps(network_of(model_of(name, dtype), 1), asked(name), exact(name, False)))
    near(found, exact(name, False), str(dtype).removeprefix("torch."))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_steps_are_near_those_of_float32_and_the_same_with_two_threads(name, dtype):
    if not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("no C++ compiler")
    with compiler.patch(recompile_limit=1):  # as for the ninth network of a process
        network = network_of(cast(shortened(name, SMALL)[1], dtype), 2, compile=True)
    assert network.compiled
    found = steps(network, asked(name), exact(name, SMALL))
    network.threads, network.pool = 1, TorchThreads(1)
    same(found, steps(network, asked(name), exact(name, SMALL)))
    near(found, exact(name, SMALL), network.dtype)


@pytest.mark.parametrize("name", COMPILED)
def test_bundles_are_near_float32_and_the_same_with_two_threads(name, tmp_path, monkeypatch):
    config, model = shortened(name, SMALL)
    weight_files.save(tmp_path / "weights", config, model)

    def copied(_, folder: Path) -> None:  # the graphs of the first bundle: making them again takes long
        for graph in (ENCODER, STEP):
            shutil.copyfile(tmp_path / "float32" / graph, folder / graph)

    for dtype in ("float32", "int8"):
        bundle = export(str(tmp_path / "weights"), tmp_path / dtype, int8=dtype == "int8")
        monkeypatch.setattr("gram.ship.export.write_graphs", copied)
        one, two = (runtime.load(bundle, threads=threads).network for threads in (1, 2))
        found, again = (steps(network, asked(name), exact(name, SMALL)) for network in (one, two))
        for a, b in zip(found, again, strict=True):
            assert np.array_equal(a.logits, b.logits)
        assert one.dtype == dtype
        near(found, exact(name, SMALL), dtype)
