"""Everything that can be chosen, as keyword-only dataclasses that go to JSON and back. An unknown key is an error."""

import dataclasses
import difflib
import json
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar


@dataclass(kw_only=True, frozen=True)
class ModelConfig:
    """The network. The defaults are the paper's GRAM (arXiv:2605.19376) outside Sudoku."""

    kind: Literal["recursive", "direct", "autoregressive", "mdlm", "d3pm-uniform", "d3pm-absorbing", "vae"] = (
        "recursive"
    )
    """The family, or a rival from outside of it (models/rivals): a Transformer of `blocks` blocks. A rival goes by
    width, hidden, mixer, mixer_hidden, heads, positions and the two last fields, not by those of the recursion."""
    width: int = 512
    """Width D of the latent state."""
    blocks: int = 2
    """Blocks of [mixer + SwiGLU] in each network."""
    hidden: int = 512
    """Hidden width of the SwiGLU over channels."""
    mixer: Literal["attention", "swiglu", "groups"] = "attention"
    """How positions exchange information: attention, a SwiGLU over positions (the paper on Sudoku), or gated sums over
    the groups that the task names (rows, columns, boxes; ours, see DEVIATIONS.md)."""
    mixer_hidden: int = 512
    """Hidden width of the SwiGLU over positions; channels per relation for "groups"; unused by attention."""
    mixer_norm: Literal["channels", "positions"] = "channels"
    """What the norm after the mixer runs over: each position's channels, or each channel's positions (TRM's mixer)."""
    heads: int = 8
    """Attention heads."""
    positions: Literal["rope", "learned", "none"] = "rope"
    """Where positions come from: rotary inside attention, a learned embedding added to the tokens (in a unary model one
    of the symbols as well), or nowhere."""
    unary: bool = False
    """A row of the state for each symbol of each position ("is cell 5 a 3?") instead of one for each position; weights
    are shared between symbols. Needs mixer "groups" (ours, see DEVIATIONS.md)."""
    stem: Literal["tokens", "patches"] = "tokens"
    """A row of the state for each token, or, for images, for each patch of 2x2 pixels behind two convolutions."""
    stem_channels: int = 256
    """Channels of these convolutions."""
    registers: int = 0
    """Learned tokens in front of the sequence."""
    puzzle_embedding: bool = False
    """Registers are TRM's and HRM's puzzle embedding: they start at 0, are scaled as tokens are and, with learned
    positions, have positions as tokens do, the sum divided by sqrt(2)."""
    hierarchy: bool = True
    """Two latents h and l; False keeps h only (Looped Transformer)."""
    shared: bool = False
    """One network plays both f_L and f_H (TRM)."""
    K: int = 4
    """Low-level updates per transition."""
    T: int = 3
    """Transitions per supervision step."""
    gradient: Literal["transition", "one-step", "full"] = "transition"
    """Where gradients flow in a supervision step: the last transition, its last f_L and f_H only (HRM), or all."""
    guidance: Literal["full", "noise", "mean", "decoder", "none"] = "full"
    """Stochastic guidance: mean and noise; noise only (mu = 0); mean only (sigma = 0); noise that only the
    decoder sees; or a deterministic member."""
    guidance_over: Literal["positions", "example"] = "positions"
    """What eps is drawn for: each position by itself, or the whole example: one vector that all positions share, from
    heads that read all of them (ours, see DEVIATIONS.md)."""
    guidance_channels: int = 8
    """Channels of each position that heads over the whole example read; unused otherwise."""
    guidance_hidden: int = 512
    """Hidden width of the four guidance MLPs."""
    fusion: Literal["add", "concat"] = "add"
    """How the posterior sees the target: embedding added to u, or beside it."""
    sigma_form: Literal["softplus", "exp"] = "softplus"
    """How the raw output becomes a standard deviation."""
    sigma_floor: float = 0.01
    """Smallest standard deviation."""
    sigma_start: float = 0.3
    """Standard deviation before training."""
    start: Literal["fixed", "random"] = "fixed"
    """z0: drawn once and stored, or drawn anew for each trajectory (ablation)."""
    halting: Literal["halt", "halt-continue"] = "halt"
    """Stop when sigmoid(halt) > 0.5, or when the halt value beats the continue value (HRM)."""
    pool: Literal["first", "mean"] = "first"
    """What the halt and value heads read: the first position of h, or the mean over positions."""
    denoising_steps: int = 64
    """Steps T of the diffusions (D3PM, MDLM); unused elsewhere."""
    latent: int = 64
    """Width of the VAE's latent variable; unused elsewhere."""


