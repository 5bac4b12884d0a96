"""Answers on their way to `--output`: at once, or kept in FILE.part as they come, so that the same command continues
after it was killed."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from gram.atomic import alone
from gram.cluster import VERSION
from gram.console.output import Records, records
from gram.fields import to_dict
from gram.messages import log
from gram.tasks.spec import Tokens

if TYPE_CHECKING:
    from gram.solve.reasoner import Reasoner

SUFFIX = ".part"


class Kept:
    """The records of one command; these go to the output at once."""

    solved = 0
    """Valid answers of earlier commands."""

    def __init__(self, taken: Records):
        self.taken = taken

    def __len__(self) -> int:
        """Answers of earlier commands."""
        return 0

    def left(
        self, reasoner: "Reasoner", numbered: Sequence[tuple[int, Tokens]], asked: dict[str, Any]
    ) -> list[tuple[int, Tokens]]:
        """The puzzles that are still to be answered, with these options."""
        return list(numbered)

    def add(self, record: dict[str, Any]) -> None:
        """Keep the record of one puzzle."""
        self.taken.add(record)


class Journal(Kept):
    """Records in a file of JSON lines: first what the answers depend on, then the records in the order in which they
    came. The last line is dropped if the end of its process has cut it."""

    def __init__(self, taken: Records, path: Path, file: BinaryIO):
        """`file`: `path`, open for reading and appending."""
        super().__init__(taken)
        self.path, self.file = path, file
        self.places: dict[int, int] = {}
        """Where the record of each puzzle begins, by number."""
        self.first: dict[str, Any] = {}
        """The first line."""

    def __len__(self) -> int:
        return len(self.places)

    def left(
        self, reasoner: "Reasoner", numbered: Sequence[tuple[int, Tokens]], asked: dict[str, Any]
    ) -> list[tuple[int, Tokens]]:
        """ValueError if the file has answers to other puzzles, or by other weights or options."""
        self.first = identity(reasoner, asked)
        self.file.seek(0)
        found = self.line()
        if found is None and not encoded(self.first).startswith(self.file.read()):
            raise self.damaged()
        if found not in (None, self.first):
            raise ValueError(
                f"{self.path} has answers by other weights, options or versions; remove it, or give another --output."
            )
        puzzles, place = dict(numbered), 0
        while found and (place := self.file.tell()) and (record := self.line()) is not None:
            number = record.get("number")
            if number not in puzzles or record.get("puzzle") != reasoner.task.show(puzzles[number]):
                raise ValueError(
                    f"{self.path} has answers to other puzzles; remove it, or give the same puzzles as before."
                )
            self.places[number] = place
            self.solved += bool(record.get("valid"))
        self.file.truncate(place)
        if self.places:
            log.info(f"{self.path} has {len(self)} of {len(numbered)} answers; the others follow.")
        return [(number, puzzle) for number, puzzle in numbered if number not in self.places]

    def line(self) -> dict[str, Any] | None:
        """The object on the next line; None, in its place, at the end or where it was cut. ValueError if it is none."""
        place, line = self.file.tell(), self.file.readline()
        if not line.endswith(b"\n"):
            self.file.seek(place)
            return None
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.damaged()
        return found

    def damaged(self) -> ValueError:
        return ValueError(f"{self.path} is damaged; remove it, or give another --output.")

    def add(self, record: dict[str, Any]) -> None:
        """The record then survives this process."""
        place = self.file.seek(0, os.SEEK_END) or self.file.write(encoded(self.first))
        self.file.write(encoded(record))
        self.file.flush()
        self.places[record["number"]] = place

    def finish(self) -> None:
        """Pass the records on, by number."""
        for number in sorted(self.places):
            self.file.seek(self.places[number])
            record = self.line()
            assert record is not None
            self.taken.add(record)


@contextmanager
def keeping(output: Path | None, *, continues: bool) -> Iterator[Kept]:
    """The records for the new file `output`; None writes nothing. `continues`: keep them in FILE.part until it is
    whole. Busy if another process does so."""
    if output is None or not continues:
        with records(output) as taken:
            yield Kept(taken)
        return
    path = output.with_name(output.name + SUFFIX)
    with alone(path) as file:
        try:
            with records(output) as taken:
                kept = Journal(taken, path, file)
                yield kept
                kept.finish()
            path.unlink()
        finally:
            if not file.seek(0, os.SEEK_END):
                path.unlink(missing_ok=True)


def encoded(record: dict[str, Any]) -> bytes:
    """A line."""
    return json.dumps(record).encode() + b"\n"


def identity(reasoner: "Reasoner", asked: dict[str, Any]) -> dict[str, Any]:
    """What the answers depend on beside the puzzles: version, weights, arithmetic and options."""
    from gram import weights as weight_files

    state = cast(Any, reasoner.network).model.state_dict()
    about = {"weights": weight_files.digest(state), "dtype": reasoner.network.dtype}
    about |= {"options": to_dict(reasoner.options(asked)), "asked": {k: v for k, v in asked.items() if v is not None}}
    return {"gram": VERSION, "sha256": hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()}
