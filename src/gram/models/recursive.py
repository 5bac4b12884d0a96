"""The recursive model: encoder + core + heads. GRAM, TRM, HRM and the Looped Transformer are configurations of `Model`.

initial / step / decode is the whole interface for training, sampling, serving and export. Shapes: B batch, L positions
of the task, M rows of the state (registers + L, L times the symbols, or a quarter of L; positions that spell which
puzzle it is have none), D width, V vocabulary, T transitions.
"""

import math
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import ModelConfig
from gram.models.core import Core, State, Step
from gram.models.guidance import GaussianHead
from gram.models.layers import Embedding, Linear, Score, relation_matrices
from gram.models.stem import Conv, embedding, pixels, pixels_each
from gram.tasks.spec import IDENTITY, PAD, TaskSpec

Parts = dict[str, list[nn.Module | nn.Parameter | None]]


class Output(NamedTuple):
    """The outputs of the heads for a state, all float32."""

    logits: Tensor
    """(B, L, V); padding has logit -inf."""
    halt: Tensor
    """(B, 2): halt and continue."""
    value: Tensor
    """(B,): predicted accuracy at the end of the trajectory; with candidates the logit that the state has a
    solution."""
    candidates: Tensor | None = None
    """(B, L, S): the logit that a symbol is in the solution at a position, in a model with candidates."""


