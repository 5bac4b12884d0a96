"""Which arithmetic "auto" is: what the environment says, or what was measured once; and the cache that remembers it."""

import json

import pytest
import torch
from support.boards import FOUR
from support.command import run

import gram
from gram import cache
from gram.models import device

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """A cache of its own, and a process that has measured nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GRAM_DTYPE", raising=False)
    device.speed_of_bfloat16.cache_clear()
    yield
    device.speed_of_bfloat16.cache_clear()


def choice(monkeypatch, speed: float, width: int = 64) -> str:
    """What a new process chooses that would measure `speed`."""
    monkeypatch.setattr(device, "measured", lambda _: speed)
    device.speed_of_bfloat16.cache_clear()
    return str(device.arithmetic("auto", width, CPU)[0]).removeprefix("torch.")


def test_the_first_choice_of_a_processor_stays(monkeypatch):
    assert choice(monkeypatch, 3.0) == "bfloat16"
    assert choice(monkeypatch, 0.5) == "bfloat16"
    assert choice(monkeypatch, 0.5, width=128) == "float32"
    assert choice(monkeypatch, 3.0, width=128) == "float32"


@pytest.mark.parametrize("changed", ["processor", "torch", "limit"])
def test_another_machine_measures_anew(monkeypatch, changed):
    assert choice(monkeypatch, 3.0) == "bfloat16"
    if changed == "processor":
        monkeypatch.setattr(device, "processor", lambda: "another")
    elif changed == "torch":
        monkeypatch.setattr(torch, "__version__", "99")
    else:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert choice(monkeypatch, 0.5) == "float32"


DAMAGED = [
    "",
    "{",
    "[1, 2]",
    "null",
    '{"%s": "fast"}',
    '{"%s": -1}',
    '{"%s": NaN}',
    '{"%s": true}',
    '{"%s": [2]}',
    "\0" * 9,
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_cache_is_written_anew(monkeypatch, text):
    assert choice(monkeypatch, 3.0) == "bfloat16"
    path = cache.file("bfloat16")
    [key] = json.loads(path.read_text())
    path.write_text(text.replace("%s", key))
    assert choice(monkeypatch, 0.5) == "float32"
    assert json.loads(path.read_text()) == {key: 0.5}


def test_without_a_cache_it_is_measured_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert choice(monkeypatch, 3.0) == "bfloat16"
    assert choice(monkeypatch, 0.5) == "float32"


def test_of_two_that_begin_together_both_go_on_alike(tmp_path):
    assert cache.remember("some", "key", 2.0) == 2.0
    assert cache.remember("some", "key", 3.0) == 2.0
    assert cache.remember("some", "other", 3.0) == 3.0
    assert json.loads((tmp_path / "gram" / "some.json").read_text()) == {"key": 2.0, "other": 3.0}


def test_a_relative_cache_folder_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.file("some") == tmp_path / ".cache" / "gram" / "some.json"


def test_it_is_measured(monkeypatch):
    threads = torch.get_num_threads()
    assert 0 < device.measured(16) < 1e9
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_environment_takes_the_place_of_auto(monkeypatch, dtype):
    monkeypatch.setenv("GRAM_DTYPE", dtype)
    other = "float32" if dtype == "bfloat16" else "bfloat16"
    assert gram.load("sudoku-4").arithmetic == f"{dtype}, by GRAM_DTYPE"
    assert gram.load("sudoku-4", dtype=other).arithmetic == f"{other}, as asked"


def test_an_arithmetic_that_does_not_exist(monkeypatch, refused):
    monkeypatch.setenv("GRAM_DTYPE", "float16")
    with pytest.raises(ValueError, match=r"GRAM_DTYPE.*float16"):
        gram.load("sudoku-4")
    assert "GRAM_DTYPE" in refused("solve", "sudoku-4", FOUR[0])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["solve", "sudoku-4", "1..............."],
        ["eval", "sudoku-4", "--limit", "1"],
        ["generate", "sudoku-boards-4", "--n", "1"],
    ],
)
def test_a_command_says_its_arithmetic_on_stderr(capsys, arguments, dtype):
    said = run(capsys, *arguments, "--dtype", dtype, "--depth", "1", "--json")
    assert said.code == 0
    assert f"{dtype}, as asked" in said.err
    assert all(isinstance(json.loads(line), dict) for line in said.out.splitlines())


def test_export_says_what_it_cannot(tmp_path, refused):
    for options in (["--dtype", "bfloat16"], ["--dtype", "float32", "--int8"]):
        assert "--dtype" in refused("export", "sudoku-4", "--out", tmp_path / "bundle", *options)
        assert not (tmp_path / "bundle").exists()
