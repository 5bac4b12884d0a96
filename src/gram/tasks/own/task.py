"""Your own data as a task: pairs of input and target, read from files (own/files.py).

Tokens: 0 pad, 1 nothing, from 2 the symbols of inputs and targets in one order, so that a symbol which both use has one
token. Nothing stands where a sequence has ended, and where an answer is to come. If every target is as long as its
input, the answer stands in place, at the positions of the input (a repair changes symbols where they are). Otherwise
it follows the input, whose positions say nothing about it. An answer ends at its first nothing, so lengths come back.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gram.config import Config, TableConfig
from gram.tasks.base import OWN, Renumbering, Symmetry, Task
from gram.tasks.data.files import text_of
from gram.tasks.own.check import judge, load_check, withheld
from gram.tasks.own.files import Names, Written, inputs_of, kind_of, read_pairs
from gram.tasks.reading.containers import Held
from gram.tasks.reading.content import Found, brief
from gram.tasks.spec import PAD, SPLITS, Examples, TaskSpec, Tokens, splits_of

NOTHING = 1
BLANK = "\ufffd"
"""Shown in place of an unknown symbol that was read as a blank."""
UNKNOWN = 10**20
"""An integer that is no symbol: those have 19 digits at most."""


class Table(Task):
    """The task that a TableConfig describes.

    With a check, an answer is right if the check accepts it. Without, only if it is one of the known targets: those of
    the files that `examples` or `load` have read, so that answers to new inputs cannot be judged (`checkable`).

    The check that `config` names runs only with `trust`, since the author of the configuration chose it. `check`
    (file.py:function) replaces it."""

    paired = True

    def __init__(self, config: TableConfig, *, trust: bool = False, check: str | None = None):
        self.config, self.even = config, config.even
        order = int if config.kind == "integers" else str
        self.symbols = sorted({*config.input_symbols, *config.target_symbols}, key=order)
        self._token_of = {symbol: token for token, symbol in enumerate(self.symbols, NOTHING + 1)}
        start = 0 if config.in_place else config.input_length
        self.spec = TaskSpec(
            name=OWN,
            length=start + config.target_length,
            vocabulary=NOTHING + 1 + len(self.symbols),
            answer_start=start,
        )
        self._limits = {
            "input": (config.input_length, frozenset(config.input_symbols)),
            "target": (config.target_length, frozenset(config.target_symbols)),
        }
        where = check if check is not None else config.check if trust else None
        self._where = where
        self._check = load_check(where) if where is not None else None
        self.withheld = config.check if self._check is None else None
        self.checkable = self._check is not None
        self.names = names_of(config)
        others = {*config.input_symbols} - {*config.target_symbols}
        self._hole = self._token_of[others.pop()] if len(others) == 1 else None
        self.blank_unknown = False
        """Whether unknown symbols of an input read as blanks instead of being refused."""
        self._known: dict[bytes, set[bytes]] = {}  # targets of each input that was read

    def __getstate__(self) -> dict[str, Any]:
        """A function of a file is read from there again."""
        return self.__dict__ | {"_check": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._check = load_check(self._where) if self._where is not None else None

    @property
    def unchecked(self) -> str:
        if self.withheld is None:
            return super().unchecked
        return f"{withheld(self.withheld)} Or answer without it, by --select majority and no --want."

    def blank_unknowns(self) -> None:
        if self.checkable:
            super().blank_unknowns()
        self.blank_unknown = True

    def use_keys(self, input: str | None, target: str | None) -> None:
        self.names = self.names._replace(input=input or self.names.input, target=target or self.names.target)

    def renumbered(self, config: Config) -> Renumbering | None:
        """Tokens are numbered in the order of symbols."""
        known = self.symbols if config.table is None else Table(config.table).symbols
        if known == self.symbols:
            return None
        now = [PAD, NOTHING, *(self._token_of[symbol] for symbol in known)]
        return Renumbering(np.array(now), [symbol for symbol in self.symbols if symbol not in known])

    # text -------------------------------------------------------------------------------------------------
    def encode(self, puzzle: str) -> Tokens:
        """Characters as they are, words with spaces, or integers with spaces or commas between them -> (L,). ValueError
        for what no input of the files holds, and for an input that is longer than any of them."""
        if self.config.kind == "characters":
            return self._puzzle(puzzle)
        if self.config.kind == "words":
            return self._puzzle(puzzle.split())
        words = re.split(r"[\s,]+", puzzle.strip(" \t\n,"))
        wrong = [word for word in words if not re.fullmatch(r"-?[0-9]{1,40}", word) and not self._blank(word)]
        if wrong:
            raise ValueError(f"{brief(wrong[0])} is not an integer; write the input as 3 1 2.")
        return self._puzzle([UNKNOWN if self._blank(word) else int(word) for word in words])

    def _blank(self, word: str) -> bool:
        return self.blank_unknown and word == BLANK

    def decode(self, tokens: Tokens) -> str:
        """(L,) -> characters, or integers or words with spaces between them."""
        return self._text(self._written(tokens[self.spec.answer_start :]))

    def show(self, tokens: Tokens) -> str:
        shown = tokens[: self.config.input_length]
        held = np.flatnonzero(shown > NOTHING)
        shown = shown[: held[-1] + 1] if len(held) else shown[:1]
        words = [self.symbols[t - NOTHING - 1] if t > NOTHING else BLANK for t in shown.tolist()]
        return ("" if self.config.kind == "characters" else " ").join(words)

    def render(self, puzzle: Tokens, answer: Tokens | None = None) -> str:
        """The input; with an answer both, one below the other."""
        return self.show(puzzle) + ("" if answer is None else f"\n{self.decode(answer)}")

    def take(self, held: Held, base: int | None = None) -> Found:
        """The inputs of a file of one of TABLES, targets left aside; of any other file, unless it holds one of these
        forms all the same, each line that is not blank."""
        found = inputs_of(held, self.config.kind, self.names)
        if found is not None:
            return Found([self._text(written) for written in found])
        return Found([line for line in text_of(held).splitlines() if line.strip()])

    # rules ------------------------------------------------------------------------------------------------
    def conflicts(self, puzzles: Tokens, answers: Tokens) -> np.ndarray:
        """(B,) int64: 0 for a right answer, 1 for any other. ValueError if the check raises or returns no bool."""
        answers = self.canonical(answers)
        return np.array([not self._right(p, a) for p, a in zip(puzzles, answers, strict=True)], np.int64)

    def _right(self, puzzle: Tokens, answer: Tokens) -> bool:
        part = answer[self.spec.answer_start :]
        if not ((part > PAD) & (part < self.spec.vocabulary)).all():
            return False
        if self._check is None:
            return part.tobytes() in self._known.get(puzzle.tobytes(), ())
        return judge(self._check, self._written(puzzle[: self.config.input_length]), self._written(part))

    def solutions(self, puzzle: Tokens, limit: int | None = None, budget: int | None = None) -> Tokens:
        raise NotImplementedError("The answers of your own data cannot be enumerated.")

    # guesses ----------------------------------------------------------------------------------------------
    def open(self, puzzles: Tokens) -> np.ndarray:
        """Behind the input what holds nothing; in place the holes, if inputs have one symbol that no target has. Of
        several, each might tell something."""
        if self.config.in_place and self._hole is None:
            raise ValueError("Inputs have no symbol for holes, which targets lack; leave model.guesses false.")
        if self.config.in_place:
            return puzzles == self._hole
        return (puzzles == NOTHING) & (np.arange(puzzles.shape[1]) >= self.spec.answer_start)

    def drawable(self) -> np.ndarray:
        """The symbols of targets, and nothing behind their end."""
        of_targets = [self._token_of[symbol] for symbol in self.config.target_symbols]
        return np.isin(np.arange(self.spec.vocabulary), of_targets if self.even else [NOTHING, *of_targets])

    def given(self, tokens: Tokens) -> Tokens:
        """Padding stands where an answer is known to have ended."""
        return np.where(tokens == NOTHING, np.uint8(PAD), tokens)

    # symmetries -------------------------------------------------------------------------------------------
    def symmetry(self, rng: np.random.Generator, batch: int) -> Symmetry:
        """None is known: the identity."""
        L, V = self.spec.length, self.spec.vocabulary
        return Symmetry(np.tile(np.arange(L), (batch, 1)), np.tile(np.arange(V), (batch, 1)))

    def canonical(self, answers: Tokens) -> Tokens:
        """Blank everything after the first blank of an answer."""
        part = answers[:, self.spec.answer_start :]
        ended = np.logical_or.accumulate(part == NOTHING, axis=1)
        return np.concatenate([answers[:, : self.spec.answer_start], np.where(ended, np.uint8(NOTHING), part)], axis=1)

    # data -------------------------------------------------------------------------------------------------
    def examples(self, split: str, seed: int = 0, count: int | None = None) -> Examples:
        """The inputs of the files whose content falls into `split`, with their targets; a seeded sample of `count` of
        them at most. ValueError if none does: the files are too small."""
        if split not in SPLITS:
            raise ValueError(f"There is no split {split!r}; the splits are {', '.join(SPLITS)}.")
        found, splits = self._everything
        rows = np.flatnonzero(splits == split)
        if not len(rows):
            raise ValueError(
                f"None of the {len(found)} inputs falls into {split} (5% are test, 10% dev); give more data."
            )
        return found.select(np.sort(np.random.default_rng(seed).permutation(rows)[:count]))

    @functools.cached_property
    def _everything(self) -> tuple[Examples, np.ndarray]:
        """All that the files hold, and the split of each input."""
        if not self.config.files:
            raise ValueError("These weights do not say where their data are; give the files with --data.")
        found = self.load([Path(name) for name in self.config.files])
        return found, splits_of(found.inputs)

    def load(self, paths: Sequence[Path]) -> Examples:
        """Inputs and targets of files, each input once. ValueError names a line that does not fit the description."""
        targets_of: dict[bytes, dict[bytes, None]] = {}
        for pairs in (pairs for path in paths for pairs in read_pairs(path, names=self.names)):
            try:
                puzzle = self._puzzle(pairs.input).tobytes()
                targets = [self._target(target).tobytes() for target in pairs.targets]
            except ValueError as error:
                raise ValueError(f"{pairs.where}: {error}") from None
            targets_of.setdefault(puzzle, {}).update(dict.fromkeys(targets))
        start = self.spec.answer_start
        for puzzle, targets in targets_of.items():
            self._known.setdefault(puzzle, set()).update(target[start:] for target in targets)
        counts = [len(targets) for targets in targets_of.values()]
        return Examples(
            self._stack(list(targets_of)),
            self._stack([target for targets in targets_of.values() for target in targets]),
            np.cumsum([0, *counts]).astype(np.int64),
        )

    # between tokens and what was written ------------------------------------------------------------------
    def _stack(self, rows: list[bytes]) -> Tokens:
        return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, self.spec.length)

    def _puzzle(self, written: Written) -> Tokens:
        if not written:
            raise ValueError("The input is empty; it needs one symbol at least.")
        known = self._tokens(written, "input")
        tokens = np.full(self.spec.length, NOTHING, np.uint8)
        tokens[: len(known)] = known
        return tokens

    def _target(self, written: Written) -> Tokens:
        known = self._tokens(written, "target")
        start = self.spec.answer_start
        tokens = np.full(self.spec.length, NOTHING, np.uint8)
        tokens[:start] = PAD
        tokens[start : start + len(known)] = known
        return tokens

    def _tokens(self, written: Written, what: str) -> list[int]:
        longest, symbols = self._limits[what]
        if kind_of(written) not in (self.config.kind, None):
            raise ValueError(f"The {what} {brief(written)} is not made of {self.config.kind}, as the known ones are.")
        if len(written) > longest:
            raise ValueError(f"The {what} has {len(written)} symbols, but the longest known has {longest}; shorten it.")
        if what == "input" and self.blank_unknown:
            return [self._token_of[symbol] if symbol in symbols else NOTHING for symbol in map(str, written)]
        unknown = list(dict.fromkeys(symbol for symbol in map(str, written) if symbol not in symbols))
        if unknown:
            some = " ".join([symbol for symbol in self.symbols if symbol in symbols][:40])
            named = (
                "symbol " + repr(unknown[0]) if len(unknown) == 1 else "symbols " + ", ".join(map(repr, unknown[:9]))
            )
            are = "is" if len(unknown) == 1 else "are"
            raise ValueError(f"The {named} {are} in no {what} that is known; known are {some}.")
        return [self._token_of[str(symbol)] for symbol in written]

    def _written(self, tokens: Tokens) -> Written:
        """Tokens up to the first that is no symbol, as the owner of the data would write them."""
        ends = np.flatnonzero(tokens <= NOTHING)
        symbols = [self.symbols[t - NOTHING - 1] for t in tokens[: ends[0] if len(ends) else None].tolist()]
        return written_of(symbols, self.config.kind)

    def _text(self, written: Written) -> str:
        return written if isinstance(written, str) else " ".join(map(str, written))


def names_of(config: TableConfig) -> Names:
    """How the files of a table name their inputs and targets, and whether their text is words."""
    plain = Names()
    return Names(config.input_key or plain.input, config.target_key or plain.target, config.kind == "words")


def written_of(symbols: list[str], kind: str) -> Written:
    """Symbols as the owner of the data would write them."""
    if kind == "integers":
        return [int(symbol) for symbol in symbols]
    return symbols if kind == "words" else "".join(symbols)
