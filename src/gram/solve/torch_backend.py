"""The PyTorch backend of the sampler."""

import math
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gram.config import ModelConfig
from gram.machine import processors
from gram.models.build import AnyModel, build, cast
from gram.models.core import State
from gram.models.recursive import Model
from gram.solve.backend import StepOutput
from gram.solve.noise import Noise
from gram.solve.threads import Threads
from gram.tasks.spec import TaskSpec, Tokens

CACHED = 2**16
"""Size of a state that fits into the second-level cache of a CPU with all intermediate results
(docs/log/speed.md, 2026-11-28)."""
BLOCKS_CPU = 32
"""Active rows as a multiple of the rows of a compiled step, so that few steps are half empty."""
BLOCKS_GPU = 32, 512
"""Rows of a compiled step on a GPU, for a single puzzle or for many."""
ROWS_GPU = 1024
"""Active rows on a GPU."""
MANY = 2**16
"""Maximum networks that a process may compile."""
PART = 4
"""Minimum rows of an uncompiled part, unless the cache holds more. On a CPU, a row's answer does not depend on the
other rows, bit for bit: this was measured for products with this many rows (all mixers, widths 32 to 512, float32 and
bfloat16, 1 to 1,100 rows), and the heads use none."""


class Part(NamedTuple):
    """The results of some rows: the fields of `StepOutput` as tensors."""

    h: Tensor
    l: Tensor  # noqa: E741
    logits: Tensor
    halt: Tensor
    value: Tensor
    pooled: Tensor
    candidates: Tensor


class Graph:
    """A function of tensors as one CUDA graph, which starts hundreds of small kernels together."""

    def __init__(self, function: Callable[..., Sequence[Tensor]], *inputs: Tensor | None):
        self.inputs = [None if z is None else z.clone(memory_format=torch.contiguous_format) for z in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # compilation and tuning at the first call must not be captured
            for _ in range(3):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        self.recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.recorded):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: Tensor | None) -> list[Tensor]:
        """The results of the function for inputs of the same shapes."""
        for held, new in zip(self.inputs, inputs, strict=True):
            if held is not None and new is not None:
                held.copy_(new)
        self.recorded.replay()
        return [z.clone() for z in self.outputs]


def filled(z: Tensor, surplus: int) -> Tensor:
    """z, followed by `surplus` copies of its first row."""
    return torch.cat([z, z[:1].expand(surplus, *z.shape[1:])]) if surplus else z


def cached_rows(numbers: int) -> int:
    """The number of rows, each with a state of this many numbers, that a CPU computes best at once: 2, 4, 8 or 16."""
    return 2 ** min(max(round(math.log2(CACHED / numbers)), 1), 4)


class TorchThreads(Threads):
    """Threads that each use a single torch thread."""

    def begin(self) -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # initializes this thread now, before `start` sets another number

    def start(self) -> ThreadPoolExecutor:
        """Start the pool and restore the number of threads: torch gives the number set last, in any thread, to every
        new thread."""
        before = torch.get_num_threads()
        try:
            return super().start()
        finally:
            torch.set_num_threads(before)


