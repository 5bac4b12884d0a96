"""Each set of weights that ships, in each arithmetic: answers are near those of float32, and a row's answer is its own.

Everything here runs on any processor. Where there are no instructions for bfloat16 it is slow, so the largest networks
run only their first block in it, once: the same products of the same shapes. All of each runs in float32.
"""

import math
import os
import shutil
from functools import cache, lru_cache

import numpy as np
import pytest
import torch
from support.bundles import graphs_of
from support.networks import shortened
from torch import Tensor
from torch._dynamo import config as compiler

from gram import tasks
from gram import weights as weight_files
from gram.config import Config
from gram.models.build import AnyModel, cast
from gram.models.core import State
from gram.ship import runtime
from gram.ship.export import export
from gram.solve.backend import Network, StepOutput
from gram.solve.candidates import Candidates
from gram.solve.noise import Noise
from gram.solve.torch_backend import TorchNetwork, TorchThreads
from gram.tasks.base import Unconditional
from gram.tasks.spec import IDENTITY
from gram.tasks.sudoku.generator import random_grids
from gram.tasks.sudoku.task import BLANK, Sudoku

EVERYTHING = "GRAM_TEST_EVERYTHING"
"""With this in the environment all weights are computed, compiled and exported as they are, for many minutes."""
SHIPPED = weight_files.shipped()
STEPPED = [name for name in SHIPPED if name != "sudoku-16-search" or os.environ.get(EVERYTHING)]
"""The weights whose steps are compared; those of 16x16 Sudoku are the network of 9x9, and take ten times as long."""
DTYPES = [torch.float32, torch.bfloat16]
LARGE = 100_000
"""Numbers of a state beyond which few rows have to do."""
LONG = 100_000
"""Numbers that the blocks of a step write for a row, beyond which the first one has to do in bfloat16."""


@pytest.fixture(autouse=True)
def one_thread():
    """As in a thread of the sampler."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
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
    elif isinstance(task, Sudoku):  # half of a board: what the task generates takes long to be hard
        rng = np.random.default_rng(0)
        found = random_grids(task.units, rng, count) + BLANK + 1
        found[rng.random(found.shape) < 0.5] = BLANK
    else:
        found = task.examples("dev", count=count).inputs
    found = np.resize(found, (count, task.spec.length)).astype(np.uint8)
    if config.model.candidates:
        found = Candidates.of(task.spec, found).tokens()
    return torch.from_numpy(found.astype(np.int64))


def loaded(name: str, small: bool) -> tuple[Config, AnyModel]:
    """Shipped weights; if `small`, those of the first block, which run once: they compile in seconds."""
    return shortened(name, K=1, T=1, blocks=1) if small else weight_files.load(name)


def small(name: str, dtype: torch.dtype) -> bool:
    """Whether the first block has to do."""
    config, model = weight_files.load(name)
    c = config.model
    numbers = math.prod(model.start_shape[1:]) * c.T * (c.K + c.hierarchy) * c.blocks
    return dtype == torch.bfloat16 and numbers > LONG and EVERYTHING not in os.environ


def model_of(name: str, dtype: torch.dtype) -> AnyModel:
    return cast(loaded(name, small(name, dtype))[1], dtype)


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
    model = loaded(name, small)[1]
    return steps(network_of(model, 1), asked(name))


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
FOR = {"queens-8": [torch.bfloat16], "sudoku-boards-4": [torch.bfloat16], "sudoku-9": DTYPES}
"""What some are compiled for, instead of float32: for both are each mixer, and steps with a hierarchy and without."""
BUNDLED = COMPILED if os.environ.get(EVERYTHING) else ["mnist", "sudoku-4", "sudoku-9-search"]
"""Both mixers, patches, candidates; other members of the family are in test_ship.py, and there is queens-8 in int8."""


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", STEPPED)
def test_steps_are_near_those_of_float32_and_the_same_with_two_threads(name, dtype):
    model, wanted = model_of(name, dtype), exact(name, small(name, dtype))
    found = steps(network_of(model, 2), asked(name), wanted)
    same(found, wanted if dtype == torch.float32 else steps(network_of(model, 1), asked(name), wanted))
    near(found, wanted, str(dtype).removeprefix("torch."))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in COMPILED for dtype in (FOR.get(name, DTYPES[:1]) if SMALL else DTYPES)],
    ids=str,
)
def test_compiled_steps_are_near_those_of_float32_and_the_same_with_two_threads(name, dtype):
    if not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("no C++ compiler")
    with compiler.patch(recompile_limit=1):  # as for the ninth network of a process
        network = network_of(cast(loaded(name, SMALL)[1], dtype), 2, compile=True)
    assert network.compiled
    found = steps(network, asked(name), exact(name, SMALL))
    network.threads, network.pool = 1, TorchThreads(1)
    same(found, steps(network, asked(name), exact(name, SMALL)))
    near(found, exact(name, SMALL), network.dtype)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundles_are_near_float32_and_the_same_with_two_threads(name, tmp_path, monkeypatch):
    config, model = loaded(name, SMALL)
    weight_files.save(tmp_path / "weights", config, model)
    for dtype in ("float32", "int8"):
        bundle = export(str(tmp_path / "weights"), tmp_path / dtype, int8=dtype == "int8")
        monkeypatch.setattr("gram.ship.export.write_graphs", graphs_of(tmp_path / "float32"))
        one, two = (runtime.load(bundle, threads=threads).network for threads in (1, 2))
        found, again = (steps(network, asked(name), exact(name, SMALL)) for network in (one, two))
        for a, b in zip(found, again, strict=True):
            assert np.array_equal(a.logits, b.logits)
        assert one.dtype == dtype
        near(found, exact(name, SMALL), dtype)
