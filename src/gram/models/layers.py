"""The parts of a network. Shapes: B batch, L positions, D width, H hidden, R relations, C channels per relation,
K diagonals of a relation."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.tasks.spec import IDENTITY, TaskSpec

BANDS = 16
"""Positions per diagonal from which diagonals are cheaper than a product (docs/log/mazes.md, 2026-11-24)."""


class Linear(nn.Module):
    """x @ W^T without bias; the weight is kept in float32 and cast to the dtype of x."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))

    def reset(self, generator: torch.Generator, gain: float = 1.0) -> None:
        """Truncated normal with standard deviation gain / sqrt(inputs) (LeCun)."""
        truncated_normal_(self.weight, gain / math.sqrt(self.weight.shape[1]), generator)

    def cast(self, dtype: torch.dtype) -> None:
        """Store the weight in `dtype`, the arithmetic of sampling, so that it needs no casts."""
        self.weight.data = self.weight.data.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class RowLinear(Linear):
    """The same for one row of each example, (B, 1, D). In sampling each row has its own product in float32: the
    rounding of a product with few rows depends on their number, but an answer must not depend on other rows."""

    def cast(self, dtype: torch.dtype) -> None:
        """Nothing: the weight stays in float32, whatever the arithmetic."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return super().forward(x)
        return torch.bmm(x.float(), self.weight.t().expand(x.shape[0], -1, -1)).to(x.dtype)


class Score(Linear):
    """One number for each row, (..., D) -> (..., 1) float32, as a sum over the row: the rounding of a product with a
    single column depends on the number of rows, but an answer must not depend on other rows."""

    def __init__(self, inputs: int):
        super().__init__(inputs, 1)

    def cast(self, dtype: torch.dtype) -> None:
        """Nothing: the weight stays in float32, whatever the arithmetic."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.float() * self.weight[0]).sum(-1, keepdim=True)


class Embedding(nn.Module):
    """Rows of a table times sqrt(D), so that entries start with unit variance."""

    def __init__(self, entries: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(entries, width))

    def reset(self, generator: torch.Generator) -> None:
        truncated_normal_(self.weight, 1 / math.sqrt(self.weight.shape[1]), generator)

    def forward(self, tokens: Tensor, dtype: torch.dtype) -> Tensor:
        """(...,) integers -> (..., D)."""
        return F.embedding(tokens, self.weight).to(dtype) * math.sqrt(self.weight.shape[1])


def truncated_normal_(weight: Tensor, std: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)


def rms_norm(x: Tensor, axis: int = -1) -> Tensor:
    """Root-mean-square norm over `axis` without a learned gain, computed in float32 (TRM)."""
    x_float = x.float()
    return (x_float * torch.rsqrt(x_float.square().mean(axis, keepdim=True) + 1e-5)).to(x.dtype)


