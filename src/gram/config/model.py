"""The fields of the network in four groups: backbone, recursion, guidance, baseline. Names are unique, so
options and files omit the group names."""

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
    """The structure of the network and its input."""

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
    the groups of the task (rows, columns, boxes; ours, see DEVIATIONS.md). "auto" is resolved by training: the SwiGLU
    if all sequences have the same length, of at most twice its hidden width, otherwise attention."""
    mixer_hidden: Width = 512
    """Hidden width of the SwiGLU over positions; channels per relation for "groups"; unused by attention."""
    mixer_norm: Literal["channels", "positions"] = "channels"
    """Axis of the norm after the mixer: the channels of each position, or the positions of each channel (TRM's
    mixer)."""
    heads: Annotated[int, Range(1, 1024)] = 8
    """Attention heads."""
    positions: Literal["rope", "learned", "none"] = "rope"
    """Position information: rotary inside attention, a learned embedding added to the tokens (in a unary model also one
    of the symbols), or none."""
    unary: bool = False
    """One row of the state per position and symbol ("is cell 5 a 3?") instead of one per position, with weights shared
    between symbols. Needs mixer "groups" (ours, see DEVIATIONS.md)."""
    stem: Literal["tokens", "patches"] = "tokens"
    """One row of the state per token or, for images, per patch of 2x2 pixels after two convolutions."""
    stem_channels: Annotated[int, Range(8, 4096)] = 256
    """Channels of these convolutions."""
    registers: Annotated[int, Range(0, 4096)] = 0
    """Learned tokens prepended to the sequence."""
    puzzle_embedding: bool = False
    """Registers are the puzzle embedding of TRM and HRM: they start at 0, are scaled like tokens and, with learned
    positions, get positions like tokens, with the sum divided by sqrt(2)."""


@dataclass(kw_only=True, frozen=True)
class RecursionConfig(Checked):
    """Start, transitions and halting of the recursion."""

    hierarchy: bool = True
    """Two latents h and l; False keeps only h (Looped Transformer)."""
    shared: bool = False
    """One network is both f_L and f_H (TRM)."""
    K: Loops = 4
    """Low-level updates per transition."""
    T: Loops = 3
    """Transitions per supervision step."""
    gradient: Literal["transition", "one-step", "full"] = "transition"
    """Where gradients flow in a supervision step: the last transition, its last f_L and f_H only (HRM), or all."""
    start: Literal["fixed", "random"] = "fixed"
    """z0: drawn once and stored, or drawn for each trajectory (ablation)."""
    halting: Literal["halt", "halt-continue"] = "halt"
    """Stop when sigmoid(halt) > 0.5, or when the halt value exceeds the continue value (HRM)."""
    pool: Literal["first", "mean"] = "first"
    """What the halt and value heads read: the first position of h, or the mean over positions."""
    candidates: bool = False
    """The input is not the puzzle but the candidates of each position. A step predicts which candidates are excluded
    and whether the state has a solution, and the search makes guesses and takes them back (gram.solve.candidates).
    Needs unary = true, hierarchy = false, guidance "none" and gradient "full" (ours, see DEVIATIONS.md)."""
    guesses: bool = False
    """The input also holds a part of the answer: in training a random one of the target, in sampling what was drawn so
    far, one more symbol after every step. For your own data (ours, see DEVIATIONS.md)."""


@dataclass(kw_only=True, frozen=True)
class GuidanceConfig(Checked):
    """Stochastic guidance of the recursion (gram.models.guidance)."""

    guidance: GuidanceName = "full"
    """Stochastic guidance (gram.guidance): mean and noise; noise only (mu = 0); mean only (sigma = 0); noise that only
    the decoder sees; or a deterministic variant."""
    guidance_over: Literal["positions", "example"] = "positions"
    """Granularity of eps: one vector per position, or one vector per example that all positions share, from heads that
    read all positions (ours, see DEVIATIONS.md)."""
    guidance_hidden: Width = 512
    """Hidden width of the four guidance MLPs."""
    sigma_start: Annotated[float, Range(0.02, 10)] = 0.3
    """Standard deviation of eps before training."""
    fusion: Literal["add", "concat"] = "add"
    """How the posterior sees the target: its embedding added to u or concatenated with it."""

    @property
    def guide(self) -> Guidance:
        """The Guidance object that `guidance` names."""
        return GUIDANCE[self.guidance]


@dataclass(kw_only=True, frozen=True)
class BaselineConfig(Checked):
    """Fields that only baselines use."""

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
    }
    """Fields of earlier versions -> the only value that they still allow."""
