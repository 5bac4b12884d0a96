"""The network interface of the sampler, implemented in PyTorch (torch_backend.py) and ONNX (ship/onnx_backend.py).

Shapes: B active rows, L positions of the task, M rows of the state, D width, T transitions, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from gram.config import ModelConfig
from gram.solve.noise import Noise
from gram.tasks.spec import Tokens

Array = Any
"""An array of the backend, rows first."""


class StepOutput(NamedTuple):
    """The output of a network after one supervision step."""

    state: tuple[Array, Array]
    """h and l, (B, M, D)."""
    logits: np.ndarray
    """(B, L, V) float32."""
    halt: np.ndarray
    """(B,) float32 halting logit; for "halt-continue" the halt margin, its difference from the continue logit."""
    value: np.ndarray
    """(B,) float32."""
    pooled: Array
    """(B, D): the input of the heads."""
    candidates: np.ndarray = np.zeros((0, 0, 0), np.float32)
    """(B, L, S) float32 logit of each candidate; empty for a network without candidates."""


class Network(Protocol):
    """A network in some arithmetic. The results of a row depend on that row alone."""

    @property
    def config(self) -> ModelConfig: ...
    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Shape of the noise of one row in one supervision step, (T, M, D), or (T, 1, D) over the whole example."""
        ...

    @property
    def start_shape(self) -> tuple[int, int, int]:
        """Shape of the noise of the initial state of one row, (2, M, D), for start "random"."""
        ...

    @property
    def active_rows(self) -> int:
        """Batch size that runs best on the device."""
        ...

    @property
    def first_wave(self) -> int:
        """Rows that cost little more than one; with early stop, this many trajectories start first."""
        ...

    @property
    def dtype(self) -> str:
        """The arithmetic: "float32", "bfloat16" or "int8"."""
        ...

    @property
    def device(self) -> Any:
        """The device; its text is "cpu", "cuda", ..."""
        ...

    @property
    def size(self) -> str:
        """The size of the network, in words."""
        ...

    def close(self) -> None:
        """End the threads; a later step starts them again."""
        ...

    def encode(self, tokens: Tokens) -> Array:
        """(n, L) uint8 -> e_x (n, M, D)."""
        ...

    def initial(self, rows: int, noise: np.ndarray | None) -> tuple[Array, Array]:
        """The first state; from noise (2, rows, M, D) float32, for start "random"."""
        ...

    def step(self, state: tuple[Array, Array], e_x: Array, noise: Noise | None, *, temperature: float) -> StepOutput:
        """One supervision step with the noise of B rows. A state and e_x of one row serve for B equal ones."""
        ...

    def join(self, parts: Sequence[Array]) -> Array:
        """Concatenate the rows."""
        ...

    def pick(self, z: Array, rows: np.ndarray) -> Array:
        """z[rows]."""
        ...

    def put(self, z: Array, rows: np.ndarray, new: Array) -> Array:
        """z with `new` at `rows`."""
        ...
