"""Everything that can be chosen, as keyword-only dataclasses that go to JSON and back. An unknown key is an error, and
so is a value that its field does not allow."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from gram import strict_json
from gram.config.model import BackboneConfig, BaselineConfig, GuidanceConfig, ModelConfig, RecursionConfig
from gram.config.values import Count, Length, Many, Part, Period, Positive, Rate, Select, Share, Weight
from gram.fields import Checked, Form, Name, Range, Text, from_dict, shown, to_dict

__all__ = ["ArcConfig", "BackboneConfig", "BaselineConfig", "ColumnConfig", "Config", "GuidanceConfig", "ModelConfig"]
__all__ += ["RecursionConfig", "RowsConfig", "SolveConfig", "TableConfig", "TrainConfig"]
__all__ += ["from_dict", "read_config", "to_dict"]

SYMBOLS = 254
"""Symbols of one's own data at most: tokens are bytes, two of which mean padding and nothing."""
IDENTITIES = 2**24
"""Puzzles times variants at most: three bytes spell which it is."""
Symbol = Annotated[
    str,
    Form(r"(?s:.)|\S{1,100}", "one character, an integer, or a word of at most 100 characters"),
]
SYMBOL_OF = {"integers": r"-?[0-9]{1,19}", "characters": r"(?s:.)", "words": r"\S+"}
PuzzleName = Annotated[
    str, Form(r"[^\s*\x00-\x1f\x7f]{1,200}", "a name of at most 200 characters without spaces and '*'")
]
Content = Annotated[str, Form(r"[0-9a-f]{16}", "16 hexadecimal digits")]


@dataclass(kw_only=True, frozen=True)
class TrainConfig(Checked):
    """How it learns. The defaults are what works on a laptop (LOG.md); the paper's are in recipes/."""

    FORMER: ClassVar[dict[str, Any]] = {"momentum": 0.95, "clip": 1.0}
    """As in ModelConfig."""

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
    warmup: Annotated[int, Range(0, 1_000_000_000)] = 100
    """Updates of linear warm-up."""
    lr_final: Share = 0.05
    """Share of the learning rate at the end of the cosine; 1 keeps it constant."""
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
    kind: Literal["integers", "characters", "words"]
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
    input_key: Text | None = None
    """How files name their inputs, if not "input" or a name that means the same."""
    target_key: Text | None = None
    """How files name their targets."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("input_symbols", "target_symbols"):
            symbols = getattr(self, name)
            for symbol in symbols:
                if re.fullmatch(SYMBOL_OF[self.kind], symbol):
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
