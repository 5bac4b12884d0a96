"""The command `gram` in this process."""

import io
from typing import NamedTuple

import pytest

from gram import cli
from gram.console.evaluation import READING

SMALL_NETWORK = (
    *("--model.width", "16", "--model.hidden", "16", "--model.mixer-hidden", "8", "--model.guidance-hidden", "16"),
    *("--model.K", "1", "--model.T", "1", "--train.batch", "8", "--train.N-sup", "2", "--train.compile", "False"),
    *("--train.evaluate-examples", "4", "--train.dtype", "float32", "--solve.depth", "2"),
)
"""Options of `gram train`."""
SMALL = ("--minutes", "0.01", *SMALL_NETWORK)
"""Options of `gram train` for a run of less than a second."""


class Terminal(io.StringIO):
    """Takes the place of a stream that people look at."""

    def isatty(self) -> bool:
        return True


class Ran(NamedTuple):
    """What came of a command: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def exit_code(*arguments: object) -> int:
    """Run a command; what it writes goes where it always goes."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(a) for a in arguments])
    return int(end.value.code or 0)


def run(capsys, *arguments: object) -> Ran:
    """Run a command, and only that is in what it wrote."""
    capsys.readouterr()
    code = exit_code(*arguments)
    return Ran(code, *capsys.readouterr())


def refusal(ran: Ran, code: int = 2, most: int = 400) -> str:
    """What a command that must be refused said: one line on stderr beside what eval says at once, no traceback, nothing
    on stdout."""
    assert ran.code == code, ran.err
    lines = [line for line in ran.err.splitlines() if line != READING]
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("gram: ")
    assert len(lines[0]) < most
    assert "Traceback" not in ran.err
    assert not ran.out
    return lines[0]
