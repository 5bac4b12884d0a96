"""Autoregressive Transformer: p(y | x) = prod_i p(y_i | x, y_<i), token by token with a cache of keys and values.

Shapes: B batch, L positions of the puzzle, A of the answer, N tokens at work, D width, H heads of d, V vocabulary.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from gram.config import ModelConfig
from gram.models.baselines.base import Baseline, Losses, cross_entropy, draw, drawn, readout
from gram.models.core import State, Step
from gram.models.layers import Attention, Block, Embedding
from gram.tasks.spec import PAD, TaskSpec

FEWEST = 4
"""Minimum rows of a step: products with fewer rows use another code path on a CPU, so a row would depend on the
others."""
KV = tuple[Tensor, Tensor]
"""Keys and values of one block, (B, H, _, d) each."""


class Autoregressive(Baseline):
    """The puzzle comes first, and its positions see each other. A token of the answer sees the puzzle, the previous
    tokens and its own position. Its input is the previous token, padding for the first one."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, seed: int = 0):
        super().__init__(spec, config, mixer="attention", positions="learned", stem="tokens")
        self.A = spec.length - spec.answer_start
        self.embed_y = Embedding(spec.vocabulary, config.width)
        self.reset(seed)

    # the interface ----------------------------------------------------------------------------------------
    def encode(self, x_BL: Tensor) -> Tensor:
        """Puzzles -> keys and values of all blocks, (B, L, 2 * blocks * D)."""
        h, kept = super().encode(x_BL), []
        for block, attention in self.blocks():
            q, k, v = attention.project(h)
            kept += [flat(k), flat(v)]
            h = block.finish(h, attention.attend(q, k, v))
        return torch.cat(kept, dim=-1)

    def initial(self, batch: int, noise: Tensor | None = None) -> State:
        """h: the answer so far, (B, A, 1) int64, padding for missing tokens. l: its keys and values, with the layout of
        those of the puzzle, (B, A, 2 * blocks * D)."""
        weight, channels = self.decoder.weight, 2 * self.config.blocks * self.config.width
        tokens = torch.full((batch, self.A, 1), PAD, dtype=torch.int64, device=weight.device)
        return State(tokens, weight.new_zeros(batch, self.A, channels, dtype=self.dtype))

    def step(self, state: State, e_x: Tensor, noise: Tensor | None, *, temperature: float = 1.0) -> Step:
        """The next token; nothing changes once the answer is complete."""
        rows, surplus = len(state.h), max(0, FEWEST - len(state.h))
        h, l, e_x = (torch.cat([z, z[:1].expand(surplus, -1, -1)]) for z in (*state, e_x))  # noqa: E741
        tokens = h.squeeze(-1)
        done = (tokens != PAD).sum(1)
        at = done.clamp(max=self.A - 1)
        before = tokens.gather(1, (at - 1).clamp(min=0)[:, None]).squeeze(1)
        before = torch.where(at > 0, before, PAD)
        cache = list(self.split(l))
        index = at.view(-1, 1, 1, 1)
        slots = torch.arange(self.A, device=tokens.device)

        def remember(block: int, k: Tensor, v: Tensor) -> KV:
            own = [old.scatter(2, index.expand_as(new), new) for old, new in zip(cache[block], (k, v), strict=True)]
            cache[block] = own[0], own[1]
            return cache[block]

        visible = (slots <= at[:, None]).view(-1, 1, 1, self.A)
        logits = self.tokens_after(before[:, None], at[:, None], e_x, visible, remember)
        new = draw(logits[:rows], None if noise is None else noise[0], temperature)
        tokens = torch.where(slots == done[:rows, None], new, tokens[:rows])
        kept = torch.cat([flat(z) for pair in cache for z in pair], dim=-1)[:rows]
        answer = F.pad(tokens, (self.spec.answer_start, 0), value=PAD)
        left = (tokens == PAD).sum(1)
        return Step(State(tokens[..., None], kept), readout(drawn(answer, self.spec.vocabulary), left, len(tokens)), [])

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        """The exact likelihood, with all tokens in parallel."""
        y_BA = y_BL[:, self.spec.answer_start :]
        before = F.pad(y_BA[:, :-1], (1, 0), value=PAD)
        slots = torch.arange(self.A, device=y_BL.device)
        visible = (slots <= slots[:, None]).view(1, 1, self.A, self.A)
        logits = self.tokens_after(before, slots, self.encode(x_BL), visible, lambda _, k, v: (k, v))
        nll = cross_entropy(logits, y_BA).sum(1)
        answer = F.pad(logits.argmax(-1), (self.spec.answer_start, 0), value=PAD)
        return Losses(nll, torch.zeros_like(nll), torch.zeros_like(nll), answer)

    # parts ------------------------------------------------------------------------------------------------
    def tokens_after(
        self,
        before: Tensor,
        at: Tensor,
        e_x: Tensor,
        visible: Tensor,
        remember: Callable[[int, Tensor, Tensor], KV],
    ) -> Tensor:
        """Logits (B, N, V) of the tokens at the positions `at` (N,) or (B, N) of the answer, which follow the tokens
        `before` (B, N). `remember` takes the index of a block and the keys and values of these tokens, and returns
        those of all tokens in memory, of which `visible` (_, 1, N, _) are attended to."""
        assert self.embed_position is not None
        h = self.embed_y(before, self.dtype) + self.embed_position(at + self.spec.answer_start, self.dtype)
        visible = torch.cat([visible.new_ones(1, 1, 1, self.spec.length).expand(*visible.shape[:3], -1), visible], -1)
        for b, ((block, attention), puzzle) in enumerate(zip(self.blocks(), self.split(e_x), strict=True)):
            q, k, v = attention.project(h)
            k, v = (torch.cat(pair, dim=2) for pair in zip(puzzle, remember(b, k, v), strict=True))
            h = block.finish(h, attention.attend(q, k, v, visible))
        return self.logits(h)

    def blocks(self) -> Iterator[tuple[Block, Attention]]:
        """The blocks and their attentions."""
        for block in self.core:
            assert isinstance(block, Block)
            assert isinstance(block.mixer, Attention)
            yield block, block.mixer

    def split(self, kept: Tensor) -> Iterator[KV]:
        """(B, N, 2 * blocks * D) -> keys and values of each block, (B, H, N, d)."""
        B, N, _ = kept.shape
        heads = kept.view(B, N, self.config.blocks, 2, self.config.heads, -1).permute(2, 3, 0, 4, 1, 5)
        return ((k, v) for k, v in heads)


def flat(z: Tensor) -> Tensor:
    """(B, H, N, d) -> (B, N, D)."""
    return z.transpose(1, 2).flatten(2)
