"""All settings, as keyword-only dataclasses that convert to and from JSON. Unknown keys and values that a field does
not allow are errors."""

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
"""Maximum symbols of your own data: tokens are bytes, two of which mean padding and blank."""
IDENTITIES = 2**24
"""Maximum puzzles times variants, since their number is encoded in three bytes."""
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
    """Training. The defaults work on a laptop; the paper's settings are in recipes/paper.py."""

    FORMER: ClassVar[dict[str, Any]] = {"momentum": 0.95, "clip": 1.0}
    """As in ModelConfig."""

    updates: Many = 5000
    """Optimizer updates; one per supervision step."""
    minutes: Positive | None = None
    """Wall-clock budget, including heads and the last evaluation. If set, the schedule follows the clock and `updates`
    is only a maximum."""
    target: Share | None = None
    """Stop when this share of samples on dev puzzles is correct at an evaluation."""
    batch: Many = 64
    """Rows per update over all ranks."""
    N_sup: Annotated[int, Range(1, 10_000)] = 6
    """Supervision steps before a row is replaced by a new example."""
    carry: Literal["rolling", "lockstep"] = "rolling"
    """Rows start at different supervision steps, so that every update sees all steps, or all at the first."""
    halt_early: bool = False
    """Replace a row as soon as it wants to halt, from its second step on (ACT)."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of data order, initialization, noise and augmentation."""
    augment: bool = False
    """Augment examples with random symmetries of the task; views that belong to another split are not used."""
    optimizer: Literal["adamw", "muon", "adamatan2"] = "muon"
    """"muon" updates matrices by Muon and the rest by AdamW."""
    lr: Rate = 2e-3
    """Learning rate of the core's matrices."""
    lr_rest: Rate | None = None
    """Learning rate of all other parameters (embeddings, decoder, heads); `lr` if not given."""
    lr_puzzle: Rate = 1e-2
    """Learning rate of the vector of each puzzle (ARC). It is the size of a step, since only signs are used."""
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
    """Decay of the averaged weights, which are evaluated and saved."""
    beta: Weight = 1.0
    """Weight of the KL. With kl_reduction "sum", 1 is the ELBO's own ratio."""
    beta_warmup: Share = 0.0
    """Share of the run over which beta rises from 0 to its value (KL annealing, arXiv:1511.06349). If beta is near the
    value at which the KL stays 0, chance decides when a run starts to use it (docs/log/digits.md, 2026-11-24)."""
    cure: bool = False
    """Watch for posterior leakage and, if found, restart with one transition and a higher beta; lower beta if diversity
    has collapsed (gram.train.watch)."""
    answers: Literal["one", "many", "auto"] = "many"
    """Right answers of an input. "one" trains your own data without guidance, for a single supervision step; "auto"
    looks at the data and, if they do not show it, at a fifth of the run (gram.train.answers). Only "many" changes
    nothing in other recipes."""
    kl_balance: Share = 0.8
    """Share of the KL that trains the prior; the rest trains the posterior (paper, 0.8)."""
    kl_reduction: Literal["sum", "mean"] = "sum"
    """KL summed over channels and positions and divided by the scored tokens, or also by the channels."""
    posterior_transitions: Literal["last", "all"] = "last"
    """Transitions that sample from the posterior in training. "all" is the literal reading of the paper and leads to
    posterior leakage (docs/log/queens.md, 2026-11-24)."""
    kl_transitions: Literal["last", "all"] = "last"
    """Transitions with a KL term."""
    loss: Literal["softmax", "stablemax"] = "softmax"
    """Cross-entropy over softmax, or over stablemax in float64 (HRM, TRM)."""
    loss_after: Literal["step", "transition"] = "step"
    """Cross-entropy of the answer after each supervision step, or the mean of those after each of its transitions (with
    gradient "full"; ours, see DEVIATIONS.md)."""
    prior_rows: Part = 0.125
    """Share of the batch that runs on the prior; it trains the halt and value heads."""
    prior_learns: bool = False
    """Rows on the prior also learn to answer (ours, see DEVIATIONS.md); False is the paper."""
    prior_together: Count = 1
    """Rows on the prior that have the same puzzle. Its targets are distributed evenly among them; a single row gets a
    random one, so use more rows if puzzles have several answers."""
    halt_weight: Weight = 0.5
    """Weight of the halting loss (no gradient into the core)."""
    value_weight: Weight = 0.5
    """Weight of the value loss, the latent process reward model (no gradient into the core)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the network; weights stay in float32. "auto" measures and uses the faster one."""
    compile: bool = True
    """Use torch.compile if there is a compiler."""
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
    """Default options for answering, chosen on dev data and stored with the weights."""

    width: Count = 20
    """Trajectories per puzzle."""
    depth: Count = 16
    """Maximum supervision steps."""
    select: Select = "checked"
    """How the answer is chosen among the trajectories."""
    halt_threshold: Annotated[float, Range(-1_000_000, 1_000_000)] | None = None
    """A trajectory stops when its halt logit exceeds this; None never stops early."""
    restart_every: Annotated[int, Range(0, 1_000_000)] | None = None
    """Supervision steps after which a trajectory that has not stopped restarts; None means never. If puzzles and
    answers share their symbols, as in Sudoku, it first adds a guess as a given: a symbol drawn from its own softmax at
    a blank position where it is unsure (ours, see DEVIATIONS.md). A model with candidates takes back all its
    guesses."""
    views: Annotated[int, Range(1, 64)] = 1
    """Symmetries under which trajectories see the puzzle in turn, the first one as it is; mazes have 8. An error in one
    view is seldom one in another (ours, see DEVIATIONS.md). With a checker, the other views wait until the first one
    has ended."""
    drop_below: Annotated[float, Range(-1_000, 0)] = -4.0
    """A model with candidates drops those whose logit is below this; -4 is a probability of 1.8%."""
    give_up_below: Annotated[float, Range(-1_000, 1_000)] = -1.0
    """A model with candidates takes back its last guess if the value (the logit that the state has a solution) is below
    this."""
    temperature: Weight | None = None
    """Factor on the prior's sigma; for deterministic variants the standard deviation of test-time noise (PTRM). None
    means 1 for stochastic and 0 for deterministic variants."""


