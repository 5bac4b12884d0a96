"""gram train: every field of a recipe is an option."""

import dataclasses
import os
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from gram.cli.parse import parse
from gram.config import ArcConfig, Config, RowsConfig, TableConfig
from gram.console.options import Computing
from gram.messages import log

FLAGS = ("--trust-check", "--add-symbols", "--complete", "--quiet", "--verbose")


@dataclasses.dataclass(kw_only=True, frozen=True)
class TrainArguments(Config, Computing):
    """Train a recipe; every field can be changed by its name."""

    minutes: float | None = None
    """Wall-clock budget from the command to the weights, including compilation, heads and evaluations."""
    target: float | None = None
    """Stop when this share of samples on dev puzzles is correct, such as 0.95."""
    out: Path | None = None
    """Run folder; by default runs/RECIPE-SEED."""
    resume: Path | None = None
    """Continue the run in this folder with its own config (other options change it)."""
    start: str | None = None
    """Start from these weights (shipped ones by name, or a folder) of the same network, such as maze-10 for maze-30,
    instead of new ones."""
    add_symbols: bool = False
    """For the recipe own with --start: add symbols that the weights do not know."""
    complete: bool = False
    """For the recipe own: --data is a table (CSV or Parquet with a header); any part of a row is completed from the
    rest."""
    bins: int | None = None
    """With --complete: columns with more distinct numbers than this get this many bins of equally many rows."""
    split: Literal["words"] | None = None
    """For the recipe own: text is words separated by spaces instead of characters."""
    input_key: str | None = None
    """For the recipe own: the key, column or array that holds the inputs, if it has another name."""
    target_key: str | None = None
    """The same for the targets."""
    stop_at: int | None = None
    """Stop after this update with a checkpoint. On a CPU, 200 updates and resuming equal 400 at once, bit for bit."""
    check: str | None = None
    """For the recipe own, the function that checks an answer: file.py:function, called with input and answer."""
    trust_check: bool = False
    """Run the check that a resumed run names. It is code, so read it first if the run is not yours."""
    track: Literal["tensorboard", "trackio", "wandb"] | None = None
    """Also send the metrics to a tracker; TensorBoard files are in the run folder (pip install
    'gram-reasoning[track]'). If a tracker cannot be reached, there is one message and training continues."""
    table: Annotated[TableConfig | None, tyro.conf.Suppress] = None
    rows: Annotated[RowsConfig | None, tyro.conf.Suppress] = None
    arc: Annotated[ArcConfig | None, tyro.conf.AvoidSubcommands] = None
    """The ARC puzzles; only for arc-1 and arc-2."""


def train(arguments: list[str]) -> int:
    """gram train RECIPE [--field value ...] [--minutes M] [--out DIR], or gram train [RECIPE] --resume DIR."""
    began = time.monotonic()
    from gram import recipes
    from gram import weights as weight_files

    named = arguments[0] if arguments and not arguments[0].startswith("-") else None
    rest = arguments[1:] if named else arguments
    rest = [part for word in rest for part in ((word, "True") if word in FLAGS else (word,))]  # a flag, as elsewhere
    pairs = zip(rest, [*rest, ""][1:], strict=True)
    resumed = [b if a == "--resume" else a[9:] for a, b in pairs if a == "--resume" or a.startswith("--resume=")]
    if resumed:
        run = Path(resumed[-1])
        if not (run / weight_files.CONFIG).is_file():
            raise FileNotFoundError(f"{run} has no run to resume; give the folder of an earlier `gram train`.")
        default = weight_files.read(run)
        if named and named != default.recipe:
            raise ValueError(f"{run} is a run of {default.recipe}, not of {named}; leave out the recipe to resume it.")
    elif named:
        default = recipes.recipe(named)
    elif {"-h", "--help"} & set(rest):
        default = recipes.recipe("queens-8")
    else:
        raise ValueError(f"Name a recipe after `gram train`: {', '.join(recipes.names())}.")
    given = parse(TrainArguments, rest, "gram train RECIPE", **options(default))
    with given.applied():
        return begin(given, default, began)


def options(default: Config) -> dict[str, Any]:
    """How the arguments are read that change `default`: every field takes a value, as in --train.compile False."""
    fields = {f.name: getattr(default, f.name) for f in dataclasses.fields(Config)}
    return {"default": TrainArguments(**fields), "config": (tyro.conf.FlagConversionOff,)}


def begin(given: TrainArguments, default: Config, began: float) -> int:
    """Train what is asked for, a recipe `default` with changes, or go on with it."""
    from gram import weights as weight_files
    from gram.recipes.ignored import ignored
    from gram.tasks.arc import task as arc
    from gram.tasks.base import OWN
    from gram.tasks.own import learn as own
    from gram.tasks.own import rows as completion
    from gram.train import loop

    asked = Config(**{f.name: getattr(given, f.name) for f in dataclasses.fields(Config)})
    unread = list(ignored(asked, default))
    start = None if given.start is None else weight_files.find(given.start)
    before = None
    if start is not None and asked.task == OWN and not given.complete:
        first = weight_files.read(start)
        if first.table is None:
            raise ValueError(f"{given.start} holds weights of {first.task}, not of your own data; leave out --start.")
        before = first.table
        if asked.model == default.model:
            answers = "one" if first.train.answers == "one" else asked.train.answers
            train = dataclasses.replace(asked.train, answers=answers)
            asked = dataclasses.replace(asked, model=first.model, train=train)
    if given.complete or asked.rows is not None:
        if given.check is not None or given.start is not None:
            raise ValueError("Completion has no check and starts from new weights; leave out --check and --start.")
        if given.split or given.input_key or given.target_key:
            raise ValueError("Completion reads the columns of a table; leave --split and the keys out.")
        config = completion.describe_rows(asked, given.bins)
        if config.rows is not None and config.rows.left_out:
            names = ", ".join(config.rows.left_out)
            log.warning(f"Left out, since every row has a different value: {names}.")
    else:
        names = own.named_by(given.input_key, given.target_key, given.split == "words", before)
        config = own.describe(
            asked, given.check, trust=given.trust_check, start=before, add=given.add_symbols, names=names
        )
    config = arc.describe(config)
    if given.minutes is not None:
        config = dataclasses.replace(config, train=dataclasses.replace(config.train, minutes=given.minutes))
    if given.target is not None:
        config = dataclasses.replace(config, train=dataclasses.replace(config.train, target=given.target))
    if config.train.minutes is not None and not config.train.minutes > 0:
        raise ValueError(f"minutes is {config.train.minutes}; it must be above 0.")
    for sentence in unread:
        log.warning(f"Warning: {sentence}")
    out = given.resume or given.out or Path("runs") / f"{config.recipe}-{config.train.seed}"
    try:
        resume = given.resume is not None
        how = {"stop_at": given.stop_at, "start": start, "began": began, "track": given.track}
        loop.train(config, out, resume=resume, trust=True, **how)
    except loop.Interrupted as error:
        raise KeyboardInterrupt(str(error)) from None
    if os.environ.get("RANK", "0") != "0":
        return 0  # the first of several processes says it
    if given.stop_at is not None:
        print(f"Stopped as requested; continue with gram train --resume {out}")
    else:
        print(f"The weights are in {out}; evaluate them with gram eval {config.task} --weights {out}")
    return 0