@cache
def compute_alone_after_fork() -> None:
    """Give forked processes a single torch thread in addition to those of their networks: with more, OpenMP would wait
    forever for threads that exist only in the parent."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class TorchNetwork:
    """A model on its own device; see gram.solve.backend.Network.

    On a CPU each thread computes the whole step for a part of the rows. A step has hundreds of small operations;
    threads that share each operation, like torch's own, mostly wait for each other (docs/log/speed.md, 2026-11-28).
    """

    def __init__(self, model: AnyModel, *, compile: bool = False):
        """compile: compile steps with torch.compile now, for whole blocks of rows; if that fails, there is a
        warning."""
        self.model, self.config = model, model.config
        self.noise_shape, self.start_shape = model.noise_shape, model.start_shape
        self.device = next(model.parameters()).device
        on_cpu = self.device.type == "cpu"
        self.threads = min(torch.get_num_threads(), processors())
        self.pool = TorchThreads(self.threads)
        compute_alone_after_fork()
        # rows of every compiled step; other shapes would be compiled again and round differently
        self.blocks = (cached_rows(math.prod(self.start_shape[1:])),) if on_cpu else BLOCKS_GPU
        self.most = 4 * self.blocks[0] if on_cpu else ROWS_GPU  # rows of an uncompiled part, whose calls are slower
        self.active_rows, self.first_wave = (BLOCKS_CPU * self.blocks[0], 2) if on_cpu else (ROWS_GPU, 32)
        self.recursion = self.recur
        self.compiled = False
        self.graphs: dict[tuple[int, bool, float], Graph] = {}
        if compile:
            self.compile()

    @property
    def dtype(self) -> str:
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def size(self) -> str:
        return f"{sum(p.numel() for p in self.model.parameters()) / 1e6:.2f}M parameters"

    def close(self) -> None:
        self.pool.close()

    @torch.inference_mode()
    def encode(self, tokens: Tokens) -> Tensor:
        return self.model.encode(torch.from_numpy(tokens.astype(np.int64)).to(self.device))

    @torch.inference_mode()
    def initial(self, rows: int, noise: np.ndarray | None) -> tuple[Tensor, Tensor]:
        h, l = self.model.initial(rows, None if noise is None else torch.from_numpy(noise).to(self.device))  # noqa: E741
        return h, l

    @torch.inference_mode()
    def step(self, state: tuple[Tensor, Tensor], e_x: Tensor, noise: Noise | None, *, temperature: float) -> StepOutput:
        B = len(e_x if noise is None else noise)
        on_cpu = self.device.type == "cpu"
        fitting = [block for block in self.blocks if block >= B] or self.blocks[-1:]
        at_once = min(self.threads, max(1, B // min(PART, self.blocks[0]))) if on_cpu else 1
        size = fitting[0] if self.compiled else min(-(-B // at_once), self.most)

        def part(first: int) -> Part:
            rows = slice(first, first + size)
            h, l, e = (z if len(z) == 1 else z[rows] for z in (*state, e_x))  # noqa: E741
            drawn = None if noise is None else self.draw(noise, rows)
            return self.think(min(size, B - first), size, h, l, e, drawn, temperature)

        # on a CPU the threads compute the parts, unless this one alone does as well and needs no handing over
        share = self.pool.map if on_cpu and (self.threads > 1 or torch.get_num_threads() > 1) else map
        parts = list(share(part, range(0, B, size)))
        whole = parts[0] if len(parts) == 1 else Part(*share(self.join, zip(*parts, strict=True)))
        read = whole.logits, whole.halt, whole.value, whole.candidates
        logits, halt, value, candidates = (z.float().cpu().numpy() for z in read)
        return StepOutput((whole.h, whole.l), logits, halt, value, whole.pooled, candidates)

    @torch.inference_mode()
    def think(
        self,
        B: int,
        size: int,
        h: Tensor,
        l: Tensor,  # noqa: E741
        e_x: Tensor,
        noise: Tensor | None,
        temperature: float,
    ) -> Part:
        """One supervision step of B rows, compiled for `size`, in one thread; a state and e_x of one row serve for B
        equal ones."""
        if self.compiled:  # for one layout of its inputs
            surplus = size - B
            h, l, e_x = (filled(z.expand(B, -1, -1), surplus).contiguous() for z in (h, l, e_x))  # noqa: E741
            noise = None if noise is None else filled(noise.transpose(0, 1), surplus).transpose(0, 1)
            if noise is not None and isinstance(self.model, Model):  # then the same code serves any temperature
                noise, temperature = noise.mul_(temperature) if temperature != 1 else noise, 1.0
        if self.compiled and self.device.type == "cuda":
            part = self.graph(h, l, e_x, noise, temperature)
        else:
            part = self.recursion(h, l, e_x, noise, temperature)
        return Part(*(z.expand(B, -1, -1) if len(z) == 1 else z[:B] for z in part[:2]), *(z[:B] for z in part[2:]))

    def recur(self, h: Tensor, l: Tensor, e_x: Tensor, noise: Tensor | None, temperature: float) -> Part:  # noqa: E741
        """A supervision step and the outputs of the heads."""
        out = self.model.step(State(h, l), e_x, noise, temperature=temperature)
        logits, halt, value, candidates = self.model.decode(out.readout)
        margin = halt[:, 0] - halt[:, 1] if self.config.halting == "halt-continue" else halt[:, 0]
        candidates = logits[:, :0] if candidates is None else candidates
        return Part(*out.state, logits, margin, value, self.model.pool(out.readout), candidates)

    def graph(self, h: Tensor, l: Tensor, e_x: Tensor, noise: Tensor | None, temperature: float) -> Part:  # noqa: E741
        """`recur` by the CUDA graph for this number of rows, captured at first use."""
        key = len(h), noise is None, temperature
        if key not in self.graphs:
            self.graphs[key] = Graph(partial(self.recursion, temperature=temperature), h, l, e_x, noise)
        return Part(*self.graphs[key](h, l, e_x, noise))

    def compile(self) -> None:
        """Compile a whole step for blocks of rows, in a thread of the pool, because the code depends on the number of
        threads. On a GPU it also becomes one CUDA graph."""
        # C++ around the kernels releases Python's lock, so that threads run in parallel (docs/log/speed.md, 2026-11-27)
        from torch._dynamo import config

        compiled = torch.compile(self.recur, dynamic=False, options={"cpp_wrapper": self.device.type == "cpu"})
        self.recursion, self.compiled = compiled, True
        # the compiler sees every network as a variant of one function and by default silently skips the ninth
        unlimited = {"recompile_limit": MANY, "accumulated_recompile_limit": MANY, "fail_on_recompile_limit_hit": True}
        try:
            with config.patch(unlimited):
                for size in self.blocks:
                    self.blank_step(size)
        except RuntimeError as error:
            self.recursion, self.compiled = self.recur, False
            reason = str(error).strip().splitlines()[0]
            warnings.warn(f"torch.compile failed ({reason}); continuing without it.", stacklevel=2)

    def blank_step(self, size: int) -> None:
        """Compute a step with this many blank inputs."""
        puzzles = np.zeros((size, self.model.spec.length), np.uint8)
        noise = Noise(0, [(puzzle, 0, 0) for puzzle in puzzles], self.noise_shape, scale=0)
        random = np.zeros((2, size, *self.start_shape[1:]), np.float32)
        state = self.initial(size, random if self.config.start == "random" else None)
        e_x = self.encode(puzzles)
        self.step(state, e_x, noise if self.config.guide.learned else None, temperature=1.0)

    @torch.inference_mode()
    def join(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts))

    @torch.inference_mode()
    def pick(self, z: Tensor, rows: np.ndarray) -> Tensor:
        return z[torch.from_numpy(rows).to(self.device)]

    @torch.inference_mode()
    def put(self, z: Tensor, rows: np.ndarray, new: Tensor) -> Tensor:
        return z.index_copy(0, torch.from_numpy(rows).to(self.device), new)

    @torch.inference_mode()
    def draw(self, noise: Noise, rows: slice) -> Tensor:
        """Noise of these rows, on the device."""
        drawn = noise.draw(rows) if self.device.type == "cpu" else noise.draw_by(self.pool, self.threads, rows)
        return torch.from_numpy(drawn).to(self.device)

    def __reduce__(self) -> tuple[Callable[..., "TorchNetwork"], tuple[Any, ...]]:
        """Pickle the weights as arrays, independent of device and process."""
        state = {name: z.float().cpu().numpy() for name, z in self.model.state_dict().items()}
        return restored, (self.model.spec, self.config, state, self.dtype, self.device.type, self.compiled)


def restored(
    spec: TaskSpec, config: ModelConfig, state: dict[str, np.ndarray], dtype: str, device: str, compile: bool
) -> TorchNetwork:
    """Restore a pickled network, with the threads of this process, and on a CPU if there is no GPU."""
    model = build(spec, config)
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    model = model.eval().to(device if device == "cpu" or torch.cuda.is_available() else "cpu")
    return TorchNetwork(cast(model, getattr(torch, dtype)), compile=compile)