@dataclass(kw_only=True, frozen=True)
class TrainConfig:
    """How it learns. The defaults are what works on a laptop (LOG.md); the paper's are in recipes/."""

    updates: int = 5000
    """Optimiser updates; one per supervision step."""
    minutes: float | None = None
    """Wall-clock budget; when set, the schedule follows the clock and `updates` is only a ceiling."""
    batch: int = 64
    """Rows per update over all ranks."""
    N_sup: int = 6
    """Supervision steps before a row is replaced by a new example."""
    carry: Literal["rolling", "lockstep"] = "rolling"
    """Rows start at different supervision steps, so that every update sees all of them, or all at the first."""
    halt_early: bool = False
    """Replace a row as soon as it wants to halt, from its second step on (ACT)."""
    seed: int = 0
    """Seed of data order, initialisation, noise and augmentation."""
    augment: bool = False
    """Show examples through random symmetries of the task; views that belong to another split are not used."""
    optimizer: Literal["adamw", "muon", "adamatan2"] = "muon"
    """"muon" updates matrices by Muon and the rest by AdamW."""
    lr: float = 2e-3
    """Learning rate of the core's matrices."""
    lr_rest: float | None = None
    """Learning rate of what is no matrix of the core: embeddings, decoder, heads; `lr` if not given."""
    lr_puzzle: float = 1e-2
    """Learning rate of the vector of each puzzle (ARC): of signs, so that it is the length of a step."""
    weight_decay_puzzle: float = 0.1
    """Decoupled weight decay of these vectors, whenever their puzzle is in the batch."""
    weight_decay: float = 0.1
    """Decoupled weight decay of the matrices."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW and AdamAtan2 moments."""
    momentum: float = 0.95
    """Muon momentum."""
    warmup: int = 100
    """Updates of linear warm-up."""
    lr_final: float = 0.05
    """Share of the learning rate at the end of the cosine; 1 keeps it constant."""
    clip: float = 1.0
    """Largest gradient norm."""
    ema: float = 0.999
    """Decay of the averaged weights, which are the ones evaluated and saved."""
    beta: float = 1.0
    """Weight of the KL. With kl_reduction "sum", 1 is the ELBO's own ratio."""
    beta_warmup: float = 0.0
    """Share of the run over which beta rises from 0 to its value (KL annealing, arXiv:1511.06349): near the price at
    which nothing is told, it is chance when a run begins to tell (LOG.md)."""
    kl_balance: float = 0.8
    """Share of the KL that trains the prior; the rest trains the posterior (paper, 0.8)."""
    kl_reduction: Literal["sum", "mean"] = "sum"
    """KL summed over channels and positions and divided by the scored tokens, or by the channels as well."""
    posterior_transitions: Literal["last", "all"] = "last"
    """Transitions that sample from the posterior in training. "all" is the paper's literal reading and opens a
    private channel (LOG.md)."""
    kl_transitions: Literal["last", "all"] = "last"
    """Transitions that pay KL."""
    loss: Literal["softmax", "stablemax"] = "softmax"
    """Cross-entropy over softmax, or over stablemax in float64 (HRM, TRM)."""
    prior_rows: float = 0.125
    """Share of the batch that runs on the prior; it trains the halt and value heads."""
    prior_learns: bool = False
    """Rows on the prior also learn to answer (ours, see DEVIATIONS.md); False is the paper."""
    prior_together: int = 1
    """Rows on the prior that have the same puzzle and share its right targets out among them, so that each is learnt
    as often as the others. Alone, a row gets any of them at random: choose more where puzzles have several answers."""
    halt_weight: float = 0.5
    """Weight of the halting loss (no gradient into the core)."""
    value_weight: float = 0.5
    """Weight of the value loss, the latent process reward model (no gradient into the core)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the network; weights stay in float32. "auto" measures which is faster."""
    compile: bool = True
    """Use torch.compile where a compiler is found."""
    threads: int = 1
    """CPU threads."""
    evaluate_every: float = 120.0
    """Seconds between evaluations on dev data during training."""
    evaluate_examples: int = 256
    """Dev puzzles per evaluation."""
    save_every: float = 120.0
    """Seconds between checkpoints."""


@dataclass(kw_only=True, frozen=True)
class SolveConfig:
    """How it answers unless told otherwise; stored with the weights, chosen on dev data."""

    width: int = 20
    """Trajectories per puzzle."""
    depth: int = 16
    """Supervision steps at most."""
    select: Literal["first", "majority", "value", "halt", "checked"] = "checked"
    """How one answer is chosen among the trajectories."""
    halt_threshold: float | None = None
    """A trajectory stops when its halt logit exceeds this; None never stops early."""
    restart_every: int | None = None
    """Supervision steps after which a trajectory that has not stopped begins anew; None never. Where puzzles and
    answers share their symbols, as in Sudoku, it first takes a guess for a given: at a blank position where it is
    unsure, a symbol drawn from its own softmax joins the puzzle that it sees (ours, see DEVIATIONS.md)."""
    temperature: float | None = None
    """Factor on the prior's sigma, for deterministic members the standard deviation of test-time noise itself (PTRM);
    None means 1 for stochastic members and 0 for deterministic ones."""


