"""Parquet to text: CSV, or JSON Lines where a column holds lists. Sizes are checked before anything is made of them.

So every task reads Parquet as it reads these. Needs pyarrow (extra `tables`).
"""

import csv
import datetime
import decimal
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

MAGIC = b"PAR1"
BATCH = 4096
"""Rows at once, fewer where a value may be long: a file may hold one long text and repeat it in every row."""


def text_of_parquet(data: bytes, where: str, limit: int) -> tuple[str, str]:
    """The text of a Parquet file and the ending that says its format, `.csv` or `.jsonl`. ValueError in one sentence
    that begins with `where`.

    A missing value is an empty cell. A column of decimal numbers that are all whole is written as integers, since that
    is how tables keep integers beside missing values.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ValueError(
            f"{where} is a Parquet file, which needs pyarrow; run pip install 'gram-reasoning[tables]', or write a CSV."
        ) from None
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        check_size(file.metadata, where, limit)
        names = file.schema_arrow.names
        values: list[list[Any]] = [[] for _ in names]
        for part in batches(file, where, limit):
            for column, found in zip(values, part, strict=True):
                column += found
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise ValueError(f"{where} is a damaged Parquet file ({said}); get it again.") from None
    columns = [plain(column, name, where) for name, column in zip(names, values, strict=True)]
    if any(isinstance(value, list) for column in columns for value in column):
        lines = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        kept = ({name: value for name, value in line.items() if value is not None} for line in lines)
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept), ".jsonl"
    return written(names, columns), ".csv"


def check_size(metadata: Any, where: str, limit: int) -> None:
    """ValueError for a file that is larger than `limit` bytes or has more cells than that when unpacked."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if max(size, metadata.num_rows * metadata.num_columns) > limit:
        raise ValueError(f"{where} is larger than {limit / 1e6:,.0f} MB unpacked; split it into smaller files.")


def batches(file: Any, where: str, limit: int) -> Iterator[list[list[Any]]]:
    """The columns of some rows at a time. No value is longer than the row group that holds it."""
    longest = max((file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)), default=1)
    size = 0
    for batch in file.iter_batches(batch_size=max(1, min(BATCH, 4 * limit // max(1, longest)))):
        size += batch.nbytes
        if size > limit:
            raise ValueError(f"{where} is larger than {limit / 1e6:,.0f} MB unpacked; split it into smaller files.")
        yield [column.to_pylist() for column in batch.columns]


def plain(column: Sequence[Any], name: str, where: str) -> list[Any]:
    """The values of a column as text, or as lists of integers and texts; None where one is missing. ValueError for
    what a table of text cannot hold."""
    found = [None if isinstance(value, float) and math.isnan(value) else value for value in column]
    numbers = [value for value in found if isinstance(value, float | decimal.Decimal)]
    whole = all(math.isfinite(value) and value == int(value) for value in numbers)
    return [None if value is None else of_value(value, whole, name, where) for value in found]


def of_value(value: Any, whole: bool, name: str, where: str) -> Any:
    """One value. whole: whether decimal numbers are written as integers."""
    if isinstance(value, str):
        return value
    if isinstance(value, float | decimal.Decimal):
        return str(int(value)) if whole else str(value)
    if isinstance(value, bool | int | datetime.date | datetime.time | datetime.timedelta):
        return str(value)
    if isinstance(value, list) and is_sequence(value):
        return value
    raise ValueError(
        f"{where}: the column {name[:60]} holds {type(value).__name__} values; keep text, numbers, dates, or lists of "
        "integers or texts."
    )


def is_sequence(value: list[Any], depth: int = 2) -> bool:
    """Whether a list holds integers or texts, or lists of them."""
    if all(isinstance(each, list) for each in value) and value and depth > 1:
        return all(is_sequence(each, depth - 1) for each in value)
    return all(isinstance(each, int | str) and not isinstance(each, bool) for each in value)


def written(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> str:
    """A CSV; a missing value is an empty cell."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(["" if value is None else value for value in row] for row in zip(*columns, strict=True))
    return file.getvalue()
