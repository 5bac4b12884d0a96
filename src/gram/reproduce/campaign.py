"""What `gram reproduce all` runs: decided once, and kept in OUT/campaign.json."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gram import weights as weight_files
from gram.config import Config
from gram.fields import NAME, Range
from gram.measure.record import origin
from gram.messages import log
from gram.recipes import plans, split
from gram.recipes.plans import PLANS, Measure, Scale
from gram.recipes.variants import GRAM
from gram.report import results, shapes
from gram.report.measured import measured
from gram.reproduce import runs
from gram.reproduce.runs import RESULTS, RUNS

BEGUN = "campaign.json"
SHAPE = {
    "scale": NAME,
    "results": shapes.TEXT,
    "commit": shapes.Maybe(shapes.TEXT),
    "runs": [{"table": NAME, "recipe": NAME, "seed": Range(0, 2**63 - 1)}],
}


@dataclass(frozen=True)
class Run:
    """One training with all its measurements; several tables may share it."""

    tables: tuple[str, ...]
    config: Config
    measures: tuple[Measure, ...]
    after: float
    """Approximate minutes for the heads and the measurements."""

    @property
    def group(self) -> str:
        """The folder of runs with this budget; "" at the paper's scale, which has one budget for each recipe."""
        minutes = self.config.train.minutes
        return "" if minutes is None else f"at-{minutes:g}-minutes"

    @property
    def title(self) -> str:
        minutes = self.config.train.minutes
        budget = "" if minutes is None else f", {minutes:g} min"
        return f"{self.config.recipe}, seed {self.config.train.seed}{budget}"

    def folder(self, out: Path) -> Path:
        """The run folder."""
        return out / RUNS / self.group / f"{self.config.recipe}-{self.config.train.seed}"

    def log(self, out: Path) -> Path:
        """What the run says."""
        folder = self.folder(out)
        return folder.with_name(f"{folder.name}.log")

    def done(self, into: Path) -> bool:
        """Whether the results folder has all measurements."""
        there = runs.known(self.config, into / self.group)
        return all(runs.key(wanted, self.config) in there for wanted in self.measures)


@dataclass(frozen=True)
class Campaign:
    """What is to be run, and where the measurements go."""

    scale: Scale
    into: Path
    commit: str | None
    """The commit at the beginning."""
    runs: list[Run]


def plan(out: Path, scale: Scale, into: Path | None) -> Campaign:
    """What campaign.json says, or a new campaign: the runs of all models that have no row in `into`. ValueError or
    FileNotFoundError for what does not fit."""
    if into is not None and not into.is_dir():
        raise FileNotFoundError(f"There is no folder {into}; make it, or leave out --results.")
    if (out / BEGUN).is_file():
        return begun(out, scale, into)
    into = next((path for path in (into, Path(RESULTS)) if path is not None and path.is_dir()), out / RESULTS)
    found: list[results.Result] = []
    with suppress(FileNotFoundError):  # an empty folder
        found = results.read(into)
    there = measured(found, scale)
    entries = [
        {"table": name, "recipe": config.recipe, "seed": config.train.seed}
        for name in plans.ordered()
        for config in plans.configs(PLANS[name], scale)
        if (split(config.recipe)[2] or GRAM) not in there[name]
    ]
    return Campaign(scale, into, origin()["commit"], planned(entries, scale, out))


def begun(out: Path, scale: Scale, into: Path | None) -> Campaign:
    """The campaign of campaign.json. ValueError if it is another one."""
    values = shapes.read(out / BEGUN, SHAPE, "campaign")
    there = out / values["results"]
    if values["scale"] != scale:
        raise ValueError(f"{out} was begun with --scale {values['scale']}; give the same, or another --out.")
    if not there.is_dir() and there.resolve() != (out / RESULTS).resolve():
        raise FileNotFoundError(
            f"{out} records its results in {there}, which is gone; restore it, or take a new --out."
        )
    if into is not None and into.resolve() != there.resolve():
        raise ValueError(
            f"{out} records its results in {there}, not in {into}; leave out --results, or take a new --out."
        )
    return Campaign(scale, Path(os.path.normpath(there)), values["commit"], planned(values["runs"], scale, out))


def planned(entries: Sequence[dict[str, Any]], scale: Scale, out: Path) -> list[Run]:
    """The runs of the entries of campaign.json, in the order of their first tables. Tables share runs of the same
    recipe, seed and budget."""
    wanted = {(entry["table"], entry["recipe"], entry["seed"]) for entry in entries}
    found: dict[tuple[str, str, int], Run] = {}
    for name in plans.ordered():
        chosen = PLANS[name]
        for config in plans.configs(chosen, scale):
            entry = (name, config.recipe, config.train.seed)
            if entry not in wanted:
                continue
            wanted.discard(entry)
            run = Run((name,), config, tuple(plans.measures(chosen, config.recipe)), chosen.after)
            place = (run.group, config.recipe, config.train.seed)
            found[place] = joined(found[place], run) if place in found else run
    if wanted:
        table, recipe, seed = min(wanted)
        raise ValueError(
            f"{out / BEGUN} is of another version of gram: the table {table} of this one has no {recipe}, seed {seed}; "
            "take a new --out."
        )
    return list(found.values())


def joined(one: Run, other: Run) -> Run:
    """One training for both."""
    measures = tuple(dict.fromkeys((*one.measures, *other.measures)))
    return Run((*one.tables, *other.tables), one.config, measures, max(one.after, other.after))


def begin(campaign: Campaign, out: Path) -> None:
    """Write campaign.json, or warn that its campaign began with other code."""
    here = origin()["commit"]
    if (out / BEGUN).is_file():
        if here != campaign.commit:
            was, now = (f"{commit or 'unknown'}"[:12] for commit in (campaign.commit, here))
            log.warning(f"{out} began at commit {was}; this is {now}. Every measurement names its own commit.")
        return
    entries = [
        {"table": table, "recipe": run.config.recipe, "seed": run.config.train.seed}
        for run in campaign.runs
        for table in run.tables
    ]
    values = {"scale": campaign.scale, "results": os.path.relpath(campaign.into, out), "commit": here, "runs": entries}
    weight_files.write_json(out / BEGUN, values)