@dataclass(kw_only=True, frozen=True)
class TableConfig:
    """What one's own data are, so that a folder of weights can read and answer by itself; `gram train own` learns it
    from the files (gram.tasks.own.task)."""

    files: tuple[str, ...]
    """The files that were read, with their full paths."""
    kind: Literal["integers", "characters"]
    """What sequences are made of."""
    input_symbols: tuple[str, ...]
    """What inputs are made of, in order; integers as text. Symbols that targets share have one token for both."""
    target_symbols: tuple[str, ...]
    """What targets are made of, in order."""
    input_length: int
    """Symbols of the longest input."""
    target_length: int
    """Symbols of the longest target."""
    in_place: bool
    """Whether every target is as long as its input, so that the answer stands at the positions of the input."""
    check: str | None = None
    """The Python function that judges an answer, "/path/file.py:function"."""


@dataclass(kw_only=True, frozen=True)
class ArcConfig:
    """Which ARC puzzles there are, for the tasks "arc-1" and "arc-2" (gram.tasks.arc). `gram train` fills in `names`
    and `contents` from the files, so that a folder of weights can answer without them."""

    known: tuple[str, ...] = ()
    """Files whose puzzles are trained on with all pairs (a fifth of them, for development, without the test pairs)."""
    more: tuple[str, ...] = ()
    """The same, where the file is there."""
    asked: tuple[str, ...] = ()
    """Files whose demonstrations are trained on, and whose test inputs are to be answered."""
    variants: int = 8
    """Views of each puzzle (turned, mirrored, colours permuted) that are learnt, each under an identity of its own, and
    that vote."""
    translate: bool = False
    """Lay grids anywhere on the canvas in training, not only in its corner."""
    names: tuple[str, ...] = ()
    """The puzzles by their number."""
    contents: tuple[str, ...] = ()
    """What each of them shows, as a checksum."""


@dataclass(kw_only=True, frozen=True)
class Config:
    """One experiment: task, data, network, training, answering."""

    recipe: str
    """Name of the recipe."""
    task: str
    """Name of the task, see gram.tasks."""
    data: tuple[str, ...] = ()
    """Training files, relative to the data folder; empty for the task's own generated examples. For the task "own" a
    file of one's own data (.jsonl, .csv, .npz), of which a part is held out; for ARC a file of puzzles to answer."""
    dev: tuple[str, ...] = ()
    """Files to evaluate on while training, likewise."""
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    solve: SolveConfig = field(default_factory=SolveConfig)
    table: TableConfig | None = None
    """What one's own data are; for the task "own" only."""
    arc: ArcConfig | None = None
    """Which ARC puzzles there are; for "arc-1" and "arc-2" only."""


T = TypeVar("T")


def to_dict(config: Any) -> dict[str, Any]:
    """Any of the dataclasses as plain JSON values."""
    return dataclasses.asdict(config)


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Build dataclass `cls` from JSON values. ValueError on an unknown or missing key or a value of the wrong kind."""
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    for key in values:
        if key not in fields:
            close = difflib.get_close_matches(key, fields, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(fields)}."
            raise ValueError(f"Unknown key {key!r} for {cls.__name__}{hint}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{cls.__name__} lacks the key {missing[0]!r}; add it.")
    return cls(**{key: _convert(hints[key], value, f"{cls.__name__}.{key}") for key, value in values.items()})


def read_config(path: Path) -> Config:
    """A Config from its JSON file. ValueError if it is damaged."""
    return from_dict(Config, read_json(path, "restore it from a backup or train again"))


def read_json(path: Path, remedy: str = "repair or remove it") -> dict[str, Any]:
    """A JSON object. ValueError naming the file, and the remedy, if it is damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); {remedy}.") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a JSON object; {remedy}.")
    return values


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be an object, not {value!r}.")
        return from_dict(typing.cast(type, kind), value)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} is {value!r}; choose one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} must be a list, not {value!r}.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(value):
            raise ValueError(f"{where} must have {len(kinds)} entries, not {len(value)}.")
        return tuple(_convert(k, v, where) for k, v in zip(kinds, value, strict=True))
    if arguments:  # a union with None
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} must be of type {kind.__name__}, not {value!r}.")
    return value
