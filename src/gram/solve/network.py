"""The recursion in PyTorch, as the sampler asks for it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gram.models.build import AnyModel
from gram.models.core import State
from gram.solve.sample import Thought
from gram.tasks.base import Tokens

ROWS_CPU, ROWS_GPU = 64, 1024
"""Rows in flight. More than 64 fall out of a CPU's caches: a row then costs up to 1.7 times as much."""
BLOCK = 4
"""The heads read rows padded to a multiple of this, so that a row's answer is bitwise the same whatever runs beside it.
On CPU the recursion and the logits are so by themselves (measured for all mixers, widths 32 to 512, float32 and
bfloat16, 1 to 1,100 rows); only the heads' matrix-vector products depend on the rows left over from a multiple of 4."""


class TorchNetwork:
    """A model on its own device; see gram.solve.sample.Network."""

    def __init__(self, model: AnyModel):
        self.model, self.config, self.noise_shape = model, model.config, model.noise_shape
        self.device = next(model.parameters()).device
        self.in_flight = ROWS_CPU if self.device.type == "cpu" else ROWS_GPU

    @property
    def dtype(self) -> str:
        return str(self.model.dtype).removeprefix("torch.")

    @torch.inference_mode()
    def encode(self, tokens: Tokens) -> Tensor:
        return self.model.encode(torch.from_numpy(tokens.astype(np.int64)).to(self.device))

    @torch.inference_mode()
    def initial(self, rows: int, noise: np.ndarray | None) -> tuple[Tensor, Tensor]:
        h, l = self.model.initial(rows, self.array(noise))  # noqa: E741
        return h, l

    @torch.inference_mode()
    def step(
        self, state: tuple[Tensor, Tensor], e_x: Tensor, noise: np.ndarray | None, *, temperature: float
    ) -> Thought:
        out = self.model.step(State(*state), e_x, self.array(noise), temperature=temperature)
        readout = out.readout
        B = len(readout)
        surplus = -B % BLOCK
        padded = torch.cat([readout, readout[:1].expand(surplus, -1, -1)]) if surplus else readout
        logits, halt, value = self.model.decode(padded)
        if self.config.halting == "halt-continue":
            halt = halt - halt[:, 1:]
        h, l = (z.expand(B, -1, -1) for z in out.state)  # noqa: E741
        logits, halt, value = (z[:B].float().cpu().numpy() for z in (logits, halt[:, 0], value))
        return Thought((h, l), logits, halt, value, self.model.pool(padded)[:B])

    @torch.inference_mode()
    def join(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts))

    @torch.inference_mode()
    def pick(self, z: Tensor, rows: np.ndarray) -> Tensor:
        return z[torch.from_numpy(rows).to(self.device)]

    @torch.inference_mode()
    def put(self, z: Tensor, rows: np.ndarray, new: Tensor) -> Tensor:
        return z.index_copy(0, torch.from_numpy(rows).to(self.device), new)

    def array(self, noise: np.ndarray | None) -> Tensor | None:
        """Noise on the device."""
        return None if noise is None else torch.from_numpy(noise).to(self.device)