class SwiGLU(nn.Module):
    """W_down(silu(W_gate x) * W_up x), gate and up in one product."""

    def __init__(self, inputs: int, hidden: int, outputs: int | None = None, linear: type[Linear] = Linear):
        super().__init__()
        self.gate_up = linear(inputs, 2 * hidden)
        self.down = linear(hidden, outputs or inputs)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Attention(nn.Module):
    """Self-attention over a sequence (B, L, D), with or without rotary positions."""

    cos: Tensor
    sin: Tensor

    def __init__(self, width: int, heads: int, length: int, rope: bool):
        super().__init__()
        if width % heads or (width // heads) % 2:
            raise ValueError(f"The width {width} must be an even multiple of the {heads} heads; change one of them.")
        self.heads, self.rope = heads, rope
        self.qkv = Linear(width, 3 * width)
        self.out = Linear(width, width)
        angles = rope_angles(length, width // heads)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        return self.attend(*self.project(x_BLD))

    def project(self, x_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (B, heads, L, D / heads) each."""
        B, L, D = x_BLD.shape
        q, k, v = self.qkv(x_BLD).view(B, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        return (self.rotate(q), self.rotate(k), v) if self.rope else (q, k, v)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, visible: Tensor | None = None) -> Tensor:
        """Attention of the queries to the keys that are `visible` (_, 1, queries, keys) bool, (B, queries, D)."""
        if q.device.type == "cpu":  # the fused kernel's backward is many times slower in bfloat16 on CPU
            scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            if visible is not None:
                scores = scores.masked_fill(~visible, float("-inf"))
            y = torch.softmax(scores, dim=-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        return self.out(y.transpose(1, 2).flatten(2))

    def rotate(self, x: Tensor) -> Tensor:
        """Rotary embedding of (B, heads, L, D / heads), computed in float32 (arXiv:2104.09864)."""
        a, b = x.float().chunk(2, dim=-1)
        cos, sin = self.cos, self.sin
        return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1).to(x.dtype)


def rope_angles(length: int, width: int, base: float = 10_000.0) -> Tensor:
    """Rotation angles (length, width / 2)."""
    frequency = base ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
    return torch.outer(torch.arange(length, dtype=torch.float32), frequency)


class PositionMixer(nn.Module):
    """A SwiGLU over positions, the same for every channel: the paper's choice on Sudoku."""

    def __init__(self, length: int, hidden: int):
        super().__init__()
        self.mlp = SwiGLU(length, hidden)

    def forward(self, x_BLD: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x_BLD.device.type != "cpu" or torch.compiler.is_exporting():
            return self.mlp(x_BLD.transpose(1, 2)).transpose(1, 2)
        # weights on the left avoid transposes; int8 products and gradients need them on the right
        B = x_BLD.shape[0]
        gate_up, down = (part.weight.to(x_BLD.dtype).expand(B, -1, -1) for part in (self.mlp.gate_up, self.mlp.down))
        gate, up = torch.bmm(gate_up, x_BLD).chunk(2, dim=1)
        return torch.bmm(down, F.silu(gate) * up)


class Dense(nn.Module):
    """Sums over related positions as a product with the relation's matrix."""

    matrix_LL: Tensor

    def __init__(self, matrix_LL: Tensor):
        super().__init__()
        self.register_buffer("matrix_LL", matrix_LL, persistent=False)

    def forward(self, x_BLC: Tensor) -> Tensor:
        return torch.matmul(self.matrix_LL.to(x_BLC.dtype), x_BLC)


class Banded(nn.Module):
    """The same sums for a matrix with few diagonals, one diagonal at a time: entry (i, i - shift) times x[i -
    shift]."""

    diagonals_KL: Tensor

    def __init__(self, matrix_LL: Tensor, shifts: list[int]):
        super().__init__()
        self.shifts, each = shifts, torch.arange(len(matrix_LL))
        diagonals = [matrix_LL[each, (each - shift) % len(each)] for shift in shifts]
        self.register_buffer("diagonals_KL", torch.stack(diagonals), persistent=False)

    def forward(self, x_BLC: Tensor) -> Tensor:
        weights = self.diagonals_KL.to(x_BLC.dtype)[..., None]
        first, *others = [w * torch.roll(x_BLC, shift, 1) for w, shift in zip(weights, self.shifts, strict=True)]
        return sum(others, first)


def relation(matrix_LL: Tensor) -> nn.Module:
    """The cheaper of the two forms: Banded if the matrix has at most one diagonal per BANDS positions, else Dense."""
    i, j = matrix_LL.nonzero(as_tuple=True)
    shifts = ((i - j) % len(matrix_LL)).unique().tolist()
    return Banded(matrix_LL, shifts) if 0 < len(shifts) * BANDS <= len(matrix_LL) else Dense(matrix_LL)


class GroupMixer(nn.Module):
    """Gated sums over the groups of the rules: for each relation r, position i receives the sum of the messages of the
    other positions that share a group of r with it, or that have a directed relation r to it.

    With S > 1 symbols, positions are (position, symbol) pairs, ordered by position: groups join pairs with the same
    symbol, and one more relation joins the symbols of a position. Weights depend on neither positions nor symbols, so
    the layer commutes with every permutation that preserves each relation.
    """

    def __init__(self, width: int, channels: int, relations_RLL: Tensor, symbols: int = 1):
        super().__init__()
        self.channels, self.symbols = channels, symbols
        received = (len(relations_RLL) + (symbols > 1)) * channels
        self.message_gate = Linear(width, 2 * received)
        self.out = Linear(received, width)
        self.relations = nn.ModuleList(map(relation, relations_RLL))

    def forward(self, x_BLD: Tensor) -> Tensor:
        B, C, S = x_BLD.shape[0], self.channels, self.symbols
        message, gate = self.message_gate(x_BLD).chunk(2, dim=-1)
        parts = message.split(C, dim=-1)
        received = [
            mix(part.reshape(B, -1, S * C)).view(part.shape) for mix, part in zip(self.relations, parts, strict=False)
        ]
        if S > 1:
            own = parts[-1].reshape(B, -1, S, C)
            others = (own.sum(2, keepdim=True) - own) * (S - 1) ** -0.5
            received.append(others.view(parts[-1].shape))
        return self.out(torch.cat(received, dim=-1) * F.silu(gate))


def relation_matrices(spec: TaskSpec) -> Tensor:
    """(R, L, L), undirected relations first: entry (r, i, j) is 1 / sqrt(peers of i in r) if i != j share a group of
    relation r, or r is directed from j to i, else 0. Positions that encode the number of the puzzle are omitted."""
    prefix = IDENTITY if spec.identities else 0
    length = spec.length - prefix
    matrices = torch.zeros(len(spec.relations) + len(spec.directed), length, length)
    for matrix, groups in zip(matrices, spec.relations, strict=False):
        for group in groups:
            index = torch.tensor(group) - prefix
            matrix[index[:, None], index[None, :]] = 1.0
        matrix.fill_diagonal_(0)
    for matrix, pairs in zip(matrices[len(spec.relations) :], spec.directed, strict=True):
        source, target = torch.tensor(pairs).T - prefix
        matrix[target, source] = 1.0
    return matrices / matrices.sum(-1, keepdim=True).clamp(min=1).sqrt()


class Block(nn.Module):
    """x <- norm(x + mixer(x)); x <- norm(x + SwiGLU(x)): post-norm, as in TRM. The first norm is over `mixer_axis`."""

    def __init__(self, mixer: nn.Module, width: int, hidden: int, mixer_axis: int = -1):
        super().__init__()
        self.mixer, self.mixer_axis = mixer, mixer_axis
        self.mlp = SwiGLU(width, hidden)

    def forward(self, x_BLD: Tensor) -> Tensor:
        return self.finish(x_BLD, self.mixer(x_BLD))

    def finish(self, x_BLD: Tensor, mixed_BLD: Tensor) -> Tensor:
        """The block after its mixer."""
        x_BLD = rms_norm(x_BLD + mixed_BLD, self.mixer_axis)
        return rms_norm(x_BLD + self.mlp(x_BLD))
