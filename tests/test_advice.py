"""Advice: every command and option that a sentence of this package names is there, and does what the sentence says."""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from support import places
from support.command import SMALL
from support.own import REPAIR, register

import gram as package
from gram import advice as advice_module
from gram import cli, recipes
from gram.tasks.data import datasets

ROOT = Path(package.__path__[0])
VERBS = re.findall(r"^  gram (\w+)", cli.USAGE, re.M)
COMMAND = re.compile(r"gram (" + "|".join(VERBS) + r")\b((?:[ =](?![(]?(?:for|that|of|to|in|and|or)\b)[^\s`;,)]+)*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*(?:\.[a-z-]+)?")
FOREIGN = {
    *("--nproc-per-node", "--clock", "--error-unmatch", "--porcelain", "--logdir", "--version", "--field"),
    *("--no-deps", "--epochs", "--head", "--address"),
}
"""Of torchrun, git, pip, TensorBoard, Ray and the program of the classifier, and `gram --version`, which is no verb."""
SAID_BY = {
    "console/puzzles.py": ("solve",),
    "console/evaluation.py": ("eval",),
    "console/samples.py": ("generate", "eval"),
    "console/rows.py": ("solve",),
    "console/remote.py": ("solve",),
    "console/animation.py": ("solve",),
    "tasks/own/check.py": ("train", "solve", "eval"),
    "cli/train.py": ("train",),
    "ship/export.py": ("export",),
}
"""Where a sentence stands that these verbs say: its options must be options of each of them."""


class Said(NamedTuple):
    where: str
    text: str


def sentences() -> Iterator[Said]:
    """Every text of the package but docstrings, what is filled in as X (own where it is the name of own data)."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        inner |= {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in inner:
                text = spelled(node)
                if text:
                    yield Said(str(path.relative_to(ROOT)), text)


def spelled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return "own" if ast.unparse(node) in ("{OWN}", "OWN", "tasks.OWN") else "X"
    return "".join(spelled(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values)


@cache
def options(verb: str) -> frozenset[str]:
    """What `gram VERB --help` lists."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard), contextlib.suppress(SystemExit):
        cli.main([verb, *(["own"] if verb == "train" else []), "--help"])
    found = set(OPTION.findall(heard.getvalue())) | {"--help"}
    return frozenset(found | {option.replace("--no-", "--") for option in found})


def test_help_lists_options():
    assert {"--input", "--skip-bad", "--weights"} <= options("solve")
    assert {"--check", "--data", "--out", "--resume", "--train.updates"} <= options("train")
    assert "--skip-bad" not in options("eval")


def test_every_command_that_is_named_has_its_options():
    found = [(said, *match) for said in sentences() for match in COMMAND.findall(said.text)]
    assert len(found) > 40
    wrong = [
        f"{said.where}: gram {verb}{rest}: {option}"
        for said, verb, rest in found
        for option in OPTION.findall(rest)
        if option not in options(verb)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_option_that_is_named_is_there():
    known = frozenset().union(*map(options, VERBS)) | FOREIGN
    wrong, count = [], 0
    for said in sentences():
        if said.where == "cli/__init__.py":
            continue
        for option in OPTION.findall(COMMAND.sub("", said.text)):
            count += 1
            verbs = SAID_BY.get(said.where, ())
            lacking = [verb for verb in verbs if option not in options(verb) and option not in FOREIGN]
            if option not in known or lacking:
                wrong.append(f"{said.where}: {option} ({', '.join(lacking) or 'no verb'}): {said.text[:80]}")
    assert count > 60
    assert not wrong, "\n".join(wrong)


def test_every_recipe_and_data_set_that_is_named_is_there():
    for said in sentences():
        for verb, rest in COMMAND.findall(said.text):
            name = rest.split()[0] if rest.split() else ""
            if not re.fullmatch(r"[a-z]+(-\d+)*", name):
                continue
            if verb == "train":
                assert recipes.recipe(name), said
            if verb == "data":
                assert name in datasets.DATASETS, said


@pytest.mark.parametrize("kind", ["queens", "coloring", "maze", "sudoku"])
@pytest.mark.parametrize("size", range(2, 31))
def test_what_is_advised_for_a_size_can_be_done(kind, size):
    known = advice_module.larger(f"{kind}-{size}", size)
    assert known is None or (known in advice_module.names() and int(known.split("-")[1]) >= size)
    advice = advice_module.fitting(f"{kind}-{size}", size)
    assert known is None or known in advice


# advice that is followed ----------------------------------------------------------------------------------
def test_several_answers_without_a_check_get_one_advice(own_runs, gram):
    """Whichever way they are asked for, to leave want out; and that answers."""
    words = ("solve", "own", "3 1 2", "--weights", own_runs / "without")
    asked = (("--want", 2), ("--want", 2, "--select", "checked"), ("--want", 2, "--select", "majority"))
    for more in asked:
        ran = gram(*words, *more)
        assert ran.code == 2
        assert re.search(r"leave want|or want if there is no check", ran.err), ran.err
        assert "majority" not in ran.err
    assert gram(*words).code == 0


def test_a_check_that_has_moved_is_given_its_new_place(own_runs, gram):
    moved = own_runs / "moved.py"
    (own_runs / "check.py").rename(moved)
    try:
        for words in (("solve", "own", "3 1 2"), ("eval", "own", "--limit", 3)):
            ran = gram(*words, "--weights", own_runs / "with", "--trust-check")
            assert ran.code == 2
            assert "check.py" in ran.err
            assert "--check" in ran.err
            assert gram(*words, "--weights", own_runs / "with", "--check", f"{moved}:check").code == 0
        assert "check.py" in gram("train", "--resume", own_runs / "with", "--trust-check").err
    finally:
        moved.rename(own_runs / "check.py")


def test_weights_of_a_task_of_another_package_are_trained_as_is_said(gram, tmp_path, monkeypatch):
    (tmp_path / "rosters.py").write_text(REPAIR)
    register(tmp_path, "rosters", {"repair": "rosters:Repair"})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(places.ROOT / "examples")
    ran = gram("solve", "repair", "ax1 b?1 a?2 cz3")
    assert ran.code == 2
    command = re.search(r"`gram (train [^`]*)`", ran.err)
    assert command, ran.err
    said = command[1].replace("DIR", str(tmp_path / "run")).split()
    assert gram(*said, *SMALL).code == 0
    assert gram("solve", "repair", "ax1 b?1 a?2 cz3", "--weights", tmp_path / "run", "--width", 2).code == 0


@pytest.mark.parametrize("recipe", ["maze-30", "sudoku-9", "sudoku-boards", "mnist", "arc-1", "arc-2-10"])
def test_missing_data_name_the_command_that_gets_them(recipe, gram, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))
    ran = gram("train", recipe, "--out", tmp_path / "run")
    assert ran.code == 2
    named = re.search(r"`gram data ([\w-]+)`", ran.err)
    assert named, ran.err
    assert named[1] in datasets.DATASETS
