"""Every command of the README and of docs/ runs, and a program prints what the page says.

Small settings, the order of the page, a folder for each page.

The blocks ```console (lines that begin with $) and ```bash hold commands, ```python a program. A block is skipped only
with a reason: an html comment `<!-- test: skip, ... -->` in the line above it, or weights that are not shipped.
"""

import importlib
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from support.command import SMALL, exit_code
from support.networks import shortened
from support.own import register
from support.places import ROOT

from gram import cli
from gram import weights as weight_files
from gram.report import latent_paths
from gram.ship import runtime

BLOCK = re.compile(r"(?:<!-- test: skip, (?P<reason>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.S | re.M)
PRINTED = re.compile(r"\s*```text\n(?P<body>.*?)^```$", re.S | re.M)
"""What stands right after a program: its output."""
BRIEF = ("--compile", "False", "--batch", "4", "--repeats", "1", "--seconds", "0.01", "--puzzles", "1", "--width", "2")
SHIPPED_VERBS = ("solve", "generate", "eval")


class Piece(NamedTuple):
    kind: str
    text: str
    reason: str | None
    printed: str | None = None

    def __str__(self) -> str:
        return self.text.splitlines()[0][:60]


def pieces(text: str) -> list[Piece]:
    """The commands and programs of a Markdown text, in order."""
    found = []
    for block in BLOCK.finditer(text):
        lines = block["body"].splitlines()
        if block["kind"] == "python":
            printed = PRINTED.match(text, block.end())
            found.append(Piece("python", block["body"], block["reason"], printed and printed["body"]))
        elif block["kind"] == "console":
            found += [Piece("command", line[2:], block["reason"]) for line in lines if line.startswith("$ ")]
        elif block["kind"] in ("bash", "sh", "shell"):
            found += [Piece("command", line, block["reason"]) for line in lines if line and not line.startswith("#")]
    return found


PAGES = {path: pieces(path.read_text(encoding="utf-8")) for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
PIECES = PAGES[ROOT / "README.md"]


def name(value: Path | Piece) -> str:
    return value.name if isinstance(value, Path) else str(value)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[Path, Path]:
    """Where the commands of each page run, beside a link to the examples."""
    made = {page: tmp_path_factory.mktemp(page.stem) for page in PAGES}
    for folder in made.values():
        (folder / "examples").symlink_to(ROOT / "examples")
    return made


@pytest.mark.parametrize(("page", "piece"), [(page, piece) for page in PAGES for piece in PAGES[page]], ids=name)
def test_readme(page, piece, folders, monkeypatch, capsys):
    if piece.reason:
        pytest.skip(piece.reason)
    folder = folders[page]
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(ROOT / "examples")  # what `pip install ./examples` puts there
    monkeypatch.syspath_prepend(folder)
    if piece.kind == "python":
        program(piece.text)
        assert piece.printed in (None, capsys.readouterr().out)
        return
    command = piece.text
    if " | " in command:
        first, _, command = command.partition(" | ")
        monkeypatch.setattr(sys, "stdin", (folder / "stdin").open("w+"))
        sys.stdin.write(printed(shlex.split(first), capsys))
        sys.stdin.seek(0)
    words = shlex.split(command)
    if words[0] == "make":
        target(words)
    elif words[:2] == ["pip", "install"]:
        install(Path(words[2]), folder)
    elif words[0] == "python" and words[1].startswith("examples/"):
        few = [] if "--count" in words else ["--count", "400"]
        monkeypatch.setattr(sys, "argv", [*words[1:], *few])
        runpy.run_path(words[1], run_name="__main__")
    elif words[:3] == ["python", "-m", "gram.ship.runtime"]:
        assert runtime.main(words[3:]) == 0
        assert capsys.readouterr().out
    elif words[0] == "source":
        assert words == ["source", ".venv/bin/activate"]
    else:
        assert words[0] == "gram", f"no test knows how to run {command!r}"
        if words[1] == "export" and "--official" not in words:  # half of a step: its graph is made in half the time
            monkeypatch.setattr(weight_files, "load", partial(shortened, T=1))
        elif "--trajectories" in words:
            monkeypatch.setattr(latent_paths, "trace", partial(latent_paths.trace, width=8, depth=4))
        elif words[1:3] == ["train", "repair"]:
            monkeypatch.setitem(importlib.import_module("repair_task").COUNTS, "train", 400)
        verb(words[1:], capsys)


def printed(words: list[str], capsys) -> str:
    """What the command before a pipe prints."""
    if words[0] == "gram":
        assert exit_code(*words[1:]) == 0
        return capsys.readouterr().out
    what, text = words
    assert what in ("echo", "printf"), f"no test knows how to run {what!r}"
    return f"{text}\n" if what == "echo" else text.encode().decode("unicode_escape")


def verb(arguments: list[str], capsys) -> None:
    """Run a `gram` command in this process; what training and sampling it asks for is made small."""
    if arguments[0] == "train":
        arguments += ["--minutes", "0.02"] if "--resume" in arguments else SMALL
    elif arguments[0] == "bench":
        arguments += BRIEF
    elif arguments[0] in SHIPPED_VERBS:
        if "--weights" not in arguments and arguments[1] not in weight_files.shipped():
            pytest.skip(f"weights for {arguments[1]} are not shipped yet")
        arguments += ["--depth", "2"] if arguments[0] == "generate" else []
        arguments += ["--limit", "4"] if arguments[0] == "eval" and "--limit" not in arguments else []
    code = exit_code(*arguments)
    out, err = capsys.readouterr()
    assert code == 0, err
    assert out


def program(text: str) -> None:
    for weights in re.findall(r'gram\.load\("([^"]+)"\)', text):
        if weights not in weight_files.shipped() and not Path(weights).exists():
            pytest.skip(f"weights for {weights} are not shipped yet")
    text = re.sub(r"\bminutes=\d+", "minutes=0.05", text)
    exec(compile(text, "README.md", "exec"), {})


def install(package: Path, folder: Path) -> None:
    """What pip would leave in `folder` of the entry points of a package; the package gram is there already."""
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if "entry-points" in project:
        register(folder, project["name"], project["entry-points"]["gram.tasks"])


def target(words: list[str]) -> None:
    """The Makefile knows the target; `make -n` would say what it does."""
    assert len(words) == 2
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M)
    if make := shutil.which("make"):
        dry = subprocess.run([make, "-n", words[1]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr


def test_the_pages_show_every_verb():
    commands = [piece.text for page in PAGES.values() for piece in page if piece.kind == "command"]
    for name in re.findall(r"^  gram (\w+)", cli.USAGE, re.M):
        assert any(re.search(rf"\bgram {name}\b", command) for command in commands), name
    assert len(PIECES) > 10


def test_the_readme_is_short_and_has_pictures():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(text.encode()) <= 10_240
    assert len(pictures) >= 3
    assert any("@keyframes" in (ROOT / picture).read_text(encoding="utf-8") for picture in pictures)


def test_ci_uses_the_test_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in [piece.text for piece in PIECES]
    assert "make test" in script.read_text().splitlines()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing, missing


FIGURES = {
    "queens 8x8": ("queens-8/1", "test width=20 depth=48 select=majority", "valid", "coverage"),
    "queens 10x10": ("queens-10/0", "test width=20 depth=48 select=majority limit=200", "valid", "coverage"),
    "coloring, 8": ("coloring-8/0", "test width=20 depth=48 select=majority", "conflicts", "coverage"),
    "coloring, 10": ("coloring-10/0", "test width=20 depth=48 select=majority", "conflicts", "coverage"),
    "Sudoku-Extreme": (
        *("sudoku-9-search/0", "sudoku_extreme_dev.csv.gz width=1 depth=4000 select=checked early_stop=True"),
        "checked",
    ),
    "Maze-Hard": ("maze-30/0", "maze_30x30_hard_dev.csv.gz width=1 depth=64 select=first limit=200", "exact"),
    "Sudoku boards": ("sudoku-boards/0", "test width=10000 depth=96", "valid"),
    "ARC-AGI-1": ("arc-1-10/0", "test width=4 depth=16 select=majority", "pass_2"),
}
"""Of each row of the table: the file in results/, the measurement, and the figures in the column "ours"."""


def test_every_figure_is_that_of_a_results_file():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("<!-- results -->")[1].split("<!-- /results -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    assert len(rows) == len(FIGURES) <= 8
    for row, (start, (file, measured, *names)) in zip(rows, FIGURES.items(), strict=True):
        found = json.loads((ROOT / "results" / f"{file}.json").read_text(encoding="utf-8"))
        figures = found["figures"][measured]
        assert row[0].startswith(start)
        for cell, figure in zip(row[3].split(" / "), names, strict=True):
            exact = figures[figure] * (1 if figure == "conflicts" else 100)
            decimals = len(cell.partition(".")[2])
            assert cell == f"{exact:.{decimals}f}", (start, figure)
        size = f"{found['parameters'] / 1e6:.2f}M, {found['seconds'] / 60:.0f} min"
        assert row[4] == size


def test_collecting():
    text = "<!-- test: skip, slow -->\n```console\n$ a b\noutput\n```\n\n```bash\n# no\nc\n```\n"
    text += "```python\nd\n```\n\n```text\nprinted\n```\n```\ne\n```\n"
    commands = [Piece("command", "a b", "slow"), Piece("command", "c", None)]
    assert pieces(text) == [*commands, Piece("python", "d\n", None, "printed\n")]
