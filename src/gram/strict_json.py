"""JSON from files that others may have written: limited in size and depth, without the extensions that Python accepts.
All JSON of this package is read here."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

SETTINGS = 4 << 20
"""Maximum bytes of a configuration, manifest or results file; parsed, it takes up to a hundred times as much."""
DEPTH = 32
"""Maximum levels of nested lists and objects."""
DIGITS = 40
"""Maximum digits of an integer; nothing here counts or measures more."""
STRING = re.compile(
    r'"(?:[^"\\]+|\\.)*+"?', re.DOTALL
)  # an unclosed string runs to the end, so that matching is always linear
LONG = re.compile(r"[0-9]{20}")
STEPS = np.zeros(128, np.int8)
STEPS[[ord("["), ord("{")]], STEPS[[ord("]"), ord("}")]] = 1, -1


def parse(text: str | bytes, where: str, remedy: str) -> Any:
    """The value of a JSON text. ValueError, a sentence that starts with `where` and ends with `remedy`, for invalid
    JSON, more than DEPTH levels, duplicate keys, numbers that are not finite or have more than DIGITS digits, and
    unpaired surrogates."""
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        if depth(text) > DEPTH:
            raise ValueError(f"lists and objects are more than {DEPTH} levels deep")
        hooks: dict[str, Any] = {"object_pairs_hook": _object, "parse_float": _float, "parse_constant": _constant}
        if LONG.search(text):
            hooks["parse_int"] = _int
        value = json.loads(text, **hooks)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # unpaired surrogates cannot be encoded
    except UnicodeError:
        raise ValueError(f"{where} is not JSON in UTF-8; {remedy}.") from None
    except ValueError as error:
        raise ValueError(f"{where} is not JSON ({error}); {remedy}.") from None
    return value


def read(path: Path, remedy: str = "repair or remove it", limit: int = SETTINGS) -> Any:
    """The value of a JSON file of at most `limit` bytes. OSError if it cannot be read; ValueError if it is larger or as
    in `parse`."""
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} is larger than {limit / 1e6:.0f} MB, too large for such a file; {remedy}.")
    return parse(data, str(path), remedy)


def read_object(path: Path, remedy: str = "repair or remove it", limit: int = SETTINGS) -> dict[str, Any]:
    """Like `read`, for a file that must hold an object."""
    values = read(path, remedy, limit)
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold a JSON object; {remedy}.")
    return values


def depth(text: str) -> int:
    """An upper bound on the levels of brackets outside strings, counted before the parser recurses into them."""
    if text.count("[") + text.count("{") <= DEPTH:
        return 0
    codes = np.frombuffer(STRING.sub("", text).encode("ascii", "replace"), np.uint8)
    return int(np.cumsum(STEPS[codes], dtype=np.int32).max(initial=0))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1) if len(names) < 1000 else names[0]
        raise ValueError(f"an object has the key {twice[:60]!r} twice")
    return found


def _int(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")
