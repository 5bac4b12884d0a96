"""Describe your own data: the table of their files, derived before training."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np

from gram.config import Config, TableConfig
from gram.tasks.base import OWN
from gram.tasks.data.store import data_file
from gram.tasks.own.check import Check, judge, load_check, withheld
from gram.tasks.own.files import PLAIN, Names, Pairs, Written, kind_of, read_pairs
from gram.tasks.own.task import Table, names_of, written_of

MOST = 254
"""Maximum symbols, since tokens are bytes."""
PROBES = 20  # inputs on which the check is tried with answers of an untrained network


def describe(
    config: Config,
    check: str | None,
    *,
    trust: bool = False,
    start: TableConfig | None = None,
    add: bool = False,
    names: Names | None = None,
) -> Config:
    """`config` with the table of its data files, if its task is your own data. Files and check are read and tried
    first, so that errors are reported before anything is written.

    A resumed run already has its table, and `check` (file.py:function) replaces the one in it, which runs only with
    `trust`. `names`: how the files name what they hold; as the weights of `start`, or plainly. A run that
    begins with the weights of the table `start` keeps its symbols and lengths; with `add`, symbols that are new to it
    join. Without a check, "checked" cannot select and becomes "majority".
    FileNotFoundError or ValueError with one sentence."""
    if config.task != OWN:
        if check is not None:
            raise ValueError(f"The task {config.task} has its own rules; leave out --check.")
        if names is not None:
            raise ValueError(f"The task {config.task} is none of your own data; leave --split and the keys out.")
        return config
    if names is not None and not config.data:
        raise ValueError("--split, --input-key and --target-key say how --data is read; give --data FILE with them.")
    if check is not None:
        name, _, function = check.rpartition(":")
        check = f"{Path(name).resolve()}:{function}"
    if config.data:
        names = names or (Names() if start is None else names_of(start))
        table = learn([data_file(name) for name in config.data], check, names)
        table = table if start is None else continued(table, start, add=add)
    elif config.table is None:
        raise ValueError(
            f"The data are missing; run gram train {OWN} --data FILE with a .jsonl, .csv or .npz of inputs and targets."
        )
    else:
        if config.table.check is not None and check is None and not trust:
            raise ValueError(withheld(config.table.check))
        table = dataclasses.replace(config.table, check=check or config.table.check)
    task = Table(table, trust=True)  # given, or trusted
    for split in ("train", "dev"):
        task.examples(split)
    solve = config.solve
    if not task.checkable and solve.select == "checked":
        solve = dataclasses.replace(solve, select="majority")
    return dataclasses.replace(config, data=(), table=table, solve=solve)


def named_by(input: str | None, target: str | None, words: bool, start: TableConfig | None) -> Names | None:
    """What was said of the names in files, the rest as in `start`; None if nothing was."""
    if input is None and target is None and not words:
        return None
    known = Names() if start is None else names_of(start)
    return Names(input or known.input, target or known.target, words or known.words)


def learn(paths: list[Path], check: str | None = None, names: Names = PLAIN) -> TableConfig:
    """Symbols, lengths and kind of the pairs in `paths`, which are read by `names`. ValueError names the first
    line that does not fit the others, or whose target the check does not accept."""
    pairs = [pairs for path in paths for pairs in read_pairs(path, names=names)]
    if not pairs:
        raise ValueError(f"{', '.join(map(str, paths))} holds no data; write inputs and targets into it.")
    inputs = [one.input for one in pairs]
    targets = [target for one in pairs for target in one.targets]
    kind: Literal["integers", "characters", "words"] | None = None
    for one in pairs:
        if not one.input:
            raise ValueError(f"{one.where}: the input is empty; it needs one symbol at least.")
        for found in map(kind_of, (one.input, *one.targets)):
            kind = kind or found
            if found not in (kind, None):
                named = ["strings" if each == "characters" else each for each in (kind, found)]
                raise ValueError(f"{one.where}: some sequences are {named[0]} and some {named[1]}; write all alike.")
    assert kind is not None
    input_symbols, target_symbols = (_symbols(sequences, kind) for sequences in (inputs, targets))
    number = len({*input_symbols, *target_symbols})
    if number > MOST:
        ways = "; replace rare words by one, or write characters" if kind == "words" else ""
        raise ValueError(f"The data hold {number} different symbols; {MOST} is the most{ways}.")
    if check is not None:
        _try(load_check(check), pairs, target_symbols, kind)
    return TableConfig(
        files=tuple(str(path.resolve()) for path in paths),
        kind=kind,
        input_symbols=input_symbols,
        target_symbols=target_symbols,
        input_length=max(map(len, inputs)),
        target_length=max(1, *map(len, targets)),
        even=len(set(map(len, inputs))) == len(set(map(len, targets))) == 1,
        in_place=all(len(target) == len(one.input) for one in pairs for target in one.targets),
        check=check,
        input_key=None if names.input == PLAIN.input else names.input,
        target_key=None if names.target == PLAIN.target else names.target,
    )


def continued(new: TableConfig, old: TableConfig, *, add: bool) -> TableConfig:
    """The table of weights, `old`, for the files and the check of `new`: its lengths and symbols, with `add` those of
    `new` as well. ValueError names what does not fit."""
    if new.kind != old.kind:
        raise ValueError(f"The data are {new.kind}, and the weights know {old.kind}; train without --start.")
    for name in ("input", "target"):
        longest, known = getattr(new, f"{name}_length"), getattr(old, f"{name}_length")
        if longest > known:
            raise ValueError(
                f"The longest {name} has {longest} symbols, and the weights were made for {known}; leave such lines "
                "out, or train without --start."
            )
    if old.in_place and not new.in_place:
        raise ValueError(
            "The weights need targets as long as their inputs, but some have another length; "
            "leave such lines out, or train without --start."
        )
    strange = new_symbols(new, old)
    if strange and not add:
        raise ValueError(
            f"The weights do not know {'the symbol' if len(strange) == 1 else 'the symbols'} {' '.join(strange)}; "
            "add them with --add-symbols, leave such lines out, or train without --start."
        )
    order = int if old.kind == "integers" else str
    joined = {
        name: tuple(sorted({*getattr(old, name), *getattr(new, name)}, key=order))
        for name in ("input_symbols", "target_symbols")
    }
    keys = {"input_key": new.input_key, "target_key": new.target_key}
    return dataclasses.replace(old, files=new.files, check=new.check, **keys, **joined)


def new_symbols(new: TableConfig, old: TableConfig) -> list[str]:
    """The symbols of `new` that have no token in `old`, in order."""
    strange = {*new.input_symbols, *new.target_symbols} - {*old.input_symbols, *old.target_symbols}
    return sorted(strange, key=int if old.kind == "integers" else str)


def _symbols(sequences: list[Written], kind: str) -> tuple[str, ...]:
    found = {str(symbol) for sequence in sequences for symbol in sequence}
    return tuple(sorted(found, key=int if kind == "integers" else str))


def _try(check: Check, pairs: list[Pairs], symbols: tuple[str, ...], kind: str) -> None:
    """A check must accept all targets, and stand answers of any length."""
    for one in pairs:
        for target in one.targets:
            if not judge(check, one.input, target):
                raise ValueError(f"{one.where}: the check does not accept this target; repair one of them.")
    rng = np.random.default_rng(0)
    longest = max(len(target) for one in pairs for target in one.targets)
    for i, one in enumerate(pairs[:PROBES]):
        drawn = [str(s) for s in rng.choice(symbols, longest * i // PROBES)] if symbols else []
        judge(check, one.input, written_of(drawn, kind))
