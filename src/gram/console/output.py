"""`--output FILE`: one record per answer as CSV, JSON Lines or Parquet; the file is written completely or not at
all."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gram.atomic import whole

CHUNK = 4096
"""Records per row group of Parquet."""


class Records:
    """A writer of records; this one writes nothing."""

    def __init__(self):
        self.number = 0

    def add(self, record: dict[str, Any]) -> None:
        """Add a record with the same keys as the first."""
        self.number += 1

    def close(self) -> None:
        """Finish the file."""


class Lines(Records):
    """JSON Lines: one object per line."""

    def __init__(self, path: Path):
        super().__init__()
        self.file = open(path, "w", encoding="utf-8")  # noqa: SIM115  until `close`

    def add(self, record: dict[str, Any]) -> None:
        super().add(record)
        self.file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        self.file.close()


class Comma(Records):
    """CSV with a header. None is an empty cell; a list is JSON."""

    def __init__(self, path: Path):
        super().__init__()
        self.file = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115  until `close`
        self.writer = csv.writer(self.file)

    def add(self, record: dict[str, Any]) -> None:
        if not self.number:
            self.writer.writerow(record)
        super().add(record)
        cells = [json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in record.values()]
        self.writer.writerow(cells)

    def close(self) -> None:
        self.file.close()


class Parquet(Records):
    """Parquet with the types of the Python values: text, numbers, booleans, lists of them."""

    def __init__(self, path: Path):
        import pyarrow
        import pyarrow.parquet

        super().__init__()
        self.arrow, self.path = pyarrow, path
        self.writer: Any = None
        self.held: list[dict[str, Any]] = []

    def add(self, record: dict[str, Any]) -> None:
        super().add(record)
        self.held.append(record)
        if len(self.held) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write the buffered records."""
        if self.writer is None:
            self.writer = self.arrow.parquet.ParquetWriter(self.path, self.schema())
        self.writer.write_table(self.arrow.Table.from_pylist(self.held, self.writer.schema))
        self.held = []

    def schema(self) -> Any:
        """The schema from the first records; a field that is None in all of them gets its usual type."""
        arrow = self.arrow
        later = {"answer": arrow.string(), "valid": arrow.bool_(), "steps": arrow.int64(), "value": arrow.float64()}
        later |= {"exist": arrow.int64(), "unique": arrow.bool_(), "right": arrow.int64()}
        found = arrow.Table.from_pylist(self.held).schema
        fields = []
        for field in found:
            kind = field.type
            if arrow.types.is_list(kind) and arrow.types.is_null(kind.value_type):
                kind = arrow.list_(arrow.string())
            elif arrow.types.is_null(kind):
                kind = later.get(field.name, arrow.string())
            fields.append(arrow.field(field.name, kind))
        return arrow.schema(fields)

    def close(self) -> None:
        if self.held:
            self.flush()
        if self.writer is not None:
            self.writer.close()


KINDS: dict[str, Callable[[Path], Records]] = {".csv": Comma, ".parquet": Parquet, ".jsonl": Lines}


def check_output(path: Path, *others: str) -> None:
    """ValueError or FileExistsError for a file that cannot be written, before answering. others: further allowed
    suffixes."""
    known = [*KINDS, *others]
    if path.suffix.lower() not in known:
        raise ValueError(
            f"{path} does not end in one of {', '.join(known)}; the suffix of --output decides the format."
        )
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists; give a new file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; create it, or write {path.name} elsewhere.")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ValueError(
                f"{path} needs pyarrow; run pip install 'gram-reasoning[tables]', or write a .csv or .jsonl."
            ) from None


@contextmanager
def records(path: Path | None) -> Iterator[Records]:
    """A writer for the new file `path`, whose suffix decides the format; None writes nothing. The file appears only if
    the block succeeds."""
    if path is None:
        yield Records()
        return
    with whole(path) as temporary:
        taker = KINDS[path.suffix.lower()](temporary)
        try:
            yield taker
        finally:
            taker.close()
