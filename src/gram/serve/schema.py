"""JSON schemas of the options of a request: names and descriptions are those of the command, ranges those of
SamplingOptions."""

import ast
import inspect
import itertools
import textwrap
import types
import typing
from dataclasses import fields
from functools import cache
from typing import Any

from gram.console.options import Drawing, Solving
from gram.fields import OrWord, Range
from gram.serve.settings import Settings
from gram.solve.options import SamplingOptions

SOLVING = tuple(field.name for field in fields(Solving) if "timeout" not in field.name)
"""Options for answers. A request has a single time limit, deadline_ms."""
DRAWING = tuple(field.name for field in fields(Drawing))


def options(settings: Settings, *, drawing: bool = False) -> dict[str, Any]:
    """The schema of each option, with this server's limits, and that of the deadline."""
    hints, about = typing.get_type_hints(SamplingOptions, include_extras=True), documented(Solving)
    limits = {"depth": {"maximum": settings.max_depth}, "width": {"maximum": settings.max_width}}
    found = {
        name: schema(hints[name]) | limits.get(name, {}) | {"description": about[name]}
        for name in (DRAWING if drawing else SOLVING)
    }
    deadline = {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": settings.max_seconds * 1000,
        "description": 'Milliseconds after which the best answer so far is returned, with "complete": false.',
    }
    return found | {"deadline_ms": deadline}


def schema(hint: Any) -> dict[str, Any]:
    """The schema of an annotation: a number with its Range, words, or both; None is left out."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        return {"type": "string", "enum": list(typing.get_args(hint))}
    kind, *rules = typing.get_args(hint)
    if rules and isinstance(rules[0], OrWord):
        return {"oneOf": [schema(typing.Annotated[int, rules[0].rule]), {"type": "string", "enum": [rules[0].word]}]}
    found: dict[str, Any] = {"type": "integer" if kind is int else "number"}
    for rule in rules:
        assert isinstance(rule, Range)
        found["exclusiveMinimum" if rule.above else "minimum"] = rule.least
        found["exclusiveMaximum" if rule.below else "maximum"] = rule.most
    return found


@cache
def documented(cls: type) -> dict[str, str]:
    """The docstring below each field of a dataclass and of its bases."""
    found = {name: text for base in cls.__bases__ if base is not object for name, text in documented(base).items()}
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    for field, text in itertools.pairwise(node.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found
