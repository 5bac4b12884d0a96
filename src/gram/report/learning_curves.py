"""The learning curves of a run: losses, the prior against the posterior, validity, coverage, and the full ELBO."""

from dataclasses import dataclass, field
from pathlib import Path

from gram import strict_json, tasks
from gram.config import read_config

TRAINING = "training.json"
"""What a finished run has."""
SERIES = {
    "train": ("ce", "kl", "prior_validity", "posterior_accuracy"),
    "dev": ("valid", "coverage", "distinct"),
}
"""What is read over time, by the kind of the line."""


@dataclass(frozen=True)
class Learning:
    """Two series over updates in nats: the surrogate per token, the bound per puzzle. Others
    over time."""

    name: str
    """The folder."""
    surrogate: list[tuple[int, float]]
    """(update, cross-entropy + beta * KL), the mean over training rows and supervision steps, with the beta of that
    update."""
    elbo: list[tuple[int, float]]
    """(update, full ELBO of dev puzzles under the averaged weights); empty for a deterministic variant."""
    over_time: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """(minutes of training, value) of what SERIES names."""
    finished: bool = False
    """Whether the run is over."""


def read(folder: Path) -> Learning:
    """The run in `folder`. FileNotFoundError if there is none; ValueError naming a damaged file."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no metrics.jsonl; give the folder that `gram train --out` wrote.")
    config = read_config(folder / "config.json")
    spec = tasks.of(config).spec
    per_token = 1 / (spec.length - spec.answer_start)
    per_token /= config.model.width if config.train.kl_reduction == "mean" else 1
    surrogate, elbo = [], []
    over_time: dict[str, list[tuple[float, float]]] = {}
    lines = path.read_bytes().splitlines(keepends=True)
    for number, text in enumerate(lines, 1):
        if not text.endswith(b"\n"):  # the run is writing this line, or was killed while writing it
            break
        try:
            line = strict_json.parse(text, str(path), "remove the line")
            if line["kind"] == "train" and line.get("ce") is not None:
                beta = line.get("beta", config.train.beta)
                surrogate.append((int(line["update"]), line["ce"] + beta * per_token * (line.get("kl") or 0.0)))
            if line["kind"] == "dev" and line.get("elbo") is not None:
                elbo.append((int(line["update"]), float(line["elbo"])))
            seconds = line.get("trained_seconds", line.get("seconds"))
            for name in SERIES.get(line["kind"], ()):
                if seconds is not None and line.get(name) is not None:
                    over_time.setdefault(name, []).append((float(seconds) / 60, float(line[name])))
        except (ValueError, TypeError, KeyError, OverflowError):
            raise ValueError(f"{path} is damaged in line {number}; remove the line.") from None
    return Learning(str(folder), surrogate, elbo, over_time, (folder / TRAINING).is_file())