@dataclass(kw_only=True, frozen=True)
class TableConfig(Checked):
    """Description of your own data, so that weights can read and answer without the files. `gram train own` derives it
    from the files (gram.tasks.own.learn)."""

    files: tuple[Text, ...] = ()
    """The full paths of the files; published weights hold none."""
    kind: Literal["integers", "characters", "words"]
    """Kind of the symbols."""
    input_symbols: tuple[Symbol, ...]
    """Symbols of inputs, in order; integers as text. A symbol that is also in targets has the same token there."""
    target_symbols: tuple[Symbol, ...]
    """Symbols of targets, in order."""
    input_length: Length
    """Length of the longest input."""
    target_length: Length
    """Length of the longest target."""
    in_place: bool
    """Whether every target is as long as its input, so that the answer occupies the positions of the input."""
    even: bool = False
    """Whether all inputs have the same length, and all targets too."""
    check: Text | None = None
    """The Python function that checks an answer, "/path/file.py:function". It runs only on request."""
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
                raise ValueError(
                    f"table.{name} has {shown(symbol)}, which does not belong to {self.kind}; repair or remove it."
                )
            if len(set(symbols)) < len(symbols):
                raise ValueError(f"table.{name} has a duplicate symbol; remove one of them.")
        number = len({*self.input_symbols, *self.target_symbols})
        if number > SYMBOLS:
            raise ValueError(f"The table has {number} different symbols; at most {SYMBOLS} are allowed.")


@dataclass(kw_only=True, frozen=True)
class ColumnConfig(Checked):
    """A column of a table for completion."""

    name: Text
    """Name in the header."""
    values: tuple[Text, ...]
    """Values of its cells, in order; for a column with bins a value from the middle of each bin."""
    edges: tuple[float, ...] = ()
    """Boundaries between bins, one fewer than values; empty for a column without bins."""

    def __post_init__(self):
        super().__post_init__()
        if not self.values or len(self.values) > SYMBOLS - 1 or len(set(self.values)) < len(self.values):
            raise ValueError(
                f"column.values must hold 1 to {SYMBOLS - 1} distinct values; repair the column {self.name!r}."
            )
        ordered = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if self.edges and (len(self.edges) != len(self.values) - 1 or not ordered):
            raise ValueError(
                f"column.edges must increase and be one fewer than values; repair the column {self.name!r}."
            )


