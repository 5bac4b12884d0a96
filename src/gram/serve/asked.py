"""The body of a request: puzzles and options, checked against the limits. A bad field raises a Problem that names it.

Parsing may be slow (an exact solver checks each puzzle), so it runs outside the event loop.
"""

import dataclasses
import difflib
from typing import Any

from gram import strict_json
from gram.config import SolveConfig
from gram.fields import shown
from gram.serve.arc import Votes, read
from gram.serve.problem import Problem
from gram.serve.schema import DRAWING, SOLVING
from gram.serve.settings import Settings
from gram.serve.work import Wanted
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, answering, drawing, resolve
from gram.solve.reasoner import PER_WANTED, Question, Reasoner
from gram.solve.select import needs_check
from gram.tasks.arc.task import Arc

LONGEST = 100_000
"""Maximum characters of a puzzle."""


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        values = strict_json.parse(body, "The body", "send a JSON object")
    except ValueError as error:
        raise Problem(400, str(error)) from None
    if not isinstance(values, dict):
        raise Problem(400, 'The body must be a JSON object, such as {"puzzles": ["..."]}.')
    return values


def solving(reasoner: Reasoner, body: bytes, settings: Settings, *, stream: bool = False) -> Wanted:
    """Parse a request for answers to puzzles, or for one streamed answer."""
    values = parse(body)
    known = ("puzzles", *SOLVING, "deadline_ms", *(("trajectories",) if stream else ()))
    seconds = common(values, known, settings)
    if reasoner.task.unconditional:
        raise Problem(422, f"{reasoner.task.spec.name} has no puzzles to answer; ask for samples with generate.")
    most = 1 if stream else settings.max_puzzles
    texts = listed(values, most)
    shown_all = values.get("trajectories") or False
    if not isinstance(shown_all, bool):
        raise Problem(422, "trajectories must be true or false.", "trajectories")
    asked = {name: values.get(name) for name in SOLVING}
    if reasoner.task.votes:
        return dataclasses.replace(
            votes(reasoner, texts, asked, settings, most), seconds=seconds, trajectories=shown_all
        )
    options = resolved(reasoner.config.solve, asked, answering, settings)
    if options.want == "all" and stream:
        raise Problem(422, 'A stream shows one set of trajectories; leave out want "all", or use solve.', "want")
    if options.want == "all" and asked["width"] is None:
        asked["width"] = settings.max_width
    try:
        needs_check(reasoner.task, options.select, options.want)
    except ValueError as error:
        raise Problem(422, str(error), "select" if options.want in (None, 1) else "want") from None
    found = Wanted([], options, asked["width"], seconds, shown_all)
    if found.most_rows > settings.max_width:
        name = "want" if found.width is None and options.want not in (None, 1) else "width"
        allowed = settings.max_width // (PER_WANTED if name == "want" else 1)
        raise Problem(422, f"{name} is {getattr(options, name):,}; this server allows {allowed:,} at most.", name)
    fits(found, len(texts), reasoner, "width")
    for i, text in enumerate(texts):
        try:
            found.questions.append(reasoner.question(text, i + 1, options.want))
        except ValueError as error:
            raise Problem(422, str(error), f"puzzles[{i}]") from None
    return found


def votes(reasoner: Reasoner, texts: list[str], asked: dict[str, Any], settings: Settings, most: int) -> Votes:
    """Parse a request for attempts at the test inputs of ARC puzzles, at most `most`."""
    assert isinstance(reasoner.task, Arc)
    for name in ("select", "want"):
        if asked[name] is not None:
            raise Problem(422, f"An ARC test input gets two attempts, by vote; leave {name} out.", name)
    options = resolved(reasoner.config.solve, asked, resolve, settings)
    if options.width > settings.max_width:
        raise Problem(422, f"width is {options.width:,}; this server allows {settings.max_width:,} at most.", "width")
    asked_for, views = read(reasoner.task, texts, most), len(reasoner.task.views)
    found = Votes([], options, options.width, settings.max_seconds, asked=asked_for, views=views)
    fits(found, len(asked_for) * views, reasoner, "width")
    return found


