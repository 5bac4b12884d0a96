"""Damage: bits and spans of any bytes, and the structure of JSON."""

import json
import math
from typing import Any

import numpy as np

MARKUP = "<script>alert(1)</script>"
ODD: list[Any] = [
    *(None, True, False, 0, -1, -4, 1, 2, 255, 256, 257, 65_536, 1_000_000, 2**31, 2**63, 2**64, -(2**63), 10**39),
    *(0.0, -0.0, 0.5, -1.5, 1e-320, 1e300, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "0",
        "x",
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "a/b",
        "a\nb",
        "a\x00b",
        "\x1b[2J",
        "ü\U0001f600",
        "\ud800",
    ),
    *(
        MARKUP,
        "| a | b |",
        "](javascript:alert(1))",
        "![x](http://x/y.png)",
        "$\\frac{$",
        "&amp;",
        "`x`",
        "NaN",
        "x" * 5000,
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": {}},
        [None],
        [1, 2, 3],
        ["a", "b"],
        {"a": 1},
        {"examples": None, "valid": "x"},
        [0] * 1000,
    ),
]
"""Values that stand where others belong."""


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The same with flipped bits, or a span of it lost, doubled, zeroed or replaced by noise."""
    changed = bytearray(data)
    if not changed:
        return b"\x00"
    kind = int(rng.integers(7))
    if kind < 3:
        for _ in range(int(rng.choice([1, 1, 2, 8, 64]))):
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        return bytes(changed)
    first = int(rng.integers(len(changed)))
    last = min(len(changed), first + 1 + int(rng.integers(1 + min(len(changed), 4096))))
    span = bytes(changed[first:last])
    new = [b"", span + span, bytes(len(span)), rng.bytes(len(span))][kind - 3]
    if kind == 3 and rng.random() < 0.3:
        return bytes(changed[:first])
    return bytes(changed[:first]) + new + bytes(changed[last:])


def restructured(value: Any, rng: np.random.Generator) -> Any:
    """JSON with one to three places changed: another value, a key lost, renamed or added, levels put around it."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        value = _once(value, rng)
    return value


def _once(value: Any, rng: np.random.Generator) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = list(value)[int(rng.integers(len(value)))]
        kind = rng.random()
        if kind < 0.75:
            return {**value, key: _once(value[key], rng)}
        rest = {k: v for k, v in value.items() if k != key}
        if kind < 0.85:
            return rest
        name = str(_odd(rng)) if kind < 0.95 else key.upper()
        return rest | {name: value[key]}
    if isinstance(value, list) and value and rng.random() < 0.8:
        i = int(rng.integers(len(value)))
        kind = rng.random()
        if kind < 0.7:
            return [*value[:i], _once(value[i], rng), *value[i + 1 :]]
        return value[:i] if kind < 0.8 else value + value if kind < 0.9 else value[i + 1 :]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.4:
        return [-value, value * 1000, value + 1, value / 3, str(value), int(value) if math.isfinite(value) else 0][
            int(rng.integers(6))
        ]
    kind = rng.random()
    if kind < 0.05:
        levels = int(rng.choice([1, 40, 900]))
        for _ in range(levels):
            value = [value]
        return value
    return _odd(rng)


def _odd(rng: np.random.Generator) -> Any:
    return ODD[int(rng.integers(len(ODD)))]


def json_text(values: Any, rng: np.random.Generator) -> bytes:
    """`values` restructured, and now and then damaged as text: doubled keys, 200,000 brackets, other encodings."""
    kind = rng.random()
    if kind < 0.8:
        try:
            return json.dumps(restructured(values, rng)).encode()
        except RecursionError:  # deeper than Python writes it
            return b"[" * 900 + b"]" * 900
    text = json.dumps(values)
    if kind < 0.9:
        return damaged(text.encode(), rng)
    brackets = ["[" * 200_000, '{"a":' * 100_000, text[:-1] + ', "x": ' + "[" * 200_000]
    whole = [text[:-1] + "," + text[1:], text + text, "[" + text + "]", "", "\ufeff" + text]
    return [*(t.encode() for t in (*brackets, *whole)), text.encode("utf-16"), text.encode("utf-32")][
        int(rng.integers(10))
    ]
