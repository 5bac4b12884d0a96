"""`gram info`: what is available, or the parts of one set of weights or recipe. Text for people, or JSON.

torch is imported late, so that a mistyped name is refused at once.
"""

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from gram import tasks
from gram.console.text import counted, say

if TYPE_CHECKING:
    from gram.config import Config


def info(
    name: str | None, *, recipes: list[str], variants: list[str], recipe: Callable[[str], "Config"], as_json: bool
) -> int:
    """Show what is available or, for a name of weights or of a recipe, its parameters by part. `recipe` looks up a
    recipe."""
    if name is None:
        values = surroundings(recipes, variants)
        say(json.dumps(values) if as_json else overview(values))
        return 0
    values = portrait(name, recipe)
    if as_json:
        print(json.dumps(values))
        return 0
    lines = [f"{name}: {values['kind']} for {values['task']}, recipe {values['recipe']}"]
    longest = max(map(len, values["parameters"]), default=0)
    lines += [f"  {part:<{longest}} {number:>12,} parameters" for part, number in values["parameters"].items()]
    settings = ", ".join(f"{k} {v}" for k, v in values["solve"].items() if v is not None)
    lines.append(f"  solves with {settings}")
    if values["seconds"] is not None:
        lines.append(f"  trained for {values['seconds'] / 60:.1f} minutes, {counted(values['updates'], 'update')}")
    say("\n".join(lines))
    return 0


def surroundings(recipes: list[str], variants: list[str]) -> dict[str, Any]:
    """Versions, hardware, tasks, recipes and shipped weights."""
    from gram import weights as weight_files
    from gram.config import read_config
    from gram.measure.record import hardware, parameters

    weights = []
    for name in weight_files.shipped():
        config = read_config(weight_files.SHIPPED / name / weight_files.CONFIG)
        weights.append({"name": name, "task": config.task, "parameters": parameters(config)["total"]})
    return {
        "version": version("gram-reasoning"),
        "hardware": hardware(),
        "tasks": tasks.names(),
        "recipes": recipes,
        "variants": variants,
        "weights": weights,
    }


def overview(values: dict[str, Any]) -> str:
    """`surroundings` for people."""
    machine = values["hardware"]
    longest = max((len(w["name"]) for w in values["weights"]), default=0)
    weights = [f"  {w['name']:<{longest}} {w['parameters']:>12,} parameters" for w in values["weights"]]
    return "\n".join(
        [
            f"gram {values['version']}, Python {platform.python_version()}, torch {machine['torch']}",
            f"{machine['cpu']}, {counted(machine['cores'], 'core')}, GPU: {machine['gpu'] or 'none'}",
            f"tasks    {tasks.forms()}",
            f"recipes  {', '.join(values['recipes'])}; also queens-N, coloring-N, arc-1-N, arc-2-N for every size",
            f"variants {', '.join(values['variants'])}; after the name of any recipe, such as queens-8-trm",
            "weights in the package",
            *(weights or ["  none yet: train some with `gram train RECIPE`"]),
        ]
    )


def portrait(name: str, recipe: Callable[[str], "Config"]) -> dict[str, Any]:
    """One set of weights, or a recipe: parameters by part, options for answering, and training time."""
    from gram import weights as weight_files
    from gram.measure.record import parameters, training

    try:
        folder = weight_files.find(name)
    except FileNotFoundError as error:
        try:
            folder, config = None, recipe(name)
        except ValueError:
            raise FileNotFoundError(f"{error} There is no recipe of that name either.") from None
    else:
        config = weight_files.load(folder)[0]
    values: dict[str, Any] = {"name": name, "kind": "weights" if folder else "recipe"}
    values |= {"task": config.task, "recipe": config.recipe, "parameters": parameters(config)}
    values |= {"solve": vars(config.solve), "model": vars(config.model)}
    return values | (training(folder) if folder else {"seconds": None, "updates": None})
