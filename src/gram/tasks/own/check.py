"""The check of your own data: a Python function that checks answers, and runs only if trusted."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gram.tasks.own.files import Written

Check = Callable[[Any, Any], Any]


def load_check(where: str) -> Check:
    """The function of "file.py:function". FileNotFoundError or ValueError with one sentence if there is none."""
    name, _, function = where.rpartition(":")
    path = Path(name)
    if path.suffix != ".py" or not function.isidentifier():
        raise ValueError(f"The check {where!r} does not have the form file.py:function; correct it.")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}, which holds the check; restore it, or give its new path with --check."
        )
    spec = importlib.util.spec_from_file_location(f"gram_check_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path} cannot be loaded ({type(error).__name__}: {error}); repair it.") from error
    check = getattr(module, function, None)
    if not callable(check):
        raise ValueError(f"{path} has no function {function}; name one that takes an input and an answer.")
    return check


def withheld(check: str) -> str:
    """What to do if a check is named but not trusted."""
    return (
        f"The weights name the check {check}, which is code that runs only if you trust it; read it and give "
        "--trust-check (in Python trust=True), or give your own with --check FILE.py:FUNCTION."
    )


def judge(check: Check, input: Written, answer: Written) -> bool:
    """check(input, answer). ValueError if it raises or returns anything but a bool."""
    try:
        verdict = check(input, answer)
    except Exception as error:
        raise ValueError(
            f"The check raised {type(error).__name__}: {error} for the input {input!r} and the answer {answer!r}; "
            "it must return True or False for every answer."
        ) from error
    if not isinstance(verdict, bool | np.bool_):
        raise ValueError(
            f"The check returned {verdict!r} for the input {input!r} and the answer {answer!r}; it must return True or "
            "False."
        )
    return bool(verdict)
