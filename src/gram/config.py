"""Everything that can be chosen, as keyword-only dataclasses that go to JSON and back. An unknown key is an error, and
so is a value that its field does not allow."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from gram import strict_json
from gram.fields import Checked, Form, Name, Range, Text, from_dict, shown, to_dict
from gram.guidance import GUIDANCE, Guidance

__all__ = ["ArcConfig", "ColumnConfig", "Config", "ModelConfig", "RowsConfig", "SolveConfig", "TableConfig"]
__all__ += ["TrainConfig"]
__all__ += ["from_dict", "read_config", "to_dict"]

if TYPE_CHECKING:
    GuidanceName = str
else:
    GuidanceName = Literal[tuple(GUIDANCE)]
Select = Literal["first", "majority", "value", "halt", "checked"]
Share = Annotated[float, Range(0, 1)]
Part = Annotated[float, Range(0, 1, below=True)]
Weight = Annotated[float, Range(0, 1_000_000)]
Rate = Annotated[float, Range(0, 100)]
Positive = Annotated[float, Range(0, 1_000_000_000, above=True)]
Period = Annotated[float, Range(0, 1_000_000_000)]
"""Seconds between two; 0 is after every update."""
Width = Annotated[int, Range(1, 65_536)]
Loops = Annotated[int, Range(1, 256)]
Count = Annotated[int, Range(1, 1_000_000)]
Many = Annotated[int, Range(1, 1_000_000_000)]
Length = Annotated[int, Range(1, 1_000_000)]
SYMBOLS = 254
"""Symbols of one's own data at most: tokens are bytes, two of which mean padding and nothing."""
IDENTITIES = 2**24
"""Puzzles times variants at most: three bytes spell which it is."""
Symbol = Annotated[str, Form(r"(?s:.)|-?\d{1,19}", "one character, or an integer of at most 19 digits")]
PuzzleName = Annotated[
    str, Form(r"[^\s*\x00-\x1f\x7f]{1,200}", "a name of at most 200 characters without spaces and '*'")
]
Content = Annotated[str, Form(r"[0-9a-f]{16}", "16 hexadecimal digits")]


@dataclass(kw_only=True, frozen=True)
class ModelConfig(Checked):
    """The network. The defaults are the paper's GRAM (arXiv:2605.19376) outside Sudoku."""

    kind: Literal["recursive", "direct", "autoregressive", "mdlm", "d3pm-uniform", "d3pm-absorbing", "vae"] = (
        "recursive"
    )
    """The recursive model, or a baseline (models/baselines): a Transformer of `blocks` blocks. A baseline goes by
    width, hidden, mixer, mixer_hidden, heads, positions and the two last fields, not by those of the recursion."""
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
    candidates: bool = False
    """The input is not the puzzle but what each position may still hold; a step says which candidates are out, and
    whether the state has a solution at all, and the search takes guesses and takes them back (gram.solve.candidates).
    Needs unary = true, hierarchy = false, guidance "none" and gradient "full" (ours, see DEVIATIONS.md)."""
    stem: Literal["tokens", "patches"] = "tokens"
    """A row of the state for each token, or, for images, for each patch of 2x2 pixels behind two convolutions."""
    stem_channels: Annotated[int, Range(8, 4096)] = 256
    """Channels of these convolutions."""
    registers: Annotated[int, Range(0, 4096)] = 0
    """Learned tokens in front of the sequence."""
    puzzle_embedding: bool = False
    """Registers are TRM's and HRM's puzzle embedding: they start at 0, are scaled as tokens are and, with learned
    positions, have positions as tokens do, the sum divided by sqrt(2)."""
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
    guidance: GuidanceName = "full"
    """Stochastic guidance (gram.guidance): mean and noise; noise only (mu = 0); mean only (sigma = 0); noise that only
    the decoder sees; or a deterministic variant."""
    guidance_over: Literal["positions", "example"] = "positions"
    """What eps is drawn for: each position by itself, or the whole example: one vector that all positions share, from
    heads that read all of them (ours, see DEVIATIONS.md)."""
    guidance_channels: Width = 8
    """Channels of each position that heads over the whole example read; unused otherwise."""
    guidance_hidden: Width = 512
    """Hidden width of the four guidance MLPs."""
    fusion: Literal["add", "concat"] = "add"
    """How the posterior sees the target: embedding added to u, or beside it."""
    sigma_form: Literal["softplus", "exp"] = "softplus"
    """How the raw output becomes a standard deviation."""
    sigma_floor: Rate = 0.01
    """Smallest standard deviation."""
    sigma_start: Annotated[float, Range(0, 100, above=True)] = 0.3
    """Standard deviation before training."""
    start: Literal["fixed", "random"] = "fixed"
    """z0: drawn once and stored, or drawn again for each trajectory (ablation)."""
    halting: Literal["halt", "halt-continue"] = "halt"
    """Stop when sigmoid(halt) > 0.5, or when the halt value beats the continue value (HRM)."""
    pool: Literal["first", "mean"] = "first"
    """What the halt and value heads read: the first position of h, or the mean over positions."""
    denoising_steps: Count = 64
    """Steps T of the diffusions (D3PM, MDLM); unused elsewhere."""
    latent: Width = 64
    """Width of the VAE's latent variable; unused elsewhere."""

    @property
    def guide(self) -> Guidance:
        """What `guidance` names."""
        return GUIDANCE[self.guidance]


