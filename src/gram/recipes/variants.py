"""Model variants, ablations and baselines as changed fields of any recipe."""

import dataclasses
from typing import Any

from gram.config import Config

GRAM = "gram"
"""The name of the model itself among those of variants."""


def change(config: Config, **sections: dict[str, Any]) -> Config:
    """`config` with changed fields: change(c, model={"K": 2}, train={"beta": 1.0})."""
    parts = {section: dataclasses.replace(getattr(config, section), **fields) for section, fields in sections.items()}
    return dataclasses.replace(config, **parts)


AS_IT_IS: Any = {"temperature": None}
"""Solve options of other models, since a recipe's factor on the learned noise does not apply to them."""


def baseline(kind: str, depth: int = 1024, **model: Any) -> dict[str, dict[str, Any]]:
    """A baseline of about 0.5M parameters. It halts when it is done; `depth` is only a maximum."""
    size = {"width": 128, "blocks": 4, "hidden": 128, "heads": 4, "mixer": "attention", "positions": "learned"}
    return {
        "model": {"kind": kind, "unary": False} | size | model,
        "train": {
            "beta": 1.0,
            "beta_warmup": 0.0,
            "N_sup": 1,
            "prior_rows": 0.0,
            "prior_learns": False,
            "evaluate_examples": 64,
        },
        "solve": {"depth": depth, "restart_every": None, "halt_threshold": 0.0} | AS_IT_IS,
    }


def unguided(train: dict[str, Any] | None = None, solve: dict[str, Any] | None = None, **model: Any) -> dict[str, Any]:
    """A variant of the recursive model without guidance."""
    return {
        "model": {"guidance": "none"} | model,
        "train": {"beta_warmup": 0.0} | (train or {}),
        "solve": (solve or {}) | AS_IT_IS,
    }


ALL_LOOPS: Any = {"hierarchy": False, "T": 12, "gradient": "full"}
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "trm": unguided(shared=True),
    "hrm": unguided(blocks=4, gradient="one-step", halting="halt-continue"),
    "looped": unguided({"N_sup": 1}, {"depth": 2}, **ALL_LOOPS),
    "looped-guided": {"model": ALL_LOOPS, "train": {"N_sup": 1}, "solve": {"depth": 2}},
    "flat": {"model": {"hierarchy": False}},
    "deterministic": unguided(),
    "noise-only": {"model": {"guidance": "noise"}},
    "mean-only": {"model": {"guidance": "mean"}},
    "stochastic-decoder": {"model": {"guidance": "decoder"}},
    "random-start": unguided(start="random"),
    "single-pass": unguided({"N_sup": 1}, {"depth": 1}, K=1, T=1),
    "posterior-last": {"model": {"T": 2}},
    "posterior-all": {"model": {"T": 2}, "train": {"posterior_transitions": "all"}},
    "kl-all": {"model": {"T": 2}, "train": {"posterior_transitions": "all", "kl_transitions": "all"}},
    "attention": {"model": {"mixer": "attention", "positions": "rope", "heads": 4}},
    "swiglu": {"model": {"mixer": "swiglu", "positions": "none", "mixer_hidden": 128}},
    "groups": {"model": {"mixer": "groups", "positions": "none", "mixer_hidden": 64}},
    "direct-8": baseline("direct", depth=1, guidance="none", width=96, blocks=8, hidden=96),
    "direct-32": baseline("direct", depth=1, guidance="none", width=48, blocks=32, hidden=48),
    "autoregressive": baseline("autoregressive", stem="tokens"),
    "mdlm": baseline("mdlm"),
    "d3pm-uniform": baseline("d3pm-uniform", start="random"),
    "d3pm-absorbing": baseline("d3pm-absorbing"),
    "vae": baseline("vae", depth=1, blocks=2),
    "deep": {
        "model": {"hierarchy": False, "K": 1, "T": 8, "gradient": "full", "sigma_start": 0.05},
        "train": {"loss_after": "transition"},
    },
    "search": {
        "model": {
            "candidates": True,
            "unary": True,
            "mixer": "groups",
            "positions": "none",
            "width": 32,
            "hidden": 64,
            "mixer_hidden": 16,
            "hierarchy": False,
            "K": 1,
            "T": 4,
            "gradient": "full",
            "guidance": "none",
        },
        "train": {
            "batch": 64,
            "N_sup": 100,
            "lr": 3e-3,
            "lr_rest": 2e-3,
            "augment": False,
            "halt_early": False,
            "beta_warmup": 0.0,
            "prior_rows": 0.0,
            "prior_learns": False,
        },
        "solve": {"width": 1, "depth": 4000, "restart_every": None, "halt_threshold": 0.0}
        | AS_IT_IS
        | {"drop_below": -5.0},
    },
}
RENAMED = {"several": "posterior-last", "literal": "posterior-all", "all-pay": "kl-all", "direct": "single-pass"}
"""Earlier names of variants -> new names. They still work, and results under them count for the new names."""
TRM_SIZE: Any = {"hidden": 1536, "registers": 16}  # expansion 4 and 16 puzzle tokens
D3PM: Any = {"width": 512, "blocks": 5, "hidden": 1344, "heads": 8, "denoising_steps": 1000}
LARGE: dict[str, dict[str, Any]] = {
    "trm": TRM_SIZE,
    "hrm": TRM_SIZE,
    "looped": TRM_SIZE,
    "direct-8": {"width": 512, "hidden": 1536, "heads": 8},  # 27M
    "direct-32": {"width": 256, "hidden": 768, "heads": 8},  # 27M
    "autoregressive": {"width": 384, "blocks": 6, "hidden": 1024, "heads": 6},  # 10.6M
    "mdlm": {"width": 512, "blocks": 4, "hidden": 1360, "heads": 8, "denoising_steps": 1000},  # 12.6M
    "d3pm-uniform": D3PM,  # 15.9M
    "d3pm-absorbing": D3PM,
    "vae": {"width": 512, "blocks": 3, "hidden": 512, "heads": 8},  # as GRAM
    **{name: {"T": 3} for name in ("posterior-last", "posterior-all", "kl-all")},
}
"""Changes of variants at the paper's scale: the sizes in its tables."""
