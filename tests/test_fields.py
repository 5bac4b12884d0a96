"""Every field of settings says what it may hold; what it may not is one sentence that names field, value and range."""

import dataclasses
import typing
from typing import Any, Literal

import pytest

from gram import recipes
from gram.config import ArcConfig, Config, ModelConfig, SolveConfig, TableConfig, TrainConfig, from_dict
from gram.fields import Range, rules, shown

SECTIONS = {"": Config, "model": ModelConfig, "train": TrainConfig, "solve": SolveConfig, "arc": ArcConfig}
SECTIONS["table"] = TableConfig
NEEDED: dict[type, dict[str, Any]] = {
    Config: {"recipe": "r", "task": "queens-8"},
    TableConfig: {
        **{"files": [], "kind": "characters", "input_symbols": ["a"], "target_symbols": ["a"]},
        **{"input_length": 1, "target_length": 1, "in_place": True},
    },
}


def test_every_number_and_text_has_a_rule():
    for cls in SECTIONS.values():
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            parts = {hints[field.name], *typing.get_args(hints[field.name])}
            free = typing.get_origin(hints[field.name]) is Literal or not parts & {int, float, str}
            assert free or field.name in rules(cls), (cls, field.name)


@pytest.mark.parametrize("section", SECTIONS)
def test_numbers_outside_of_their_range_are_named(section):
    cls = SECTIONS[section]
    for name, rule in rules(cls).items():
        if not isinstance(rule, Range):
            continue
        pair = typing.get_origin(typing.get_type_hints(cls)[name]) is tuple
        for value in (rule.least - 1, rule.most + 1, -(10**30), 10**30):
            given = NEEDED.get(cls, {}) | {name: [value, value] if pair else value}
            field = f"{section}.{name}".strip(".")
            with pytest.raises(ValueError, match=f"^{field} is .*; it must be ") as error:
                from_dict(cls, given)
            assert "\n" not in str(error.value)
        for value in (float("nan"), float("inf")):
            with pytest.raises(ValueError, match=name):
                from_dict(cls, NEEDED.get(cls, {}) | {name: [value, value] if pair else value})


PLACES = [
    "../../x",
    "/etc/x",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "a\nb",
    "a\x00b",
    "<b>",
    "a b",
    "-x",
    "x" * 101,
    "|",
    "$(x)",
]


@pytest.mark.parametrize("name", ["recipe", "task"])
@pytest.mark.parametrize("value", PLACES)
def test_names_that_become_paths_lead_nowhere(name, value):
    with pytest.raises(ValueError, match=f"^{name} is .*; it must be a name: letters, digits"):
        from_dict(Config, NEEDED[Config] | {name: value})


def test_names_of_recipes_and_variants_are_names():
    for name in recipes.names():
        for variant in recipes.VARIANTS:
            Config(recipe=f"{name}-{variant}", task=name)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--model.width", 0, "model.width is 0; it must be at least 1"),
        ("--model.width", -4, "model.width is -4; it must be at least 1"),
        ("--model.hidden", 0, "model.hidden is 0; it must be at least 1"),
        ("--model.heads", 0, "model.heads is 0; it must be at least 1"),
        ("--solve.depth", 0, "solve.depth is 0; it must be at least 1"),
        ("--train.threads", 1_000_000, "train.threads is 1000000; it must be at least 1 and at most 1,024"),
        ("--train.lr", "nan", "train.lr is nan"),
        ("--train.betas", "0.9 1.0", "train.betas is 1.0"),
        ("--train.seed", -1, "train.seed is -1"),
        ("--recipe", "../../x", "ecipe is '../../x'; it must be a name"),
        ("--model.width", "abc", "--model.width is 'abc'; it must be a whole number"),
        ("--train.lr", "fast", "--train.lr is 'fast'; it must be a number"),
        ("--model.mixer", "x", "'attention', 'swiglu', 'groups'"),
        ("--modl.width", 3, "--modl.width"),
    ],
)
def test_options_of_train(option, value, says, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    said = refused("train", "queens-8", "--out", tmp_path / "run", option, *str(value).split(), most=1000)
    assert says in said
    assert said.endswith(".")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["solve", "queens-8", "--width", "abc"], "--width is 'abc'; it must be a whole number"),
        (["solve", "queens-8", "--temperature", "hot"], "--temperature is 'hot'; it must be a number"),
        (
            ["solve", "sudoku-4", "1" + "." * 15, "--json", "--temperature", "1e300"],
            "temperature is 1e+300; it must be",
        ),
        (["solve", "sudoku-4", "1" + "." * 15, "--json", "--temperature", "nan"], "temperature is nan"),
        (["solve", "sudoku-4", "1" + "." * 15, "--json", "--temperature", "inf"], "temperature is inf"),
        (["eval", "queens-8", "--limit", "1.5"], "--limit is '1.5'; it must be a whole number"),
        (["solve", "queens-8", "--select", "x"], "'--select'; expected one of"),
        (["solve", "queens-8", "--width"], "'--width'"),
        (["bench", "--threads", "many"], "--threads is 'many'; it must be a whole number"),
        (["info", "queens-8", "sudoku-9"], "sudoku-9"),
        (["solve"], "Missing"),
    ],
)
def test_options_of_other_commands(arguments, says, refused):
    assert says in refused(*arguments, most=1000)


def test_one_symbol_of_ones_own_data_is_one():
    good = NEEDED[TableConfig]
    for bad, says in (
        ({"input_symbols": ["ab"]}, "table.input_symbols .*'ab'"),
        ({"kind": "integers"}, "'a', .* integers"),
        ({"input_symbols": ["a", "a"]}, "duplicate symbol"),
        (
            {"input_symbols": [chr(200 + i) for i in range(200)], "target_symbols": [chr(600 + i) for i in range(99)]},
            "254",
        ),
    ):
        with pytest.raises(ValueError, match=says):
            from_dict(TableConfig, good | bad)


def test_puzzles_of_arc_are_named_once_and_fit():
    one, two = "0123456789abcdef", "fedcba9876543210"
    assert from_dict(ArcConfig, {"names": ["a", "b"], "contents": [one, two]}).variants == 8
    for bad in (
        {"names": ["a"], "contents": []},
        {"names": ["a", "a"], "contents": [one, two]},
        {"names": ["a b"], "contents": [one]},
        {"names": ["a"], "contents": ["xyz"]},
        {"names": ["\x1b[2J"], "contents": [one]},
        {"names": [f"n{i}" for i in range(2000)], "contents": [one] * 2000, "variants": 10_000},
    ):
        with pytest.raises(ValueError, match="arc"):
            from_dict(ArcConfig, bad)


def test_values_in_messages_are_short():
    assert shown("x" * 10_000_000) == "'" + "x" * 56 + "..."
    assert len(shown([["y" * 1000] * 1000] * 1000)) <= 60
