"""Settings that have no effect in a configuration."""

from collections.abc import Callable, Iterator
from dataclasses import fields

from gram.config import Config, GuidanceConfig, RecursionConfig


def group(of: type, *others: str) -> tuple[str, ...]:
    """The fields of a group of ModelConfig, but for those that others read as well."""
    return tuple(f"model.{field.name}" for field in fields(of) if field.name not in others)


PRIOR = "train.prior_rows", "train.prior_learns", "train.prior_together"
HEADS = "train.halt_early", "train.halt_weight", "train.value_weight"
KL = "train.kl_balance", "train.kl_reduction", "train.kl_transitions", "train.posterior_transitions"
LOSS = "train.loss", "train.loss_after"
BETA = "train.beta", "train.beta_warmup"
DIFFUSIONS = "mdlm", "d3pm-uniform", "d3pm-absorbing"
RULES: tuple[tuple[tuple[str, ...], Callable[[Config], bool], str], ...] = (
    (("model.heads",), lambda c: c.model.mixer != "attention", 'only model.mixer "attention" has heads'),
    (("model.mixer_hidden",), lambda c: c.model.mixer == "attention", 'model.mixer "attention" has no hidden width'),
    (("model.stem_channels",), lambda c: c.model.stem != "patches", 'only model.stem "patches" has convolutions'),
    (("model.denoising_steps",), lambda c: c.model.kind not in DIFFUSIONS, "only a diffusion denoises"),
    (("model.latent",), lambda c: c.model.kind != "vae", 'only model.kind "vae" has a latent variable'),
    (
        (*group(RecursionConfig, "start"), *group(GuidanceConfig, "guidance"), *PRIOR, *HEADS, *KL, *LOSS),
        lambda c: c.model.kind != "recursive",
        'only model.kind "recursive" is a guided recursion',
    ),
    (
        (*group(GuidanceConfig, "guidance"), *KL, *BETA, *PRIOR),
        lambda c: c.model.kind == "recursive" and not c.model.guide.learned,
        "the model has no guidance",
    ),
    ((*HEADS, *LOSS), lambda c: c.model.candidates, "a model with candidates learns to judge by itself"),
    (
        ("train.loss_after",),
        lambda c: c.model.gradient != "full" or c.model.T == 1,
        'only model.gradient "full" with several transitions has earlier answers with a gradient',
    ),
    (("train.prior_together",), lambda c: not c.train.prior_learns, "rows on the prior do not learn to answer"),
    (("train.lr_puzzle", "train.weight_decay_puzzle"), lambda c: c.arc is None, "only ARC has vectors of puzzles"),
    (("solve.views",), lambda c: c.model.candidates, "a model with candidates guesses instead"),
    (
        ("solve.drop_below", "solve.give_up_below"),
        lambda c: not c.model.candidates,
        "only a model with candidates searches",
    ),
)
"""Names of fields, when they have no effect, and why."""


def ignored(config: Config, default: Config) -> Iterator[str]:
    """A sentence for each field that differs from `default` but has no effect in `config`."""
    changed = {
        f"{part}.{field.name}"
        for part in ("model", "train", "solve")
        for field in fields(getattr(config, part))
        if getattr(getattr(config, part), field.name) != getattr(getattr(default, part), field.name)
    }
    for names, unread, reason in RULES:
        for name in names:
            if name in changed and unread(config):
                changed.remove(name)
                yield f"{name} has no effect here: {reason}."
