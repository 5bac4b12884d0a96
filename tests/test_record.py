"""Results files and manifests that several processes write at once: nothing of any of them is lost."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.configs import SMALLEST

from gram import strict_json, tasks
from gram import weights as weight_files
from gram.config import Config
from gram.measure import record
from gram.models.recursive import Model
from gram.tasks.data import store


def slowly(read):
    """A reader that lets others in between reading and writing."""

    def reader(path: Path) -> Any:
        found = read(path)
        time.sleep(0.02)
        return found

    return reader


def test_three_evaluations_that_end_together_are_all_recorded(tmp_path, monkeypatch, capsys):
    config = Config(recipe="small", task="sudoku-4", model=SMALLEST)
    weight_files.save(tmp_path / "weights", config, Model(tasks.of(config).spec, SMALLEST))
    reasoner: Any = SimpleNamespace(config=config, network=SimpleNamespace(dtype="float32"))
    monkeypatch.setattr(record, "origin", lambda: {"commit": None, "dirty": None})
    monkeypatch.setattr(strict_json, "read_object", slowly(strict_json.read_object))
    with ThreadPoolExecutor(3) as pool:
        names = [f"test limit={n}" for n in range(9)]
        list(pool.map(lambda n: record.keep(tmp_path / "r", reasoner, tmp_path / "weights", n, {"valid": 1.0}), names))
    written = json.loads((tmp_path / "r" / "small" / "0.json").read_text())
    assert set(written["figures"]) == set(names)
    assert [path.name for path in (tmp_path / "r" / "small").iterdir()] == ["0.json"]


def test_data_sets_that_are_stored_together_are_all_in_the_manifest(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("content")
    monkeypatch.setattr(store, "read_manifest", slowly(store.read_manifest))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: store.record(tmp_path, f"set-{n}", "here", ["file"]), range(6)))
    assert set(store.read_manifest(tmp_path)) == {f"set-{n}" for n in range(6)}
