"""The shapes of the JSON files that the report reads, checked before use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gram import strict_json
from gram.fields import Form, Range, Rule, shown

NUMBER = Range(-1e15, 1e15)
COUNT = Range(0, 1e15)
TEXT = Form(r"(?s:.{0,1000})", "a string of at most 1,000 characters")
REMEDY = "repair or remove it"


@dataclass(frozen=True)
class Maybe:
    """The shape, or null."""

    shape: Any


@dataclass(frozen=True)
class Each:
    """An object whose keys match the rule, with at least `least` values of one shape."""

    key: Rule
    shape: Any
    least: int = 0


def read(path: Path, shape: Any, kind: str) -> dict[str, Any]:
    """The object in a JSON file of `kind`. ValueError names the file and its fault."""
    values = strict_json.read_object(path, REMEDY)
    compare(path, values, shape, kind)
    return values


def compare(path: Path, values: Any, shape: Any, kind: str) -> None:
    """ValueError if the `values` of the file do not have the shape."""
    if reason := wrong(values, shape, ""):
        raise ValueError(f"The {kind} file {path} is wrong: {reason}; {REMEDY}.")


def wrong(value: Any, shape: Any, where: str) -> str | None:
    """What does not have the shape, in words, or None. A shape is a rule of gram.fields, a type, a list of one shape or
    a tuple of it (at least that many entries), an object of shapes (a key with a question mark may be missing; unknown
    keys are ignored), Maybe or Each."""
    name = where or "it"
    if isinstance(shape, Maybe):
        return None if value is None else wrong(value, shape.shape, where)
    if isinstance(shape, Rule):
        return None if shape.fits(value) else f"{name} is {shown(value)}, not {shape.allowed}"
    if isinstance(shape, list | tuple):
        least = len(shape) if isinstance(shape, tuple) else 0
        if not isinstance(value, list) or len(value) < least:
            return f"{name} is {shown(value)}, not a list" + (f" of {least} or more" if least else "")
        parts = [(each, shape[0], f"{where}[{i}]") for i, each in enumerate(value)]
    elif isinstance(shape, dict | Each):
        if not isinstance(value, dict):
            return f"{name} is {shown(value)}, not an object"
        if isinstance(shape, Each):
            if odd := next((key for key in value if not shape.key.fits(key)), None):
                return f"{name} has the key {shown(odd)}, not {shape.key.allowed}"
            if len(value) < shape.least:
                return f"{name} is empty"
            parts = [(each, shape.shape, f"{where}[{shown(key)}]") for key, each in value.items()]
        else:
            if missing := next((key for key in shape if key[0] != "?" and key not in value), None):
                return f"{name} lacks {missing}"
            known = {key.removeprefix("?"): part for key, part in shape.items()}
            parts = [(value[key], part, f"{where}.{key}".strip(".")) for key, part in known.items() if key in value]
    else:
        return None if type(value) is shape else f"{name} is {shown(value)}, not of type {shape.__name__}"
    return next(filter(None, (wrong(*part) for part in parts)), None)
