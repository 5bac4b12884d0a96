"""Numbers and answers as text for people."""

import os
import sys

from gram.solve.answer import ESCAPES


def one_line(text: str | None) -> str:
    """An answer's text on one line."""
    return (text or "").replace("\n", "/")


def counted(number: int | None, noun: str) -> str:
    """counted(1, "step") -> "1 step"; counted(2, "trajectory") -> "2 trajectories"."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number or 0:,} {noun if number == 1 else plural}"


def say(text: str) -> None:
    """Print, without colors if the output is not a terminal or NO_COLOR is set."""
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    print(ESCAPES.sub("", text) if plain else text)