@dataclass(kw_only=True, frozen=True)
class TrainConfig(Checked):
    """How it learns. The defaults are what works on a laptop (LOG.md); the paper's are in recipes/."""

    updates: Many = 5000
    """Optimizer updates; one per supervision step."""
    minutes: Positive | None = None
    """Wall-clock budget, heads and the last evaluation included; when set, the schedule follows the clock and `updates`
    is only a ceiling."""
    target: Share | None = None
    """Stop when so many samples of dev puzzles are right at an evaluation."""
    batch: Many = 64
    """Rows per update over all ranks."""
    N_sup: Annotated[int, Range(1, 10_000)] = 6
    """Supervision steps before a row is replaced by a new example."""
    carry: Literal["rolling", "lockstep"] = "rolling"
    """Rows start at different supervision steps, so that every update sees all of them, or all at the first."""
    halt_early: bool = False
    """Replace a row as soon as it wants to halt, from its second step on (ACT)."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of data order, initialization, noise and augmentation."""
    augment: bool = False
    """Show examples through random symmetries of the task; views that belong to another split are not used."""
    optimizer: Literal["adamw", "muon", "adamatan2"] = "muon"
    """"muon" updates matrices by Muon and the rest by AdamW."""
    lr: Rate = 2e-3
    """Learning rate of the core's matrices."""
    lr_rest: Rate | None = None
    """Learning rate of what is no matrix of the core: embeddings, decoder, heads; `lr` if not given."""
    lr_puzzle: Rate = 1e-2
    """Learning rate of the vector of each puzzle (ARC): of signs, so that it is the length of a step."""
    weight_decay_puzzle: Rate = 0.1
    """Decoupled weight decay of these vectors, whenever their puzzle is in the batch."""
    weight_decay: Rate = 0.1
    """Decoupled weight decay of the matrices."""
    betas: tuple[Part, Part] = (0.9, 0.95)
    """AdamW and AdamAtan2 moments."""
    momentum: Part = 0.95
    """Muon momentum."""
    warmup: Annotated[int, Range(0, 1_000_000_000)] = 100
    """Updates of linear warm-up."""
    lr_final: Share = 0.05
    """Share of the learning rate at the end of the cosine; 1 keeps it constant."""
    clip: Positive = 1.0
    """Largest gradient norm."""
    ema: Part = 0.999
    """Decay of the averaged weights, which are the ones evaluated and saved."""
    beta: Weight = 1.0
    """Weight of the KL. With kl_reduction "sum", 1 is the ELBO's own ratio."""
    beta_warmup: Share = 0.0
    """Share of the run over which beta rises from 0 to its value (KL annealing, arXiv:1511.06349): near the price at
    which the KL is 0, it is chance when a run begins to use it (LOG.md)."""
    cure: bool = False
    """Watch for posterior leakage and restart with one transition and a higher beta where it is found; lower beta
    where diversity has collapsed (gram.train.watch)."""
    kl_balance: Share = 0.8
    """Share of the KL that trains the prior; the rest trains the posterior (paper, 0.8)."""
    kl_reduction: Literal["sum", "mean"] = "sum"
    """KL summed over channels and positions and divided by the scored tokens, or by the channels as well."""
    posterior_transitions: Literal["last", "all"] = "last"
    """Transitions that sample from the posterior in training. "all" is the paper's literal reading and leads to
    posterior leakage (LOG.md)."""
    kl_transitions: Literal["last", "all"] = "last"
    """Transitions that pay KL."""
    loss: Literal["softmax", "stablemax"] = "softmax"
    """Cross-entropy over softmax, or over stablemax in float64 (HRM, TRM)."""
    prior_rows: Part = 0.125
    """Share of the batch that runs on the prior; it trains the halt and value heads."""
    prior_learns: bool = False
    """Rows on the prior also learn to answer (ours, see DEVIATIONS.md); False is the paper."""
    prior_together: Count = 1
    """Rows on the prior that have the same puzzle and share its right targets out among them, so that each is learnt
    as often as the others. Alone, a row gets any of them at random: choose more where puzzles have several answers."""
    halt_weight: Weight = 0.5
    """Weight of the halting loss (no gradient into the core)."""
    value_weight: Weight = 0.5
    """Weight of the value loss, the latent process reward model (no gradient into the core)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the network; weights stay in float32. "auto" measures which is faster."""
    compile: bool = True
    """Use torch.compile where a compiler is found."""
    threads: Annotated[int, Range(1, 1024)] = 1
    """CPU threads."""
    evaluate_every: Period = 120.0
    """Seconds between evaluations on dev data during training."""
    evaluate_examples: Count = 256
    """Dev puzzles per evaluation."""
    save_every: Period = 120.0
    """Seconds between checkpoints."""