@dataclass(kw_only=True, frozen=True)
class RowsConfig(Checked):
    """Description of a table for completion; `gram train own --complete` derives it from the files
    (gram.tasks.own.rows)."""

    files: tuple[Text, ...] = ()
    """The full paths of the files; published weights hold none."""
    columns: tuple[ColumnConfig, ...]
    """The columns, in the order of the header."""
    left_out: tuple[Text, ...] = ()
    """Columns with a different value in every row, from which nothing can be learned."""

    def __post_init__(self):
        super().__post_init__()
        if len({column.name for column in self.columns}) < len(self.columns) or not self.columns:
            raise ValueError("rows.columns must hold at least one column, with distinct names; repair them.")


@dataclass(kw_only=True, frozen=True)
class ArcConfig(Checked):
    """The ARC puzzles of the tasks "arc-1" and "arc-2" (gram.tasks.arc). `gram train` fills in `names` and `contents`
    from the files, so that weights can answer without them."""

    known: tuple[Text, ...] = ()
    """Files whose puzzles are trained on with all pairs (a fifth of them, for development, without the test pairs)."""
    more: tuple[Text, ...] = ()
    """Further such files, used if they exist."""
    asked: tuple[Text, ...] = ()
    """Files whose demonstrations are trained on and whose test inputs are answered."""
    variants: Annotated[int, Range(1, 10_000)] = 8
    """Views of each puzzle (rotated, mirrored, colors permuted) that are learned, each with its own identity, and that
    vote."""
    translate: bool = False
    """In training, put grids anywhere on the canvas, not only in its corner."""
    names: tuple[PuzzleName, ...] = ()
    """Names of the puzzles, by number."""
    contents: tuple[Content, ...] = ()
    """Checksums of their demonstrations."""

    def __post_init__(self):
        super().__post_init__()
        if len(self.names) != len(self.contents) or len(set(self.names)) < len(self.names):
            raise ValueError("arc.names and arc.contents must have the same length, without duplicate names.")
        if len(self.names) * self.variants > IDENTITIES:
            raise ValueError(
                f"arc has {len(self.names)} names of {self.variants} variants; at most {IDENTITIES:,} are allowed."
            )


@dataclass(kw_only=True, frozen=True)
class Config(Checked):
    """One experiment: task, data, network, training, answering."""

    recipe: Name
    """Name of the recipe."""
    task: Name
    """Name of the task, see gram.tasks."""
    data: tuple[Text, ...] = ()
    """Training files, relative to the data folder; empty for the task's own generated examples. For the task "own" your
    own data (.jsonl, .csv, .npz), of which a part is held out; for ARC a file of puzzles to answer."""
    generated: Annotated[int, Range(0, 10_000_000)] = 0
    """Generated examples in the training besides those of the files, for tasks that have a generator."""
    dev: tuple[Text, ...] = ()
    """Files for evaluation during training, likewise."""
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    solve: SolveConfig = field(default_factory=SolveConfig)
    table: TableConfig | None = None
    """Description of your own data; only for the task "own"."""
    rows: RowsConfig | None = None
    """Description of a table for completion; only for the task "own", instead of `table`."""
    arc: ArcConfig | None = None
    """The ARC puzzles; only for "arc-1" and "arc-2"."""


def read_config(path: Path) -> Config:
    """A Config from its JSON file. ValueError if the file is damaged or invalid."""
    try:
        return from_dict(Config, strict_json.read_object(path, "restore it from a backup or train again"))
    except ValueError as error:
        message = str(error)
    raise ValueError(message if str(path) in message else f"{path}: {message}")


def differences(one: Config, other: Config) -> dict[str, tuple[Any, Any]]:
    """The fields in which two configs differ, by dotted name ("train.lr"), with the values of both."""
    a, b = _flat(to_dict(one)), _flat(to_dict(other))
    return {name: (a.get(name), b.get(name)) for name in {**a, **b} if a.get(name) != b.get(name)}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found
