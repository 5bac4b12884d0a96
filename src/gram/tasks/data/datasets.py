"""The public data sets by name: copied from a local folder or downloaded, checked, and stored whole or not at all."""

import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gram.atomic import lock, whole
from gram.tasks.data import mnist_files
from gram.tasks.data.arc_files import build_arc, check_arc
from gram.tasks.data.banks import build_bank, build_hard
from gram.tasks.data.checks import authentic, check_maze, check_sudoku
from gram.tasks.data.download import Report, fetch
from gram.tasks.data.names import (
    ARC_FILES,
    BANK_FILES,
    HARD_FILES,
    MAZE_FILES,
    MNIST_FILES,
    MNIST_PACKED,
    SUDOKU_FILES,
)
from gram.tasks.data.store import data_folders, read_manifest, record, verify

Build = Callable[[dict[str, Path], Path], None]
"""Creates the files of a set in a folder from the downloads by name."""


@dataclass(frozen=True)
class Source:
    """One file of the original."""

    name: str
    urls: tuple[str, ...]
    """Its URLs; several are mirrors."""
    sha256: str | None = None
    """Its published checksum, if any."""
    most: int = 2**27
    """Maximum bytes."""


@dataclass(frozen=True)
class Dataset:
    """The downloads of a data set, how its files are built, and how they are checked."""

    sources: tuple[Source, ...]
    files: tuple[str, ...]
    """Paths below the data folder; recipes name them."""
    build: Build
    check: Callable[[Path], Any]
    """Raises ValueError for a file with wrong contents."""
    license: str = "no license stated"
    whole: bool = False
    """Whether its files are only useful together."""
    undress: Callable[[Path, Path], list[str]] | None = None
    """Writes what a folder or file (the first) holds in other forms as `files` below a folder (the second)."""


@dataclass(frozen=True)
class Stored:
    """A stored data set."""

    folder: Path
    origin: str
    files: dict[str, dict[str, Any]]
    """Path below `folder` -> {"bytes", "sha256"}."""
    found: bool
    """Whether it was already stored."""


def obtain(
    name: str, out: Path, *, source: Path | None = None, mirror: str | None = None, report: Report, pause: float = 1.0
) -> Stored:
    """Put data set `name` below `out`: as it stands there already, if it fits its manifest; else from the folder
    `source` or, without one, from a data folder that holds it; else by download (`mirror` stands in for all hosts).

    ValueError for an unknown name, for files that do not hold what they should or no longer fit the manifest;
    FileNotFoundError if `source` has none of the files; OSError if the download fails. `out` is then unchanged except
    for interrupted downloads, which the next call continues."""
    if name not in DATASETS:
        raise ValueError(f"There is no data set {name!r}; choose one of {', '.join(DATASETS)}.")
    dataset = DATASETS[name]
    entry = read_manifest(out).get(name)
    known = {} if entry is None else entry["files"]
    kept = [file for file in known if (out / file).is_file()]
    for file in kept:
        verify(out, file, known[file])
    if entry is not None and len(kept) == len(known):
        return Stored(out, entry["origin"], known, found=True)
    if source is None and mirror is None:
        folders = [folder for folder in [out, *data_folders()] if not kept or folder.resolve() != out.resolve()]
        source = next((folder for folder in folders if held(dataset, folder)), None)
        if source is None and dataset.undress is not None:
            with tempfile.TemporaryDirectory() as aside:
                source = next((folder for folder in folders if dataset.undress(folder, Path(aside))), None)
    if source is None:
        entry = _download(name, dataset, out, kept, mirror, report, pause)
        return Stored(out, entry["origin"], entry["files"], found=False)
    with tempfile.TemporaryDirectory() as aside:
        try:
            place, files = taken(dataset, source, Path(aside))
            _check_given(name, dataset, source, place, files)
        except ValueError as error:
            raise ValueError(str(error).replace(aside, f"{source}:")) from None
        if place.resolve() != out.resolve():
            vacant(out, files, kept)
            for file in files:
                with whole(out / file) as temporary:
                    shutil.copyfile(place / file, temporary)
    entry = record(out, name, str(source), files)
    return Stored(out, entry["origin"], entry["files"], found=False)


