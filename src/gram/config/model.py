"""The fields of the network in four groups: backbone, recursion, guidance, baseline. Names are unique,
so options and files leave those of the groups out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from gram.config.values import Count, Loops, Width
from gram.fields import Checked, Range
from gram.guidance import GUIDANCE, Guidance

if TYPE_CHECKING:
    GuidanceName = str
else:
    GuidanceName = Literal[tuple(GUIDANCE)]


@dataclass(kw_only=True, frozen=True)
class BackboneConfig(Checked):
    """What the network is made of, and what it reads."""

    kind: Literal["recursive", "direct", "autoregressive", "mdlm", "d3pm-uniform", "d3pm-absorbing", "vae"] = (
        "recursive"
    )
    """The recursive model, or a baseline (models/baselines): a Transformer of `blocks` blocks. It reads the groups
    backbone and baseline, the recursive model backbone, recursion and guidance."""
    width: Width = 512
    """Width D of the latent state."""
    blocks: Loops = 2
    """Blocks of [mixer + SwiGLU] in each network."""
    hidden: Width = 512
    """Hidden width of the SwiGLU over channels."""
    mixer: Literal["attention", "swiglu", "groups", "auto"] = "attention"
    """How positions exchange information: attention, a SwiGLU over positions (the paper on Sudoku), or gated sums over
    the groups that the task names (rows, columns, boxes; ours, see DEVIATIONS.md). "auto": a training chooses, the
    SwiGLU where sequences are all equally long, else attention."""
    mixer_hidden: Width = 512
    """Hidden width of the SwiGLU over positions; channels per relation for "groups"; unused by attention."""
    mixer_norm: Literal["channels", "positions"] = "channels"
    """What the norm after the mixer runs over: each position's channels, or each channel's positions (TRM's mixer)."""
    heads: Annotated[int, Range(1, 1024)] = 8
    """Attention heads."""
    positions: Literal["rope", "learned", "none"] = "rope"
    """Where positions come from: rotary inside attention, a learned embedding added to the tokens (in a unary model one
    of the symbols as well), or nowhere."""
    unary: bool = False
    """A row of the state for each symbol of each position ("is cell 5 a 3?") instead of one for each position; weights
    are shared between symbols. Needs mixer "groups" (ours, see DEVIATIONS.md)."""
    stem: Literal["tokens", "patches"] = "tokens"
    """A row of the state for each token, or, for images, for each patch of 2x2 pixels behind two convolutions."""
    stem_channels: Annotated[int, Range(8, 4096)] = 256
    """Channels of these convolutions."""
    registers: Annotated[int, Range(0, 4096)] = 0
    """Learned tokens in front of the sequence."""
    puzzle_embedding: bool = False
    """Registers are TRM's and HRM's puzzle embedding: they start at 0, are scaled as tokens are and, with learned
    positions, have positions as tokens do, the sum divided by sqrt(2)."""


@dataclass(kw_only=True, frozen=True)
class RecursionConfig(Checked):
    """How the state begins, moves and halts."""

    hierarchy: bool = True
    """Two latents h and l; False keeps h only (Looped Transformer)."""
    shared: bool = False
    """One network plays both f_L and f_H (TRM)."""
    K: Loops = 4
    """Low-level updates per transition."""
    T: Loops = 3
    """Transitions per supervision step."""
    gradient: Literal["transition", "one-step", "full"] = "transition"
    """Where gradients flow in a supervision step: the last transition, its last f_L and f_H only (HRM), or all."""
    start: Literal["fixed", "random"] = "fixed"
    """z0: drawn once and stored, or drawn again for each trajectory (ablation)."""
    halting: Literal["halt", "halt-continue"] = "halt"
    """Stop when sigmoid(halt) > 0.5, or when the halt value beats the continue value (HRM)."""
    pool: Literal["first", "mean"] = "first"
    """What the halt and value heads read: the first position of h, or the mean over positions."""
    candidates: bool = False
    """The input is not the puzzle but what each position may still hold; a step says which candidates are out, and
    whether the state has a solution at all, and the search takes guesses and takes them back (gram.solve.candidates).
    Needs unary = true, hierarchy = false, guidance "none" and gradient "full" (ours, see DEVIATIONS.md)."""


@dataclass(kw_only=True, frozen=True)
class GuidanceConfig(Checked):
    """Stochastic guidance of the recursion (gram.models.guidance)."""

    guidance: GuidanceName = "full"
    """Stochastic guidance (gram.guidance): mean and noise; noise only (mu = 0); mean only (sigma = 0); noise that only
    the decoder sees; or a deterministic variant."""
    guidance_over: Literal["positions", "example"] = "positions"
    """What eps is drawn for: each position by itself, or the whole example: one vector that all positions share, from
    heads that read all of them (ours, see DEVIATIONS.md)."""
    guidance_hidden: Width = 512
    """Hidden width of the four guidance MLPs."""
    fusion: Literal["add", "concat"] = "add"
    """How the posterior sees the target: embedding added to u, or beside it."""

    @property
    def guide(self) -> Guidance:
        """What `guidance` names."""
        return GUIDANCE[self.guidance]


@dataclass(kw_only=True, frozen=True)
class BaselineConfig(Checked):
    """What only baselines read."""

    denoising_steps: Count = 64
    """Steps T of the diffusions (D3PM, MDLM); unused elsewhere."""
    latent: Width = 64
    """Width of the VAE's latent variable; unused elsewhere."""


@dataclass(kw_only=True, frozen=True)
class ModelConfig(BaselineConfig, GuidanceConfig, RecursionConfig, BackboneConfig):
    """The network, in four groups of fields. The defaults are the paper's GRAM (arXiv:2605.19376) outside Sudoku."""

    FORMER: ClassVar[dict[str, Any]] = {
        "guidance_channels": 8,
        "sigma_form": "softplus",
        "sigma_floor": 0.01,
        "sigma_start": 0.3,
    }
    """Fields of earlier versions, and the only value that each has now."""
