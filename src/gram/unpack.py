"""Compressed files of anybody: a small one may hold gigabytes, so what it becomes is bounded, here for all readers."""

import gzip
import io
import os
import zipfile

LEAST = 64 << 20
"""Bytes that any file may unpack to."""
RATIO = 30
"""A larger file may unpack to so many times its size: text of puzzles shrinks to a twentieth at best."""
VARIABLE = "GRAM_UNPACKED_MB"
"""Environment variable that takes the place of both, in millions of bytes."""


class Refused(ValueError):
    """What is not unpacked, and what to do about it."""


def most(packed: int) -> int:
    """Bytes that a file of `packed` bytes may unpack to. Refused if the environment says no number."""
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        return max(LEAST, RATIO * packed)
    if not asked.isdecimal() or not asked.isascii() or len(asked) > 9:
        raise Refused(f"{VARIABLE} is {asked[:40]!r}; it must be a whole number of millions of bytes.")
    return int(asked) * 1_000_000


def gunzip(data: bytes, where: str) -> bytes:
    """The content of a gzip file. Refused, with a sentence that begins with `where`, if it is larger than `most`;
    EOFError, OSError or zlib.error if it is damaged."""
    limit = most(len(data))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        parts, size = [], 0
        while part := file.read1(1 << 20):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise too_large(where, limit)
    return b"".join(parts)


def check_archive(archive: zipfile.ZipFile, packed: int, where: str) -> None:
    """Refused if the files of a zip of `packed` bytes say that they are larger than `most` together. None gives more
    than it says."""
    limit = most(packed)
    if sum(info.file_size for info in archive.infolist()) > limit:
        raise too_large(where, limit)


def too_large(where: str, limit: int) -> Refused:
    return Refused(
        f"{where} unpacks to more than {limit / 1e6:,.0f} MB; if you trust it, set {VARIABLE} to the millions of bytes "
        "that it may have."
    )
