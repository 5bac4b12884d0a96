"""Baselines, behind the interface of `gram.models.recursive.Model`: encode, initial, step,
decode.

One supervision step of a baseline is one function evaluation: one token (autoregressive), one denoising step
(diffusion), or the whole answer (direct prediction, VAE). Each models p(y | x); a blank x makes that p(y). Shapes: B
batch, L positions, M = L rows of the state (a quarter of L with a stem of patches), A positions of the answer, D width,
V vocabulary.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gram.config import ModelConfig
from gram.models.core import State, Step, network
from gram.models.layers import Embedding, Linear, relation_matrices
from gram.models.recursive import Output, Parts
from gram.models.stem import Conv, embedding, pixels, pixels_each
from gram.tasks.spec import PAD, TaskSpec

SURE = 16.0
"""Logit of a token that has been drawn, and of "done"."""


class Losses(NamedTuple):
    """The losses of a baseline for correct answers; float32, in nats per answer."""

    nll: Tensor
    """(B,): -log p(y | x), or with `kl` an upper bound of it."""
    kl: Tensor
    """(B,): KL of a latent variable, 0 if there is none."""
    hint: Tensor
    """(B,): auxiliary cross-entropy (D3PM), 0 elsewhere."""
    answer: Tensor
    """(B, L): the most likely token of each position, by the logits of the loss."""


class Baseline(nn.Module):
    """What all baselines share. Weights are float32; `dtype` is the arithmetic. A kind adds `step` and `losses`."""

    rows = 0
    """Rows of the state that training carries from one update to the next: none."""

    def __init__(self, spec: TaskSpec, config: ModelConfig, **needs: object):
        """`needs`: fields of the configuration that the kind cannot do without."""
        super().__init__()
        for name, value in ({"registers": 0, "unary": False, "mixer_norm": "channels"} | needs).items():
            if getattr(config, name) != value:
                raise ValueError(f'kind "{config.kind}" needs model.{name} = {value!r}; set it.')
        self.spec, self.config, self.dtype = spec, config, torch.float32
        self.places = spec.length // pixels_each(config)
        self.embed_x = embedding(spec, config)
        self.embed_position = Embedding(self.places, config.width) if config.positions == "learned" else None
        self.decoder = Linear(config.width, spec.vocabulary * pixels_each(config))
        self.core = self.trunk()

    def trunk(self) -> nn.Sequential:
        """config.blocks blocks over the M rows: the networks of the recursive model (models/core.py)."""
        grouped = self.config.mixer == "groups"
        if grouped and not self.spec.relations:
            raise ValueError('mixer "groups" needs a task with relations; choose "attention" instead.')
        matrices = relation_matrices(self.spec) if grouped else torch.empty(0)
        return network(self.config, self.places, matrices, symbols=1)

    def reset(self, seed: int) -> None:
        """All initialization."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Linear | Embedding | Conv):
                module.reset(generator)

    @property
    def stochastic(self) -> bool:
        """Whether trajectories differ."""
        return self.config.guide.learned

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Normal noise of one step of one row, without the batch: (1, positions, channels)."""
        return 1, 1, self.spec.vocabulary

    @property
    def start_shape(self) -> tuple[int, int, int]:
        """Normal noise of the initial state of one row, for start "random"."""
        return 2, *self.noise_shape[1:]

    # the interface ----------------------------------------------------------------------------------------
    def encode(self, x_BL: Tensor) -> Tensor:
        """Puzzles -> e_x (B, M, D)."""
        e_x = self.embed_x(x_BL, self.dtype)
        if self.embed_position is not None:
            e_x = e_x + self.embed_position(torch.arange(self.places, device=x_BL.device), self.dtype)
        return e_x

    def initial(self, batch: int, noise: Tensor | None = None) -> State:
        """The state before the first step; both parts (batch, _, _)."""
        nothing = self.decoder.weight.new_zeros(batch, 0, 0)
        return State(nothing, nothing)

    def step(self, state: State, e_x: Tensor, noise: Tensor | None, *, temperature: float = 1.0) -> Step:
        """One function evaluation under noise (1, B, *noise_shape[1:]) ~ N(0, I). One row of state and e_x stands for B
        equal ones. A pure function of its arguments."""
        raise NotImplementedError

    def losses(self, x_BL: Tensor, y_BL: Tensor, noise: Tensor | None) -> Losses:
        """The loss of each row's answer; noise as in `step`."""
        raise NotImplementedError

    def decode(self, readout: Tensor) -> Output:
        """What `step` read out -> logits; it halts when no function evaluation is left. A baseline does not judge
        itself: its value is 0."""
        logits, left = readout[..., :-1], readout[:, 0, -1]
        halt = torch.where(left > 0, -SURE, SURE)
        return Output(logits, torch.stack([halt, -halt], dim=1), torch.zeros_like(halt))

    def pool(self, readout: Tensor) -> Tensor:
        """(B, _): unused, since there are no heads."""
        return readout[:, 0]

    # parts ------------------------------------------------------------------------------------------------
    def logits(self, h_BMD: Tensor) -> Tensor:
        """(B, M, D) -> (B, L, V) float32; padding has logit -inf."""
        logits = self.decoder(h_BMD).float()
        if self.config.stem == "patches":
            logits = pixels(logits)
        padding = torch.tensor([PAD], device=logits.device)
        return logits.index_fill(-1, padding, float("-inf"))

    def parts(self) -> Parts:
        """The modules by part."""
        known = {"decoder": "heads", "core": "blocks"}
        parts: Parts = {}
        for name, module in self.named_children():
            parts.setdefault(known.get(name, "embeddings"), []).append(module)
        return parts


def readout(logits_BLV: Tensor, left: Tensor | int, rows: int) -> Tensor:
    """What `decode` reads, (rows, L, V + 1): logits and how many function evaluations are left, (B,) or a number."""
    left = torch.as_tensor(left, dtype=torch.float32, device=logits_BLV.device).view(-1, 1, 1)
    logits_BLV = logits_BLV.expand(rows, -1, -1)
    return torch.cat([logits_BLV, left.expand(*logits_BLV.shape[:2], 1)], dim=-1)


def drawn(tokens_BL: Tensor, vocabulary: int) -> Tensor:
    """Logits (B, L, V) of tokens that are drawn."""
    return SURE * F.one_hot(tokens_BL, vocabulary).float()


def uniform(noise: Tensor) -> Tensor:
    """N(0, 1) -> uniform on [0, 1], by the normal distribution function."""
    return torch.special.ndtr(noise)


def draw(scores: Tensor, noise: Tensor | None, temperature: float) -> Tensor:
    """A sample of softmax(scores / temperature) over the last axis by the Gumbel trick; the likeliest at temperature 0.
    Gumbel noise is -log(-log(uniform)), and the logarithm of the normal distribution function is exact in its tails."""
    if noise is None or temperature == 0:
        return scores.argmax(-1)
    return (scores - temperature * torch.log(-torch.special.log_ndtr(noise))).argmax(-1)


def cross_entropy(logits_BLV: Tensor, y_BL: Tensor) -> Tensor:
    """Per position, (B, L); zero where the target is padding."""
    return F.cross_entropy(logits_BLV.transpose(1, 2), y_BL, ignore_index=PAD, reduction="none")
