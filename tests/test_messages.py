"""What commands say on standard error: --quiet, --verbose; logging in programs. --device, and shell completion."""

import logging
import os
import re
import shutil
import subprocess

import pytest
import torch
from support.boards import FOUR
from support.command import exit_code
from support.training import tiny

from gram import cli
from gram.cli import completion
from gram.machine import DEVICE
from gram.messages import log
from gram.models.device import choose_device
from gram.train import loop
from gram.train.parallel import start


# messages -------------------------------------------------------------------------------------------------
def test_quiet_and_verbose(gram, weights):
    solve = ("solve", "sudoku-4", FOUR[0], "--weights", weights)
    plain, quiet, verbose = gram(*solve), gram(*solve, "--quiet"), gram(*solve, "--verbose")
    assert "Arithmetic: " in plain.err
    assert not quiet.err
    assert f"Weights: {weights}, on cpu" in verbose.err
    assert len(verbose.err.splitlines()) > len(plain.err.splitlines())
    both = gram(*solve, "--quiet", "--verbose")
    assert both.code == 2
    assert "--quiet and --verbose" in both.err
    assert (log.handlers, log.level) == ([], logging.NOTSET)  # as a program had it


def test_a_quiet_training_says_only_what_goes_wrong(gram, tmp_path):
    small = ("--train.batch", "8", "--model.width", "16", "--train.compile", "False", "--train.dtype", "float32")
    train = ("train", "queens-5", "--stop-at", "2", *small, "--quiet", "--out")
    ran = gram(*train, tmp_path / "run")
    assert ran.code == 0, ran.err
    assert not ran.err
    ran = gram(*train, tmp_path / "other", "--model.heads", "2")
    assert ran.err.startswith("Warning: model.heads has no effect here")
    assert len(ran.err.splitlines()) == 1


def test_a_program_hears_the_library_as_it_likes(tmp_path, caplog, capsys):
    caplog.set_level(logging.INFO, logger="gram")
    loop.train(tiny(updates=2), tmp_path / "run")
    assert "parameters, mixer" in caplog.text
    assert not capsys.readouterr().err


@pytest.mark.parametrize("verb", re.findall(r"^  gram (\w+)", cli.USAGE, re.M))
def test_every_verb_has_them(verb, gram):
    said = gram(verb, "--help").out
    assert "--quiet" in said
    assert "--verbose" in said


# devices --------------------------------------------------------------------------------------------------
def test_devices(gram, weights, monkeypatch):
    monkeypatch.delenv(DEVICE, raising=False)
    for name in ("cuda", "mps"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        ran = gram("solve", "sudoku-4", FOUR[0], "--weights", weights, "--device", name)
        assert ran.code == 2
        assert ran.err.count("\n") == 1
        assert "--device cpu" in ran.err
        assert DEVICE not in os.environ
    assert gram("solve", "sudoku-4", FOUR[0], "--weights", weights, "--device", "cpu").code == 0
    assert "'tpu'" in gram("solve", "sudoku-4", FOUR[0], "--device", "tpu").err
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("mps").type == "mps"
    assert choose_device("auto").type == "cpu"
    monkeypatch.setenv(DEVICE, "mps")
    assert choose_device("auto").type == "mps"
    assert start(1).device.type == "mps"
    assert choose_device("cpu").type == "cpu"
    monkeypatch.setenv(DEVICE, "abacus")
    with pytest.raises(ValueError, match="GRAM_DEVICE is 'abacus'"):
        choose_device("auto")


# completion -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Where the scripts of the shells are."""
    folder = tmp_path_factory.mktemp("completion")

    def printed(shell, capsys):
        assert exit_code("--print-completion", shell) == 0
        (folder / shell).write_text(capsys.readouterr().out)
        return folder / shell

    return printed


def test_bash_completes(script, capsys):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    path = script("bash", capsys)

    def completed(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        program = f'source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _gram; echo "${{COMPREPLY[@]}}"'
        return subprocess.run([bash, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert completed("gram", "s") == ["solve", "serve"]
    assert completed("gram", "solve", "coloring-1") == ["coloring-10"]
    assert "queens-8" in completed("gram", "train", "queens-")
    assert completed("gram", "solve", "sudoku-9", "--anim") == ["--animate"]
    assert "--train.beta" in completed("gram", "train", "queens-8", "--train.be")
    assert completed("gram", "solve", "sudoku-9", "pu") == []  # files, by the shell


def test_the_other_shells(script, capsys):
    zsh, fish = script("zsh", capsys).read_text(), script("fish", capsys).read_text()
    assert "bashcompinit" in zsh
    assert "complete -o default -F _gram gram" in zsh
    assert "complete -c gram -n '__fish_seen_subcommand_from solve' -l animate" in fish
    with pytest.raises(ValueError, match="bash, zsh or fish"):
        completion.script("tcsh", {})
