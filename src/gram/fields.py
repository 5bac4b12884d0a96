"""Fields of settings: rules for their values, stated with their types, and conversion to and from JSON."""

import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

T = TypeVar("T")


class Rule:
    """A rule for values, used as Annotated[type, rule]. In a list it applies to every entry."""

    allowed: str
    """The allowed values in words, to follow "it must be"."""

    def fits(self, value: Any) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class Range(Rule):
    """Finite numbers from `least` to `most`; `above` and `below` exclude the ends."""

    least: float
    most: float
    above: bool = False
    below: bool = False

    @property
    def allowed(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        least = f"above {number(self.least)}" if self.above else f"at least {number(self.least)}"
        return f"{least} and {'below' if self.below else 'at most'} {number(self.most)}"

    def fits(self, value: Any) -> bool:
        if type(value) is not int and not (isinstance(value, float) and math.isfinite(value)):
            return False
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)


@dataclass(frozen=True)
class OrWord(Rule):
    """What another rule allows, or one word."""

    rule: Range
    word: str

    @property
    def allowed(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"{self.rule.allowed}, or {self.word!r}"

    def fits(self, value: Any) -> bool:
        return value == self.word or self.rule.fits(value)


@dataclass(frozen=True)
class Form(Rule):
    """Strings that a regular expression matches completely."""

    pattern: str
    allowed: str  # pyright: ignore[reportIncompatibleVariableOverride]

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


NAME = Form(r"\w[\w.+-]{0,99}", "a name: letters, digits, '-', '_', '.' and '+', 100 at most, a letter or digit first")
Name = Annotated[str, NAME]
"""A name that becomes part of a path, a heading or another file. It cannot lead out of its folder or contain markup."""
Text = Annotated[str, Form(r"[^\x00]{0,4096}", "a string of at most 4,096 characters")]
"""A path or another short string."""


class Checked:
    """A dataclass that checks its fields against their rules on creation. ValueError names the first invalid field, its
    value and the allowed values."""

    def __post_init__(self):
        kind = type(self).__name__
        section = kind.removesuffix("Config").lower() if kind.endswith("Config") else ""
        for name, rule in rules(type(self)).items():
            value = getattr(self, name)
            for each in value if isinstance(value, tuple) else () if value is None else (value,):
                if not rule.fits(each):
                    where = f"{section}.{name}" if section else name
                    raise ValueError(f"{where} is {shown(each)}; it must be {rule.allowed}.")


@functools.cache
def hinted(cls: type) -> dict[str, Any]:
    """The types of the fields of a dataclass."""
    return typing.get_type_hints(cls)


@functools.cache
def rules(cls: type) -> dict[str, Rule]:
    """The fields of a dataclass that have a rule."""
    hints = typing.get_type_hints(cls, include_extras=True)
    found = {f.name: _rule(hints[f.name]) for f in dataclasses.fields(cls)}
    return {name: rule for name, rule in found.items() if rule is not None}


def _rule(hint: Any) -> Rule | None:
    if typing.get_origin(hint) is Annotated:
        return next((each for each in hint.__metadata__ if isinstance(each, Rule)), None)
    return next(filter(None, map(_rule, typing.get_args(hint))), None)


# to JSON and back -----------------------------------------------------------------------------------------
def to_dict(settings: Any) -> dict[str, Any]:
    """A dataclass as plain JSON values."""
    return dataclasses.asdict(settings)


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Build dataclass `cls` from JSON values; `cls.FORMER` names fields of earlier versions, and what they are by now.
    ValueError for an unknown or missing key, or a value with a wrong type or against its rule."""
    hints = hinted(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    former = getattr(cls, "FORMER", {})
    for key, value in former.items():
        if values.get(key, value) != value:
            found, only = shown(values[key]), shown(value)
            raise ValueError(f"{cls.__name__}.{key} is {found}; it is always {only} now, so use an earlier version.")
    values = {key: value for key, value in values.items() if key not in former}
    for key in values:
        if key not in fields:
            close = difflib.get_close_matches(key[:100], fields, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(fields)}."
            raise ValueError(f"Unknown key {shown(key)} for {cls.__name__}{hint}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{cls.__name__} lacks the key {missing[0]!r}; add it.")
    return cls(**{key: _convert(hints[key], value, f"{cls.__name__}.{key}") for key, value in values.items()})


def _convert(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be an object, not {shown(value)}.")
        return from_dict(typing.cast(type, kind), value)
    if origin is Literal:
        if type(value) is not str or value not in arguments:
            raise ValueError(f"{where} is {shown(value)}; choose one of {', '.join(map(repr, arguments))}.")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where} must be a list, not {shown(value)}.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(value):
            raise ValueError(f"{where} must have {len(kinds)} entries, not {len(value)}.")
        return tuple(_convert(k, v, where) for k, v in zip(kinds, value, strict=True))
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        kind, *words = sorted(
            (a for a in arguments if a is not type(None)), key=lambda a: typing.get_origin(a) is Literal
        )
        if words and type(value) is str:
            return _convert(words[0], value, where)
        return _convert(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} must be of type {kind.__name__}, not {shown(value)}.")
    return value


# in words -------------------------------------------------------------------------------------------------
def shown(value: Any, most: int = 60) -> str:
    """A value for a message: its repr on one line, shortened if long."""
    if isinstance(value, str | list | tuple):  # avoids the repr of a large value
        value = value[:most]
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def number(value: float) -> str:
    """0.5 -> "0.5"; 1000000.0 -> "1,000,000"."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"