def taken(dataset: Dataset, source: Path, aside: Path) -> tuple[Path, list[str]]:
    """Where the files of a set are, and which: below `source`; or made of what stands there, below `aside`, of the
    originals by their names or of other forms."""
    files = held(dataset, source)
    if len(files) == len(dataset.files):
        return source, files
    originals = {original.name: source / original.name for original in dataset.sources}
    if not files and all(path.is_file() for path in originals.values()):
        vacant(aside, dataset.files, ())
        dataset.build(originals, aside)
        return aside, list(dataset.files)
    made = [] if dataset.undress is None else dataset.undress(source, aside)
    return (aside, made) if len(made) > len(files) else (source, files)


def _check_given(name: str, dataset: Dataset, source: Path, place: Path, files: list[str]) -> None:
    """FileNotFoundError or ValueError for files of the folder `source` that cannot stand for the set."""
    if not files:
        raise FileNotFoundError(f"{source} holds none of {', '.join(dataset.files)}; give another folder.")
    missing = [file for file in dataset.files if file not in files]
    if dataset.whole and missing:
        raise FileNotFoundError(
            f"{source} holds {len(files)} of the {len(dataset.files)} files of {name}; add {', '.join(missing)}, or "
            "move the others away to download all."
        )
    for file in files:
        dataset.check(place / file)
        authentic(place, file)


def held(dataset: Dataset, folder: Path) -> list[str]:
    """The files of a set that are below `folder`."""
    return [file for file in dataset.files if (folder / file).is_file()]


def vacant(out: Path, files: Sequence[str], kept: Sequence[str]) -> None:
    """Make the folders of new files. ValueError if one is there that is not of those stored (`kept`): it stays."""
    for file in files:
        if (out / file).exists() and file not in kept:
            raise ValueError(f"{out / file} exists; move it away, or store elsewhere with --out.")
    for file in files:
        (out / file).parent.mkdir(parents=True, exist_ok=True)


def _download(
    name: str, dataset: Dataset, out: Path, kept: Sequence[str], mirror: str | None, report: Report, pause: float
) -> dict[str, Any]:
    """Fetch, build and check aside, then put the files in their places. The manifest's entry."""
    aside = out / ".downloads" / name
    vacant(out, dataset.files, kept)
    aside.mkdir(parents=True, exist_ok=True)
    with lock(aside):
        return _fetched(name, dataset, out, aside, mirror, report, pause)


def _fetched(
    name: str, dataset: Dataset, out: Path, aside: Path, mirror: str | None, report: Report, pause: float
) -> dict[str, Any]:
    """`_download` under the lock of the folder."""
    arrived = {source.name: aside / source.name for source in dataset.sources}
    for source in dataset.sources:
        urls = source.urls
        if mirror is not None:
            urls = tuple(re.sub("^https://[^/]*", mirror.rstrip("/"), url) for url in urls)
        if not arrived[source.name].is_file():
            fetch(urls, arrived[source.name], report=report, sha256=source.sha256, most=source.most, pause=pause)
    with tempfile.TemporaryDirectory(dir=aside) as folder:
        built = Path(folder)
        vacant(built, dataset.files, ())
        try:
            dataset.build(arrived, built)
            for file in dataset.files:
                dataset.check(built / file)
                authentic(built, file)
        except ValueError as error:
            shutil.rmtree(aside)  # continuing with it would fail again
            raise ValueError(f"What came is no {name}: {str(error).replace(f'{built}/', '')}") from None
        for file in dataset.files:
            os.replace(built / file, out / file)
    origin = ", ".join(source.urls[0] for source in dataset.sources)
    entry = record(out, name, origin if mirror is None else f"{origin} by way of {mirror}", list(dataset.files))
    shutil.rmtree(aside)
    return entry


