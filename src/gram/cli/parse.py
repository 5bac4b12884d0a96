"""Command-line arguments by tyro, with errors in one sentence."""

import functools
import io
import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress
from typing import Any

import tyro

from gram.console.options import Messages

FRAME = re.compile(r"^[\s│╭╰─]+|[\s│╮╯─]+$")
RULE = re.compile(r"\s*│\s*─+\s*│\s*")
DASHES = re.compile(r"^ +-{20,} *$", re.M)
KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path"}
TITLES = "Value error", "Invalid choice", "Missing argument", "Missing value", "Parsing error", "Unrecognized options"
TITLE = re.compile(rf"^({'|'.join((*TITLES, 'Required options'))})\s+")
WIDE = "10000"
"""Columns in which tyro breaks no line."""


def parse(target: Callable[..., Any], arguments: Sequence[str], prog: str, **options: Any) -> Any:
    """The dataclass `target` made of the arguments, or a call of the function `target` with them that is still to be
    made. ValueError for arguments that do not fit; SystemExit after --help."""
    made: Any = target
    if not isinstance(target, type):

        @functools.wraps(target)
        def later(*positional: Any, **named: Any) -> Callable[[], Any]:
            return functools.partial(spoken, target, *positional, **named)

        made = later

    def ask() -> Any:
        return tyro.cli(made, args=list(arguments), prog=prog, **options)

    try:
        with redirect_stderr(io.StringIO()):
            return ask()
    except SystemExit as ending:
        if not ending.code:
            raise
    heard, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDE
    try:
        with redirect_stderr(heard), suppress(SystemExit):
            ask()
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns
    said = sentence(heard.getvalue())
    raise ValueError(f"{said}{'' if said.endswith('?') else ';'} {prog} --help lists all options.")


def spoken(verb: Callable[..., Any], *positional: Any, general: Messages, **named: Any) -> Any:
    """The call of a verb, under what `general` says."""
    with general.applied():
        return verb(*positional, general=general, **named)


def sentence(box: str) -> str:
    """The first part of tyro's box, and of what is no number the option and what it must be; without a full stop."""
    plain = DASHES.sub("", box, count=1)  # where only ASCII is written, under the title and between the parts
    box = DASHES.sub("│ ─ │", plain)
    sections = [[FRAME.sub("", line) for line in part.splitlines()] for part in RULE.split(box)]
    texts = [" ".join(" ".join(filter(None, lines)).split()) for lines in sections]
    text = TITLE.sub("", texts[0])
    if unknown := re.match(r"Unrecognized options: (-[^\s,]+)", text):
        meant = re.search(r"Perhaps you meant: (--[\w.-]+)", " ".join(texts))
        return f"There is no option {unknown[1]}{f'; did you mean {meant[1]}?' if meant else ''}"
    helped = re.search(r"Argument helptext: -*(\S+) (\S+)", " ".join(texts))
    value = re.search(r"(?:from \['|base 10: '|to float: ')([^']*)'", text)
    if helped and value:
        kinds = [says for kind, says in KINDS.items() if kind in helped[2].split("|")]
        if kinds:
            return f"--{helped[1]} is {value[1][:60]!r}; it must be {kinds[0]}" + " or 'all'" * ("all" in helped[2])
    text = re.sub(r"^Error parsing [^:]*: ", "", text).rstrip(".")
    text = text.replace(". Expected", "; expected")
    return text if "." in text.split(" ")[0] else f"{text[:1].upper()}{text[1:]}"
