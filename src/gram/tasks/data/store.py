"""Examples from files in the data folder or from the task's generator. A manifest.json in the data folder holds the
checksums of the files that `gram data` stored (see datasets.py), which are read only if they still match."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from gram import strict_json
from gram.atomic import lock, whole
from gram.tasks.base import Task
from gram.tasks.data.names import sets_with
from gram.tasks.spec import Examples

FOLDERS = ("data", "../shared/data")
MANIFEST = "manifest.json"


def data_folders() -> list[Path]:
    """The folders searched for data files: $GRAM_DATA, or ./data and ../shared/data. New files go to the first."""
    return [Path(folder) for folder in ([os.environ["GRAM_DATA"]] if "GRAM_DATA" in os.environ else FOLDERS)]


def data_file(name: str) -> Path:
    """A data file by path, or by its path below one of the data folders. FileNotFoundError if it is in none of them;
    ValueError if it no longer matches the manifest of its folder."""
    if Path(name).is_file():
        return Path(name)
    folders = data_folders()
    for folder in folders:
        if (folder / name).is_file():
            for entry in read_manifest(folder).values():
                if name in entry["files"]:
                    verify(folder, name, entry["files"][name])
            return folder / name
    sets = sets_with(name)
    way = f"get it with `gram data {sets[0]}`, or set" if sets else "set"
    places = " or ".join(f"in {folder}" for folder in folders)
    raise FileNotFoundError(
        f"There is no data file {name!r} here, {places}; {way} GRAM_DATA to the folder that holds it."
    )


def training_examples(task: Task, files: tuple[str, ...], generated: int) -> Examples:
    """The training examples of `files`, and with them `generated` ones of the task's generator; or the task's own if
    there are no files."""
    examples = load_examples(task, files, "train")
    if not files or not generated:
        return examples
    return examples.join(task.examples("train", seed=0, count=generated))


def load_examples(
    task: Task, files: tuple[str, ...], split: str, *, seed: int = 0, count: int | None = None
) -> Examples:
    """The examples of `files` (CSV with question and answer), or the task's own of a split when there are none.

    `count` draws a seeded sample of that size at most."""
    if not files:
        return task.examples(split, seed=0, count=count)
    examples = task.load([data_file(name) for name in files])
    if count is None or count >= len(examples):
        return examples
    return examples.select(np.sort(np.random.default_rng(seed).permutation(len(examples))[:count]))


# the manifest ---------------------------------------------------------------------------------------------
def read_manifest(folder: Path) -> dict[str, Any]:
    """Data set -> {"origin": folder or addresses, "files": {path below `folder`: {"bytes", "sha256"}}}; empty where
    there is no manifest. ValueError if it is damaged."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        entries = strict_json.read_object(path).items()
        return {name: {"origin": entry["origin"], "files": dict(entry["files"])} for name, entry in entries}
    except (ValueError, AttributeError, TypeError, KeyError):
        raise ValueError(f"{path} is damaged; delete it and run `gram data` again.") from None


def record(folder: Path, name: str, origin: str, files: list[str]) -> dict[str, Any]:
    """Write data set `name` into the manifest and return its entry."""
    entry = {"origin": origin, "files": {file: fingerprint(folder / file) for file in files}}
    with lock(folder, wait=True), whole(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(read_manifest(folder) | {name: entry}, indent=2) + "\n", encoding="utf-8")
    return entry


def verify(folder: Path, file: str, expected: dict[str, Any]) -> None:
    """ValueError if a stored file does not match the manifest."""
    if fingerprint(folder / file) != expected:
        raise ValueError(f"{folder / file} does not match {folder / MANIFEST}; delete it and run `gram data` again.")


def fingerprint(path: Path) -> dict[str, Any]:
    """Bytes and sha256 of a file."""
    with open(path, "rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
