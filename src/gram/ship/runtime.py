"""Answer puzzles with a bundle, using numpy and onnxruntime alone. The sampler, the rules and the halting are the same
as with PyTorch; only the recursion runs in ONNX (ship/onnx_backend.py).

    python -m gram.ship.runtime BUNDLE [PUZZLE ...] [--input FILE] [--width N] [--depth N] [--want N] [--json]
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

from gram.config import read_config
from gram.console import puzzles as console
from gram.console.exits import ended
from gram.console.options import Messages, Solving
from gram.ship.onnx_backend import CONFIG, load, read_manifest

__all__ = ["load", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Answer puzzles with a bundle, as `gram solve` does with weights."""
    parser = argparse.ArgumentParser(prog="python -m gram.ship.runtime", description=main.__doc__)
    parser.add_argument("bundle", help="folder that `gram export` wrote")
    parser.add_argument(
        "puzzles", nargs="*", metavar="PUZZLE", help="puzzles as text; read from standard input if none are given"
    )
    parser.add_argument("--input", type=Path, help="a file of puzzles")
    hints = get_type_hints(Solving)
    for field in dataclasses.fields(Solving):
        parser.add_argument(f"--{field.name.replace('_', '-')}", **kind_of(hints[field.name]))
    parser.add_argument("--check", metavar="FILE.py:FUNCTION", help="function that checks answers to your own data")
    parser.add_argument("--trust-check", action="store_true", help="run the check that the bundle names, which is code")
    parser.add_argument("--json", action="store_true", help="one JSON object per puzzle")
    parser.add_argument("--skip-bad", action="store_true", help="skip invalid puzzles; the exit code is then 2")
    parser.add_argument("--quiet", action="store_true", help="print only errors on standard error")
    parser.add_argument("--verbose", action="store_true", help="print details on standard error as well")
    given = parser.parse_args(arguments)
    return ended(lambda: solve(given))


def kind_of(hint: Any) -> dict[str, Any]:
    """What argparse needs for the type of an option: a number, words, or either."""
    kind, *others = get_args(hint)  # the last one is None
    words = get_args(kind) or get_args(others[0])
    if kind in (int, float) and words:
        return {"type": lambda text: text if text in words else kind(text), "metavar": f"N|{'|'.join(words)}"}
    return {"type": str, "choices": words} if words else {"type": kind}


def solve(given: argparse.Namespace) -> int:
    """Answer the puzzles of the command line."""
    folder = Path(given.bundle)
    read_manifest(folder)
    with Messages(quiet=given.quiet, verbose=given.verbose).applied():
        return answer(folder, given)


def answer(folder: Path, given: argparse.Namespace) -> int:
    """The same with the bundle in `folder`."""
    return console.solve(
        read_config(folder / CONFIG).task,
        tuple(given.puzzles),
        input=given.input,
        weights=given.bundle,
        as_json=given.json,
        asked={field.name: getattr(given, field.name) for field in dataclasses.fields(Solving)},
        skip_bad=given.skip_bad,
        quiet=given.quiet,
        trust=given.trust_check,
        check=given.check,
    )


if __name__ == "__main__":
    sys.exit(main())
