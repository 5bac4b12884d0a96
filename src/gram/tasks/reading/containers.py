"""Bytes to text or arrays: gzip, zip, npy, npz and folders of them, Parquet, and any Unicode encoding.

Sizes are checked before anything of them is made."""

import gzip
import io
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gram import unpack
from gram.tasks.reading.parquet import MAGIC, text_of_parquet

LIMIT = 1 << 30
"""Bytes of an unpacked file at most."""
MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
INPUTS = "all__inputs.npy"
"""The inputs of a data set in the layout of the published HRM and TRM code."""


@dataclass(frozen=True)
class Held:
    """What a file or standard input holds, unpacked: text, or arrays by name."""

    where: str
    """Its name in messages."""
    name: str
    """Its file name, without `.gz`, which says the format of some."""
    text: str = ""
    arrays: dict[str, np.ndarray] | None = None
    form: tuple[str, ...] = ()


def unpacked(path: Path, where: str, limit: int = LIMIT) -> Held:
    """The text or the arrays of a file. FileNotFoundError; ValueError in one sentence that begins with `where`."""
    if path.is_dir():
        return _folder(path, where, limit)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {where}; give the path of a file of puzzles.")
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    return _held(data, path.name, where, limit, ())


def unpacked_bytes(data: bytes, where: str, limit: int = LIMIT) -> Held:
    """`unpacked` for what is no file, such as standard input."""
    return _held(data, where, where, limit, ())


def _held(data: bytes, name: str, where: str, limit: int, form: tuple[str, ...]) -> Held:
    if len(data) > limit:
        raise ValueError(f"{where} is larger than {limit / 1e6:,.0f} MB; split it into smaller files.")
    if data[:2] == b"\x1f\x8b":
        if form:
            raise ValueError(f"{where} is compressed twice; unpack it first.")
        return _held(_gunzip(data, where), name.removesuffix(".gz"), where, limit, ("gzip",))
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zip(data, name, where, limit, form)
    if data[:6] == b"\x93NUMPY":
        return Held(where, name, arrays={name.removesuffix(".npy"): array_of(data, where)}, form=(*form, "npy"))
    if data[:4] == MAGIC:
        text, ending = text_of_parquet(data, where, limit)
        return Held(where, name.removesuffix(".parquet") + ending, text, form=(*form, "Parquet"))
    text, encoding = decoded(data, where)
    return Held(where, name, text, form=(*form, encoding))


def _folder(path: Path, where: str, limit: int) -> Held:
    files = sorted(path.glob(INPUTS)) or sorted(path.glob(f"*/{INPUTS}"))
    if len(files) > 1:
        parts = " and ".join(str(file.parent) for file in files[:2])
        raise ValueError(f"{where} holds the puzzles of {parts}; give one of these folders.")
    if not files:
        raise ValueError(f"{where} is a folder without {INPUTS}; give a file of puzzles.")
    return unpacked(files[0], str(files[0]), limit)


def _gunzip(data: bytes, where: str) -> bytes:
    try:
        return unpack.gunzip(data, where)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{where} is a damaged gzip file ({error}); get it again.") from None


# arrays ---------------------------------------------------------------------------------------------------
def _zip(data: bytes, name: str, where: str, limit: int, form: tuple[str, ...]) -> Held:
    """An npz, or the only file of a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            unpack.check_archive(archive, len(data), where)
            if members and all(info.filename.endswith(".npy") for info in members):
                arrays = {
                    info.filename.removesuffix(".npy"): array_of(_member(archive, info), f"{where}, {info.filename}")
                    for info in members
                }
                return Held(where, name, arrays=arrays, form=(*form, "npz"))
            if len(members) != 1 or form:
                names = ", ".join(info.filename for info in members[:3]) or "none"
                raise ValueError(f"{where} is an archive of {len(members)} files ({names[:200]}); unpack one of them.")
            return _held(_member(archive, members[0]), members[0].filename, where, limit, ("zip",))
    except UnicodeDecodeError:
        raise ValueError(f"{where} is a damaged archive (a name in it is not UTF-8); get it again.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"{where} is a damaged or encrypted archive ({str(error)[:80]}); get it again.") from None


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member, of no more bytes than its entry says: those were counted."""
    with archive.open(info) as file:
        return file.read(info.file_size)


def array_of(data: bytes, where: str) -> np.ndarray:
    """The array of an npy file. ValueError if it is damaged, larger than the file, or no array of numbers and texts."""
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, TypeError, SyntaxError, EOFError, RecursionError, tokenize.TokenError) as error:
        raise ValueError(f"{where} is no npy file ({str(error)[:80]}); write it with numpy.save.") from None
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if dtype.kind not in "biufUS" or not dtype.itemsize or min(shape, default=0) < 0:
        raise ValueError(f"{where} is no array of plain numbers or texts but of {dtype}; convert it.")
    if count * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{where} has another size than its header says; write it with numpy.save.")
    array = np.frombuffer(data, dtype, offset=file.tell()) if count else np.zeros(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


# text -----------------------------------------------------------------------------------------------------
def decoded(data: bytes, where: str) -> tuple[str, str]:
    """Text of bytes, with line feeds at the ends of lines, and the name of its encoding."""
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data[:4096]:
        zeros = [data[first:4096:2].count(0) for first in (0, 1)]
        encoding = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError(f"{where} is neither text in UTF-8 or UTF-16 nor arrays of numpy; save it as UTF-8.")
    shown = encoding.replace("-sig", "").replace("-le", "").replace("-be", "").upper()
    return text.replace("\r\n", "\n").replace("\r", "\n"), shown
