"""The worked examples of docs/extend.md, added to a copy of the package, do what the page says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

import gram

PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
QUICK = [
    *("--model.width", "16", "--model.hidden", "16", "--model.heads", "2", "--model.mixer-hidden", "4"),
    *("--model.guidance-hidden", "16", "--model.blocks", "1", "--train.minutes", "None", "--train.updates", "2"),
    *("--train.batch", "8", "--train.N-sup", "2", "--train.compile", "False", "--train.evaluate-examples", "4"),
    *("--solve.width", "2", "--solve.depth", "2"),
]
"""Options that let every recipe end at once."""
PROGRAM = """
import json, sys
from gram import cli
for arguments in json.loads(sys.argv[1]):
    print("$", *arguments, flush=True)
    try:
        cli.main(arguments)
    except SystemExit as end:
        if end.code:
            sys.exit(end.code)
"""


def edited(text: str, change: str) -> str:
    """`text` after a change that is written as a diff: its lines of context and removal stand there once."""
    lines = change.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    new = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A folder with the package as the page leaves it."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(Path(gram.__path__[0]), folder / "src" / "gram", ignore=shutil.ignore_patterns("pretrained"))
    for name in ("repair.py", "repair_task.py"):
        shutil.copy(ROOT / "examples" / name, folder / "src")
    path = folder / "src" / "repair_task.py"  # a tenth of its tables, each of which takes a millisecond
    path.write_text(path.read_text(encoding="utf-8").replace('"train": 4000', '"train": 400'), encoding="utf-8")
    for kind, title, text in BLOCK.findall(PAGE):
        path = folder / title
        if kind == "python":
            path.write_text(text, encoding="utf-8")
        elif kind == "diff":
            path.write_text(edited(path.read_text(encoding="utf-8"), text), encoding="utf-8")
    return folder


def test_every_example_runs(extended):
    lines = "".join(text for kind, _, text in BLOCK.findall(PAGE) if kind == "console").splitlines()
    asked = [[word.strip('"') for word in line.removeprefix("$ gram ").split()] for line in lines]
    commands = [[*each, *QUICK] if each[0] == "train" else each for each in asked]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=extended,
        env={**os.environ, "PYTHONPATH": str(extended / "src")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(commands) == 6
    assert all((extended / "runs" / name / "model.safetensors").is_file() for name in ("stretching", "repair", "blind"))