@dataclass(kw_only=True, frozen=True)
class SolveConfig(Checked):
    """How it answers unless told otherwise; stored with the weights, chosen on dev data."""

    width: Count = 20
    """Trajectories per puzzle."""
    depth: Count = 16
    """Supervision steps at most."""
    select: Select = "checked"
    """How one answer is chosen among the trajectories."""
    halt_threshold: Annotated[float, Range(-1_000_000, 1_000_000)] | None = None
    """A trajectory stops when its halt logit exceeds this; None never stops early."""
    restart_every: Annotated[int, Range(0, 1_000_000)] | None = None
    """Supervision steps after which a trajectory that has not stopped restarts; None never. Where puzzles and
    answers share their symbols, as in Sudoku, it first takes a guess for a given: at a blank position where it is
    unsure, a symbol drawn from its own softmax joins the puzzle that it sees (ours, see DEVIATIONS.md). A model with
    candidates takes all its guesses back."""
    drop_below: Annotated[float, Range(-1_000, 0)] = -4.0
    """A model with candidates drops those whose logit is below this; -4 is a chance of 1.8%."""
    give_up_below: Annotated[float, Range(-1_000, 1_000)] = -1.0
    """A model with candidates takes its last guess back when the value (the logit that the state has a solution) is
    below this."""
    temperature: Weight | None = None
    """Factor on the prior's sigma, for deterministic variants the standard deviation of test-time noise itself (PTRM);
    None means 1 for stochastic variants and 0 for deterministic ones."""