def samples(reasoner: Reasoner, body: bytes, settings: Settings) -> Wanted:
    """Parse a request for samples of a task without puzzles."""
    values = parse(body)
    seconds = common(values, ("n", *DRAWING, "deadline_ms"), settings)
    if not reasoner.task.unconditional:
        raise Problem(422, f"{reasoner.task.spec.name} answers puzzles; send them to solve.")
    n = values.get("n")
    if n is not None and (type(n) is not int or not 1 <= n <= settings.max_puzzles):
        raise Problem(422, f"n is {shown(n)}; it must be an integer from 1 to {settings.max_puzzles:,}.", "n")
    n = n or min(reasoner.config.solve.width, settings.max_puzzles)
    asked = {name: values.get(name) for name in DRAWING}
    options = resolved(reasoner.config.solve, asked, lambda defaults, given: drawing(defaults, n, given), settings)
    found = Wanted([Question(1, reasoner.task.sampled().blank, None)], options, n, seconds)
    fits(found, 1, reasoner, "n")
    return found


def common(values: dict[str, Any], known: tuple[str, ...], settings: Settings) -> float:
    """Check that the keys are known. Return the seconds until the deadline."""
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(key[:100], known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the fields are {', '.join(known)}."
            raise Problem(422, f"There is no field {shown(key)}; {hint}", key[:100])
    limit = values.get("deadline_ms")
    if limit is None:
        return settings.max_seconds
    most = settings.max_seconds * 1000
    if type(limit) not in (int, float) or not 0 < limit <= most:
        raise Problem(
            422, f"deadline_ms is {shown(limit)}; it must be a number above 0 and at most {most:,.0f}.", "deadline_ms"
        )
    return limit / 1000


def listed(values: dict[str, Any], most: int) -> list[str]:
    """The puzzles as strings: at least one, at most `most`."""
    found = values.get("puzzles")
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not found:
        raise Problem(422, "puzzles must be a string or a list of strings, one per puzzle.", "puzzles")
    if len(found) > most:
        few = "one puzzle" if most == 1 else f"{most:,} puzzles"
        raise Problem(422, f"There are {len(found):,} puzzles; a request may hold {few} at most.", "puzzles")
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise Problem(422, f"A puzzle must be a string, not {shown(text)}.", f"puzzles[{i}]")
        if len(text) > LONGEST:
            raise Problem(
                422, f"The puzzle has {len(text):,} characters; at most {LONGEST:,} are allowed.", f"puzzles[{i}]"
            )
    return found


def resolved(defaults: SolveConfig, asked: dict[str, Any], rule: Any, settings: Settings) -> SamplingOptions:
    """The options with their defaults. Errors name the option at fault."""
    try:
        resolve(defaults, asked)  # checks each value by itself
        options = rule(defaults, asked)
    except ValueError as error:
        raise Problem(422, str(error).removeprefix("SamplingOptions."), culprit(defaults, asked, rule)) from None
    if options.depth > settings.max_depth:
        said = f"depth is {options.depth:,}; this server allows {settings.max_depth:,} at most."
        raise Problem(422, said, "depth")
    return options


def culprit(defaults: SolveConfig, asked: dict[str, Any], rule: Any) -> str | None:
    """The option that is invalid by itself, else the last one given."""
    given = [name for name, value in asked.items() if value is not None]
    for name in given:
        try:
            resolve(defaults, {name: asked[name]})
        except ValueError:
            return name
    return given[-1] if given else None


def fits(asked: Wanted, puzzles: int, reasoner: Reasoner, name: str) -> None:
    """Raise a Problem if the request needs more memory than is free. `name`: the field to reduce."""
    try:
        check_width(asked.most_rows, puzzles, reasoner.task.spec.length)
    except ValueError as error:
        raise Problem(422, str(error), name) from None
