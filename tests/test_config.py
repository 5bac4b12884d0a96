"""Configurations go to JSON and back; anything misspelt or of the wrong kind is refused in one sentence."""

import dataclasses
import json
import re

import pytest

from gram import recipes
from gram.config import (
    BackboneConfig,
    BaselineConfig,
    Config,
    GuidanceConfig,
    ModelConfig,
    RecursionConfig,
    SolveConfig,
    TrainConfig,
    from_dict,
    to_dict,
)
from gram.recipes.ignored import RULES, ignored

UNUSUAL = Config(
    recipe="mine",
    task="queens-8",
    data=("a.csv", "b.csv"),
    model=ModelConfig(width=64, mixer="swiglu", positions="none", guidance="noise", shared=True),
    train=TrainConfig(minutes=1.5, betas=(0.8, 0.9), carry="lockstep", augment=True),
    solve=SolveConfig(halt_threshold=0.25, select="majority"),
)


@pytest.mark.parametrize("config", [UNUSUAL, Config(recipe="r", task="sudoku-9")])
def test_round_trip(config):
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config


def test_what_is_left_out_has_its_default():
    config = from_dict(Config, {"recipe": "r", "task": "t", "model": {"width": 64}})
    assert config == Config(recipe="r", task="t", model=ModelConfig(width=64))


def test_whole_numbers_are_good_floats():
    made = from_dict(TrainConfig, {"minutes": 3, "lr": 1})
    assert (made.minutes, made.lr) == (3.0, 1.0)
    assert isinstance(made.minutes, float)
    assert isinstance(made.lr, float)


def test_null_where_it_is_allowed():
    assert from_dict(TrainConfig, {"minutes": None}).minutes is None
    with pytest.raises(ValueError, match=r"TrainConfig\.lr must be of type float, not None"):
        from_dict(TrainConfig, {"lr": None})


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (ModelConfig, {"widht": 64}, "Unknown key 'widht' for ModelConfig; did you mean 'width'?"),
        (Config, {"recipe": "r", "task": "t", "train": {"n_sup": 3}}, "'n_sup' for TrainConfig; did you mean 'N_sup'?"),
        (SolveConfig, {"zzz": 1}, "Unknown key 'zzz' for SolveConfig; known: width, depth"),
        (Config, {"task": "t"}, "Config lacks the key 'recipe'"),
        (ModelConfig, {"width": 64.0}, "ModelConfig.width must be of type int, not 64.0"),
        (ModelConfig, {"width": "64"}, "ModelConfig.width must be of type int, not '64'"),
        (ModelConfig, {"width": True}, "ModelConfig.width must be of type int, not True"),
        (ModelConfig, {"shared": 1}, "ModelConfig.shared must be of type bool, not 1"),
        (TrainConfig, {"lr": True}, "TrainConfig.lr must be of type float, not True"),
        (TrainConfig, {"minutes": "3"}, "TrainConfig.minutes must be of type float, not '3'"),
        (ModelConfig, {"guidance": "fully"}, "ModelConfig.guidance is 'fully'; choose one of 'full', 'noise'"),
        (ModelConfig, {"guidance": ["full"]}, "ModelConfig.guidance is ['full']; choose one of 'full', 'noise'"),
        (TrainConfig, {"betas": [0.9]}, "TrainConfig.betas must have 2 entries, not 1"),
        (TrainConfig, {"betas": [0.9, "x"]}, "TrainConfig.betas must be of type float, not 'x'"),
        (TrainConfig, {"betas": 0.9}, "TrainConfig.betas must be a list, not 0.9"),
        (Config, {"recipe": "r", "task": "t", "data": "a.csv"}, "Config.data must be a list, not 'a.csv'"),
        (Config, {"recipe": "r", "task": "t", "data": [1]}, "Config.data must be of type str, not 1"),
        (Config, {"recipe": "r", "task": "t", "model": 3}, "Config.model must be an object, not 3"),
    ],
)
def test_refused_in_one_sentence(cls, values, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        from_dict(cls, values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cls", [Config, ModelConfig, TrainConfig, SolveConfig])
def test_fields_are_keyword_only(cls):
    with pytest.raises(TypeError, match="positional"):
        cls("recipe", "task")


@pytest.mark.parametrize(
    ("recipe", "changes", "names"),
    [
        ("queens-8", {"model": {"heads": 2}}, ["model.heads"]),
        ("queens-8-attention", {"model": {"heads": 2, "mixer_hidden": 7}}, ["model.mixer_hidden"]),
        ("queens-8-trm", {"train": {"beta": 7.0, "prior_rows": 0.5, "warmup": 7}}, ["train.beta", "train.prior_rows"]),
        (
            "queens-8-mdlm",
            {"model": {"fusion": "concat"}, "train": {"halt_weight": 0.1}},
            ["model.fusion", "train.halt_weight"],
        ),
        ("queens-8-vae", {"train": {"beta": 0.5}}, []),
        ("sudoku-4-search", {"train": {"value_weight": 0.1}}, ["train.value_weight"]),
        ("queens-8-mdlm", {"model": {"K": 7, "denoising_steps": 8, "latent": 8}}, ["model.latent", "model.K"]),
        ("sudoku-4", {"solve": {"drop_below": -3.0, "width": 2}}, ["solve.drop_below"]),
        ("sudoku-4-search", {"solve": {"drop_below": -3.0}}, []),
        ("queens-8", {}, []),
    ],
)
def test_a_field_that_is_not_read_is_named(recipe, changes, names):
    default = recipes.recipe(recipe)
    found = list(ignored(recipes.change(default, **changes), default))
    assert [sentence.split()[0] for sentence in found] == names
    assert all(sentence.endswith(".") for sentence in found)


def test_every_field_that_can_be_ignored_exists():
    config = recipes.recipe("queens-8")
    for names, unread, _ in RULES:
        assert isinstance(unread(config), bool)
        for name in names:
            part, field = name.split(".")
            assert hasattr(getattr(config, part), field)


OLD = {"model": {"width": 64, "sigma_floor": 0.01, "sigma_form": "softplus"}, "train": {"momentum": 0.95}}


def test_fields_of_earlier_versions_are_read_where_nothing_changed():
    config = from_dict(Config, {"recipe": "r", "task": "t"} | OLD)
    assert config == Config(recipe="r", task="t", model=ModelConfig(width=64))
    assert "sigma_floor" not in to_dict(config)["model"]


@pytest.mark.parametrize(("part", "name", "value"), [("model", "sigma_form", "exp"), ("train", "clip", 0.5)])
def test_fields_of_earlier_versions_with_another_value_are_named(part, name, value):
    with pytest.raises(ValueError, match=name):
        from_dict(Config, {"recipe": "r", "task": "t", part: {name: value}})


def test_groups_share_out_the_fields_of_the_model():
    groups = [BackboneConfig, RecursionConfig, GuidanceConfig, BaselineConfig]
    names = [field.name for group in groups for field in dataclasses.fields(group)]
    assert len(set(names)) == len(names)
    assert names == [field.name for field in dataclasses.fields(ModelConfig)]