@dataclass(kw_only=True, frozen=True)
class TableConfig(Checked):
    """What one's own data are, so that a folder of weights can read and answer by itself; `gram train own` learns it
    from the files (gram.tasks.own.learn)."""

    files: tuple[Text, ...] = ()
    """The files that were read, with their full paths; weights that are given away hold none."""
    kind: Literal["integers", "characters"]
    """What sequences are made of."""
    input_symbols: tuple[Symbol, ...]
    """What inputs are made of, in order; integers as text. Symbols that targets share have one token for both."""
    target_symbols: tuple[Symbol, ...]
    """What targets are made of, in order."""
    input_length: Length
    """Symbols of the longest input."""
    target_length: Length
    """Symbols of the longest target."""
    in_place: bool
    """Whether every target is as long as its input, so that the answer stands at the positions of the input."""
    even: bool = False
    """Whether all inputs are equally long, and all targets."""
    check: Text | None = None
    """The Python function that judges an answer, "/path/file.py:function". It is run only for who asks for it."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("input_symbols", "target_symbols"):
            symbols = getattr(self, name)
            for symbol in symbols:
                if re.fullmatch(r"-?[0-9]+", symbol) if self.kind == "integers" else len(symbol) == 1:
                    continue
                raise ValueError(f"table.{name} has {shown(symbol)}, which is not of {self.kind}; repair or remove it.")
            if len(set(symbols)) < len(symbols):
                raise ValueError(f"table.{name} has a symbol twice; remove one of them.")
        number = len({*self.input_symbols, *self.target_symbols})
        if number > SYMBOLS:
            raise ValueError(f"table has {number} different symbols; {SYMBOLS} is the most.")


@dataclass(kw_only=True, frozen=True)
class ColumnConfig(Checked):
    """A column of a table that is to be completed."""

    name: Text
    """As in the header."""
    values: tuple[Text, ...]
    """What its cells hold, in order; of a column of bins a value in the middle of each."""
    edges: tuple[float, ...] = ()
    """Where one bin ends and the next begins: one less than there are values; none in a column without bins."""

    def __post_init__(self):
        super().__post_init__()
        if not self.values or len(self.values) > SYMBOLS - 1 or len(set(self.values)) < len(self.values):
            raise ValueError(
                f"column.values must be 1 to {SYMBOLS - 1} different ones; repair the column {self.name!r}."
            )
        ordered = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if self.edges and (len(self.edges) != len(self.values) - 1 or not ordered):
            raise ValueError(f"column.edges must rise, one less than values; repair the column {self.name!r}.")


@dataclass(kw_only=True, frozen=True)
class RowsConfig(Checked):
    """What a table is whose rows are to be completed; `gram train own --complete` learns it (gram.tasks.own.rows)."""

    files: tuple[Text, ...] = ()
    """The files that were read, with their full paths; weights that are given away hold none."""
    columns: tuple[ColumnConfig, ...]
    """In the order of the header."""
    left_out: tuple[Text, ...] = ()
    """Columns with another value in every row, which nothing can be learnt of."""

    def __post_init__(self):
        super().__post_init__()
        if len({column.name for column in self.columns}) < len(self.columns) or not self.columns:
            raise ValueError("rows.columns must be one at least, of different names; repair them.")


@dataclass(kw_only=True, frozen=True)
class ArcConfig(Checked):
    """Which ARC puzzles there are, for the tasks "arc-1" and "arc-2" (gram.tasks.arc). `gram train` fills in `names`
    and `contents` from the files, so that a folder of weights can answer without them."""

    known: tuple[Text, ...] = ()
    """Files whose puzzles are trained on with all pairs (a fifth of them, for development, without the test pairs)."""
    more: tuple[Text, ...] = ()
    """The same, where the file is there."""
    asked: tuple[Text, ...] = ()
    """Files whose demonstrations are trained on, and whose test inputs are to be answered."""
    variants: Annotated[int, Range(1, 10_000)] = 8
    """Views of each puzzle (turned, mirrored, colors permuted) that are learnt, each under an identity of its own, and
    that vote."""
    translate: bool = False
    """Lay grids anywhere on the canvas in training, not only in its corner."""
    names: tuple[PuzzleName, ...] = ()
    """The puzzles by their number."""
    contents: tuple[Content, ...] = ()
    """What each of them shows, as a checksum."""

    def __post_init__(self):
        super().__post_init__()
        if len(self.names) != len(self.contents) or len(set(self.names)) < len(self.names):
            raise ValueError("arc.names and arc.contents must be as many, and no name may stand there twice.")
        if len(self.names) * self.variants > IDENTITIES:
            raise ValueError(
                f"arc has {len(self.names)} names of {self.variants} variants; {IDENTITIES:,} is the most in all."
            )


@dataclass(kw_only=True, frozen=True)
class Config(Checked):
    """One experiment: task, data, network, training, answering."""

    recipe: Name
    """Name of the recipe."""
    task: Name
    """Name of the task, see gram.tasks."""
    data: tuple[Text, ...] = ()
    """Training files, relative to the data folder; empty for the task's own generated examples. For the task "own" a
    file of one's own data (.jsonl, .csv, .npz), of which a part is held out; for ARC a file of puzzles to answer."""
    dev: tuple[Text, ...] = ()
    """Files to evaluate on while training, likewise."""
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    solve: SolveConfig = field(default_factory=SolveConfig)
    table: TableConfig | None = None
    """What one's own data are; for the task "own" only."""
    rows: RowsConfig | None = None
    """What the table is whose rows are to be completed; for the task "own" only, in place of `table`."""
    arc: ArcConfig | None = None
    """Which ARC puzzles there are; for "arc-1" and "arc-2" only."""


def read_config(path: Path) -> Config:
    """A Config from its JSON file. ValueError if it is damaged, or holds what no Config may."""
    try:
        return from_dict(Config, strict_json.read_object(path, "restore it from a backup or train again"))
    except ValueError as error:
        message = str(error)
    raise ValueError(message if str(path) in message else f"{path}: {message}")
