"""What the sampler asks of a network: the recursion in PyTorch (torch_backend.py) or ONNX (ship/onnx_backend.py).

Shapes: B active rows, L positions of the task, M rows of the state, D width, T transitions, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from gram.config import ModelConfig
from gram.solve.noise import Noise
from gram.tasks.base import Tokens

Array = Any
"""An array of the network's own kind, rows first."""


class StepOutput(NamedTuple):
    """What a network has to say after one supervision step."""

    state: tuple[Array, Array]
    """h and l, (B, M, D)."""
    logits: np.ndarray
    """(B, L, V) float32."""
    halt: np.ndarray
    """(B,) float32 halting logit; for "halt-continue" its margin over the continue logit."""
    value: np.ndarray
    """(B,) float32."""
    pooled: Array
    """(B, D): what the heads read."""
    candidates: np.ndarray = np.zeros((0, 0, 0), np.float32)
    """(B, L, S) float32 logit of each candidate; empty for a network without candidates."""


class Network(Protocol):
    """A recursion in some arithmetic. Each row's results depend on that row alone."""

    @property
    def config(self) -> ModelConfig: ...
    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Noise of one supervision step of one row, (T, M, D), or (T, 1, D) over the whole example."""
        ...

    @property
    def start_shape(self) -> tuple[int, int, int]:
        """Noise of the initial state of one row, (2, M, D), for start "random"."""
        ...

    @property
    def active_rows(self) -> int:
        """Rows of a batch that the device runs best."""
        ...

    @property
    def first_wave(self) -> int:
        """Rows that cost little more than one: so many trajectories look for an answer at first under early stop."""
        ...

    @property
    def dtype(self) -> str:
        """The arithmetic: "float32", "bfloat16" or "int8"."""
        ...

    @property
    def device(self) -> Any:
        """Where it runs; its text is "cpu", "cuda", ..."""
        ...

    @property
    def size(self) -> str:
        """How large it is, in words."""
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
        """One supervision step under the noise of B rows. A state and e_x of one row stand for B equal ones."""
        ...

    def join(self, parts: Sequence[Array]) -> Array:
        """Rows after rows."""
        ...

    def pick(self, z: Array, rows: np.ndarray) -> Array:
        """z[rows]."""
        ...

    def put(self, z: Array, rows: np.ndarray, new: Array) -> Array:
        """z with `new` at `rows`."""
        ...
