"""The first things that go wrong: a missing package, an old Python, a file that is not there yet."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from support.configs import SMALLEST
from support.places import ROOT

import gram
from gram.console import exits
from gram.tasks.data.store import data_file

TINY = replace(SMALLEST, mixer="groups", positions="none")


@pytest.mark.parametrize(
    ("missing", "asked"), [("tyro", ["info"]), ("torch", ["solve", "queens-8", "Q......." + "." * 56])]
)
def test_a_missing_package_is_a_sentence(missing, asked):
    code = f"import sys; sys.modules[{missing!r}] = None; from gram.cli import main; main(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"gram: The package {missing} is missing")
    assert "pip install gram-reasoning" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_needs_no_package():
    code = "import sys; sys.modules['tyro'] = sys.modules['torch'] = None; from gram.cli import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gram solve" in done.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_an_old_python_is_named_before_anything_is_installed(tmp_path):
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1 && exit\nexit 1\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["make", "install", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 2
    assert "needs Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_installing_says_that_it_takes_minutes_before_it_is_silent(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    dry = subprocess.run(["make", "-n", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 0 < dry.stdout.index("this takes minutes") < dry.stdout.index("pip install")


def test_a_missing_data_file_names_the_command_that_gets_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))
    for file, name in (("maze/maze_30x30_hard_train.csv.gz", "maze-30"), ("arc/arc2_training.json.gz", "arc-2")):
        with pytest.raises(FileNotFoundError, match=f"`gram data {name}`"):
            data_file(file)
    with pytest.raises(FileNotFoundError, match="set GRAM_DATA") as error:
        data_file("mine.csv")
    assert "gram data" not in str(error.value)
    monkeypatch.delenv("GRAM_DATA")
    with pytest.raises(FileNotFoundError, match=r"here, in data or in \.\./shared/data; set"):
        data_file("mine.csv")


def test_load_takes_a_bundle(exported):
    _, bundle = exported
    assert gram.load(bundle).network.dtype == "float32"
    refused: list[dict[str, Any]] = [{"dtype": "bfloat16"}, {"compile": True}, {"device": "cuda"}]
    for options in refused:
        with pytest.raises(ValueError, match="bundle"):
            gram.load(bundle, **options)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("the board has 3 rows", "The board has 3 rows."),
        ("no task 'x'; did you mean 'y'?", "No task 'x'; did you mean 'y'?"),
        ("nowhere holds nothing", "nowhere holds nothing."),
        ("train.minutes is -1; it must be above 0.", "train.minutes is -1; it must be above 0."),
        ("/data/x has\n two\x1b[2J lines", "/data/x has two\\x1b[2J lines."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(capsys, text, sentence):
    def command():
        raise ValueError(text)

    assert exits.ended(command) == 2
    assert capsys.readouterr().err == f"gram: {sentence}\n"


def test_a_command_at_the_end_stays_one(capsys):
    def command():
        raise KeyboardInterrupt("Stopped; go on with gram train --resume runs/a")

    assert exits.ended(command) == 130
    assert capsys.readouterr().err == "gram: Stopped; go on with gram train --resume runs/a\n"