# what is built from what is downloaded --------------------------------------------------------------------
def compress(path: Path, to: Path, keep: Callable[[int], bool] = lambda row: True) -> None:
    """A CSV file -> its header and the rows (from 0) to keep, gzip'd; the same bytes whenever it is made."""
    with open(path, "rb") as lines, open(to, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        file.write(next(lines, b""))
        file.writelines(line for row, line in enumerate(lines) if keep(row))


def build_maze(arrived: dict[str, Path], folder: Path) -> None:
    """Even rows of the official test file are dev, odd ones test."""
    compress(arrived["train.csv"], folder / MAZE_FILES[0])
    compress(arrived["test.csv"], folder / MAZE_FILES[1], lambda row: row % 2 == 0)
    compress(arrived["test.csv"], folder / MAZE_FILES[2], lambda row: row % 2 == 1)


def build_sudoku(arrived: dict[str, Path], folder: Path) -> None:
    """Every 200th row of the official test file is dev, the others test."""
    compress(arrived["train-1k.csv"], folder / SUDOKU_FILES[0])
    compress(arrived["train.csv"], folder / SUDOKU_FILES[1])
    compress(arrived["test.csv"], folder / SUDOKU_FILES[2], lambda row: row % 200 == 0)
    compress(arrived["test.csv"], folder / SUDOKU_FILES[3], lambda row: row % 200 != 0)


# the sets -------------------------------------------------------------------------------------------------
def _hub(repository: str, file: str) -> tuple[str, ...]:
    return (f"https://huggingface.co/datasets/{repository}/resolve/main/{file}",)


def _github(repository: str, commit: str) -> tuple[Source, ...]:
    name = repository.split("/")[1] + ".tar.gz"
    return (Source(name, (f"https://github.com/{repository}/archive/{commit}.tar.gz",)),)


def _raw(repository: str, commit: str, file: str) -> Source:
    place = f"https://raw.githubusercontent.com/{repository}/{commit}/data/{quote(file)}"
    return Source(file, (place,), most=2**24)


def _mnist(file: str) -> Source:
    hosts = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")
    return Source(file, tuple(f"{host}/{file}" for host in hosts), MNIST_PACKED[file])


HARD = {
    "puzzles2_17_clue": 49_158,
    "puzzles3_magictour_top1465": 1_465,
    "puzzles5_forum_hardest_1905_11+": 48_766,
    "puzzles6_forum_hardest_1106": 375,
}
"""The collections of the tdoku benchmarks that are downloaded, and how many puzzles each holds."""
DATASETS = {
    "sudoku-extreme": Dataset(
        (
            Source("train-1k.csv", _hub("sapientinc/sudoku-extreme-1k", "train.csv")),
            Source("train.csv", _hub("sapientinc/sudoku-extreme", "train.csv"), most=2**31),
            Source("test.csv", _hub("sapientinc/sudoku-extreme", "test.csv"), most=2**28),
        ),
        SUDOKU_FILES,
        build_sudoku,
        check_sudoku,
    ),
    "maze-30": Dataset(
        tuple(Source(file, _hub("sapientinc/maze-30x30-hard-1k", file)) for file in ("train.csv", "test.csv")),
        MAZE_FILES,
        build_maze,
        check_maze,
    ),
    "arc-1": Dataset(
        _github("fchollet/ARC-AGI", "399030444e0ab0cc8b4e199870fb20b863846f34"),
        ARC_FILES[1],
        build_arc(ARC_FILES[1]),
        check_arc,
        "Apache License 2.0",
    ),
    "arc-2": Dataset(
        _github("arcprize/ARC-AGI-2", "f3283f727488ad98fe575ea6a5ac981e4a188e49"),
        ARC_FILES[2],
        build_arc(ARC_FILES[2]),
        check_arc,
        "Apache License 2.0",
    ),
    "mnist": Dataset(
        tuple(_mnist(Path(file).name) for file in MNIST_FILES),
        MNIST_FILES,
        mnist_files.build,
        mnist_files.check,
        "Creative Commons Attribution-Share Alike 3.0, Yann LeCun and Corinna Cortes",
        whole=True,
        undress=mnist_files.undress,
    ),
    "sudoku-bank": Dataset(
        _github("miguellobato84/sudoku-exchange-puzzle-bank", "767e9a17b0402ec3f58f4abbdfe891a8342c8cac"),
        BANK_FILES,
        build_bank,
        check_sudoku,
        "public domain (Unlicense)",
    ),
    "tdoku-hard": Dataset(
        tuple(_raw("balmerdx/sudoku_pytorch", "9c4391b1ea32bb7a9587f668fa51f35473e68e24", file) for file in HARD),
        HARD_FILES,
        build_hard(HARD),
        check_sudoku,
        "BSD-2-Clause (t-dillon/tdoku, of which these are copies)",
    ),
}
