"""Limits for compressed files from others: a small file may unpack to gigabytes. Used by all readers."""

import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

LEAST = 64 << 20
"""Bytes to which any file may unpack."""
RATIO = 30
"""Larger files may unpack to this many times their size; text of puzzles shrinks to a twentieth at best."""
VARIABLE = "GRAM_UNPACKED_MB"
"""Environment variable that replaces both limits, in millions of bytes."""


class Refused(ValueError):
    """A file that is too large to unpack; the message says what to do."""


def most(packed: int) -> int:
    """Bytes to which a file of `packed` bytes may unpack. Refused if the environment variable is not a number."""
    asked = os.environ.get(VARIABLE, "")
    if not asked:
        return max(LEAST, RATIO * packed)
    if not asked.isdecimal() or not asked.isascii() or len(asked) > 9:
        raise Refused(f"{VARIABLE} is {asked[:40]!r}; it must be a whole number of millions of bytes.")
    return int(asked) * 1_000_000


def gunzip(data: bytes, where: str) -> bytes:
    """The content of a gzip file. Refused, with a sentence that starts with `where`, if it is larger than `most`
    allows; EOFError, OSError or zlib.error if it is damaged."""
    limit = most(len(data))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        parts, size = [], 0
        while part := file.read1(1 << 20):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise too_large(where, limit)
    return b"".join(parts)


class _Counted(io.RawIOBase):
    """What `file` gives, up to `limit` bytes."""

    def __init__(self, file: gzip.GzipFile, where: str, limit: int):
        self.file, self.where, self.limit, self.left = file, where, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        part = self.file.read1(len(buffer))
        self.left -= len(part)
        if self.left < 0:
            raise too_large(self.where, self.limit)
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self.file.close()
        super().close()


def opened(path: Path, where: str) -> BinaryIO:
    """A gzip file to read part by part, for what is too large to hold. Reading is Refused, with a sentence that begins
    with `where`, from the byte on that is more than `most`; EOFError, OSError or zlib.error if it is damaged."""
    limit = most(path.stat().st_size)
    return io.BufferedReader(_Counted(gzip.GzipFile(path), where, limit), 1 << 16)


def check_archive(archive: zipfile.ZipFile, packed: int, where: str) -> None:
    """Refused if the declared sizes in a ZIP of `packed` bytes exceed `most`. No entry yields more than its declared
    size."""
    limit = most(packed)
    if sum(info.file_size for info in archive.infolist()) > limit:
        raise too_large(where, limit)


def too_large(where: str, limit: int) -> Refused:
    return Refused(
        f"{where} unpacks to more than {limit / 1e6:,.0f} MB; if you trust it, set {VARIABLE} to the millions of bytes "
        "to allow."
    )