class Model(nn.Module):
    """A recursive reasoner for one task. Weights are float32; `dtype` is the arithmetic of the recursion."""

    z0: Tensor
    identities: Tensor | None
    """(identities, D) float32: the vector of each puzzle, if the task has identities. Not a parameter: training updates
    the needed rows separately (train/optim.py), so that no gradient is as large as the table."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__()
        if config.mixer == "auto":
            raise ValueError(
                'mixer "auto" is resolved at the start of a training; choose "attention" or "swiglu" instead.'
            )
        if config.mixer == "groups" and (config.registers or not (spec.relations or spec.directed)):
            raise ValueError('mixer "groups" needs a task with relations and registers = 0; choose "swiglu" instead.')
        self.spec, self.config = spec, config
        if config.unary and (config.mixer != "groups" or len(spec.symbols) < 2):
            raise ValueError('unary = true needs mixer "groups" and a task with symbols; choose unary = false instead.')
        if config.candidates and not (
            config.unary
            and not config.hierarchy
            and not config.guide.learned
            and (config.gradient, config.start) == ("full", "fixed")
        ):
            raise ValueError(
                'candidates = true needs unary = true, hierarchy = false, guidance "none", gradient "full" and start '
                '"fixed"; change them.'
            )
        if config.guesses and (config.guide.learned or config.candidates or spec.identities):
            raise ValueError(
                'guesses = true needs guidance "none", candidates = false and a task without identities; change them.'
            )
        if config.puzzle_embedding and (config.mixer == "groups" or config.stem == "patches"):
            raise ValueError('puzzle_embedding needs stem "tokens" and a mixer other than "groups"; change them.')
        self.dtype = torch.float32
        self.prefix = IDENTITY if spec.identities else 0
        D, S = config.width, len(spec.symbols) if config.unary else 1
        self.places = (spec.length - self.prefix) // pixels_each(config)
        self.rows = config.registers + self.places * S
        self.embed_x = embedding(spec, config)
        positions = self.rows if config.puzzle_embedding else self.places
        self.embed_position = Embedding(positions, D) if config.positions == "learned" else None
        self.embed_symbol = Embedding(S, D) if config.positions == "learned" and config.unary else None
        self.registers = nn.Parameter(torch.empty(config.registers, D)) if config.registers else None
        matrices = relation_matrices(spec) if config.mixer == "groups" else torch.empty(0)
        self.core = Core(config, self.rows, matrices, S, partial(embedding, spec, config))
        self.decoder = Score(D) if config.unary else Linear(D, spec.vocabulary * pixels_each(config))
        self.candidate = nn.Linear(D, 1) if config.candidates else None
        self.halt = nn.Linear(D, 2)
        self.value = nn.Linear(D, 1)
        self.register_buffer("z0", torch.empty(2, D))
        self.register_buffer("identities", torch.empty(spec.identities, D) if spec.identities else None)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """All initialization, in one place. Heads start at "do not halt" with no gradient noise (TRM)."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Linear | Embedding | Conv):
                module.reset(generator)
        for module in self.modules():  # after the Linears they contain
            if isinstance(module, GaussianHead):
                module.reset(generator)
        if self.registers is not None:
            std = 0.0 if self.config.puzzle_embedding else 1.0
            nn.init.normal_(self.registers, std=std, generator=generator)
        if self.identities is not None:
            self.identities.zero_()
        for head in (self.halt, self.value, self.candidate):
            if head is None:
                continue
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.constant_(self.halt.bias, -5.0)
        self.z0.normal_(generator=generator)

    # initial / step / decode ------------------------------------------------------------------------------
    def encode(self, x_BL: Tensor, identity_BD: Tensor | None = None) -> Tensor:
        """Tokens (B, L) integers -> e_x (B, M, D), computed once and injected at every low-level update. A unary model
        also accepts the result of `unary`, (B, L * S). identity_BD: the vectors of the puzzles for training; looked up
        if None."""
        if self.identities is not None and identity_BD is None:
            identity_BD = self.identities[self.identify(x_BL)]
        e_x = self.embed_x(self.unary(x_BL[:, self.prefix :]), self.dtype)
        if self.config.puzzle_embedding:
            return self.behind_puzzle(e_x, identity_BD)
        S = e_x.shape[1] // self.places
        if self.embed_position is not None:
            each = torch.arange(self.places, device=x_BL.device)
            e_x = e_x + self.embed_position(each, self.dtype).repeat_interleave(S, 0)
        if self.embed_symbol is not None:
            each = torch.arange(S, device=x_BL.device)
            e_x = e_x + self.embed_symbol(each, self.dtype).repeat(self.places, 1)
        return self.introduce(self.registers, e_x, identity_BD)

    def identify(self, x_BL: Tensor) -> Tensor:
        """The number of the puzzle of each input, (B,) int64, encoded in its first positions."""
        digits = x_BL[:, : self.prefix].long()
        return (digits * 256 ** torch.arange(self.prefix, device=x_BL.device)).sum(1)

    def introduce(self, registers: Tensor | None, e_x: Tensor, identity_BD: Tensor | None) -> Tensor:
        """e_x (B, L, D) after the registers. The vector of the puzzle, scaled like tokens, is added to the first
        register, or to every position if there are no registers."""
        if registers is not None:
            e_x = torch.cat([registers.to(self.dtype).expand(e_x.shape[0], -1, -1), e_x], dim=1)
        if identity_BD is None:
            return e_x
        scaled_B1D = (identity_BD * math.sqrt(self.config.width)).to(self.dtype)[:, None]
        if registers is None:
            return e_x + scaled_B1D
        return torch.cat([e_x[:, :1] + scaled_B1D, e_x[:, 1:]], dim=1)

    def behind_puzzle(self, e_x: Tensor, identity_BD: Tensor | None = None) -> Tensor:
        """Embedded tokens (B, L, D) after the puzzle embedding, with learned positions if there are any, (B, M, D)."""
        scaled = None if self.registers is None else self.registers * math.sqrt(self.config.width)
        e_x = self.introduce(scaled, e_x, identity_BD)
        if self.embed_position is None:
            return e_x
        each = torch.arange(self.rows, device=e_x.device)
        return (e_x + self.embed_position(each, self.dtype)) * math.sqrt(0.5)

    def unary(self, tokens_BL: Tensor) -> Tensor:
        """For a unary model, one token per pair of position and symbol, (B, L * S): the first symbol token for a match,
        the second for another symbol; tokens that are not symbols are repeated for every pair. Otherwise `tokens`."""
        if not self.config.unary:
            return tokens_BL
        if tokens_BL.shape[1] == self.rows:
            return tokens_BL
        this, other = self.spec.symbols[:2]
        symbols = torch.tensor(self.spec.symbols, device=tokens_BL.device)
        tokens_BL1 = tokens_BL[..., None]
        is_symbol = (tokens_BL1 >= this) & (tokens_BL1 <= self.spec.symbols[-1])
        pairs = torch.where(is_symbol, torch.where(tokens_BL1 == symbols, this, other), tokens_BL1)
        return pairs.flatten(1)

    @property
    def stochastic(self) -> bool:
        """Whether there is guidance, so that trajectories differ."""
        return self.core.prior is not None

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Normal noise of one supervision step of one row, without the batch: (T, M, D), or (T, 1, D) if guidance is
        over the whole example."""
        return self.config.T, self.rows if self.config.guidance_over == "positions" else 1, self.config.width

    @property
    def start_shape(self) -> tuple[int, int, int]:
        """Normal noise of the initial state of one row, for start "random": (2, M, D)."""
        return 2, self.rows, self.config.width

    def initial(self, batch: int, noise_2BMD: Tensor | None = None) -> State:
        """z0 for `batch` trajectories: the stored draw, or the given noise (2, B, M, D) for start "random"."""
        D, M = self.config.width, self.rows
        if self.config.start == "random":
            if noise_2BMD is None:
                raise ValueError('A model with start "random" needs noise for its initial state.')
            h, l = noise_2BMD.to(self.dtype)  # noqa: E741
        else:
            h, l = (z.to(self.dtype).expand(batch, M, D) for z in self.z0)  # noqa: E741
        return State(h, l if self.config.hierarchy else l[:, :0])

    def step(self, state: State, e_x: Tensor, noise_TBMD: Tensor | None, **options) -> Step:
        """One supervision step; see Core.step. noise ~ N(0, I), (T, B, *noise_shape[1:])."""
        if (y := options.get("y")) is not None:
            options["y"] = F.pad(self.unary(y[:, self.prefix :]), (self.config.registers, 0), value=PAD)
        return self.core.step(state, e_x, noise_TBMD, **options)

    def decode(self, readout: Tensor) -> Output:
        """h (B, M, D) -> logits and heads. The heads send no gradient into the core."""
        if self.config.unary:
            scores = self.scores(readout)
            logits = scores.new_full((*scores.shape[:2], self.spec.vocabulary), float("-inf"))
            logits[..., self.spec.symbols[0] : self.spec.symbols[-1] + 1] = scores
        else:
            logits = self.decoder(readout[:, self.config.registers :]).float()
            if self.config.stem == "patches":
                logits = pixels(logits)
            if self.prefix:  # the positions that encode the puzzle have no logits
                logits = F.pad(logits, (0, 0, self.prefix, 0))
            padding = torch.full((1,), PAD, device=logits.device)  # on the device: CUDA graphs allow no copy
            logits = logits.index_fill(-1, padding, float("-inf"))
        halt, value = self.judge(self.pool(readout))
        if self.candidate is None:
            return Output(logits, halt, value)
        return Output(logits, halt, self.alive(readout), self.living(readout))

    def scores(self, readout: Tensor) -> Tensor:
        """The logit of each symbol in a unary model, (B, L, S) float32."""
        return self.decoder(readout[:, self.config.registers :]).float().view(readout.shape[0], self.spec.length, -1)

    def living(self, readout: Tensor) -> Tensor:
        """The logit of each candidate, (B, L, S) float32; sums over each row, as in `judge`."""
        assert self.candidate is not None
        scores = (readout.float() * self.candidate.weight[0]).sum(-1) + self.candidate.bias
        return scores.view(readout.shape[0], self.spec.length, -1)

    def alive(self, readout: Tensor) -> Tensor:
        """The logit that the state has a solution, (B,) float32; one row with a contradiction is enough to lower it."""
        against = -(readout.float() * self.value.weight[0]).sum(-1)
        return self.value.bias - (against.logsumexp(1) - math.log(self.rows))

    def pool(self, readout: Tensor) -> Tensor:
        """The input of the heads: (B, D) float32, detached."""
        pooled = readout[:, 0] if self.config.pool == "first" else readout.float().mean(1)
        return pooled.detach().float()

    def judge(self, pooled_BD: Tensor) -> tuple[Tensor, Tensor]:
        """(..., D) -> halt logits (..., 2) and value (...,). Sums over each row instead of a matrix product,
        whose rounding depends on the number of rows, but an answer must not depend on other rows."""
        both = (pooled_BD[..., None, :] * self.halt.weight).sum(-1) + self.halt.bias
        return both, (pooled_BD * self.value.weight[0]).sum(-1) + self.value.bias

    def parts(self) -> Parts:
        """The modules by part, shared networks once."""
        return {
            "embeddings": [self.embed_x, self.embed_position, self.embed_symbol, self.registers],
            "f_L": [self.core.f_L],
            "f_H": [self.core.f_H],
            "prior": [self.core.prior],
            "posterior": [self.core.posterior],
            "heads": [self.decoder, self.candidate, self.halt, self.value],
        }
