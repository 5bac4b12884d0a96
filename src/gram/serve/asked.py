"""The body of a request: puzzles and options, checked against the limits. A bad field raises a Problem that names it.
Parsing may be slow (an exact solver checks each puzzle), so it runs outside the event loop.
"""

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any

from gram import strict_json
from gram.config import SolveConfig
from gram.console.options import Drawing, Solving
from gram.fields import shown
from gram.serve.problem import Problem
from gram.serve.settings import Settings
from gram.solve.answer import Answer
from gram.solve.deadline import Deadline
from gram.solve.generate import draw
from gram.solve.memory import check_width
from gram.solve.options import SamplingOptions, answering, drawing, resolve
from gram.solve.reasoner import PER_WANTED, Question, Reasoner
from gram.solve.sampler import Watch
from gram.solve.select import needs_check

SOLVING = tuple(field.name for field in dataclasses.fields(Solving) if "timeout" not in field.name)
"""Options for answers. A request has a single time limit, deadline_ms."""
DRAWING = tuple(field.name for field in dataclasses.fields(Drawing))
LONGEST = 100_000
"""Maximum characters of a puzzle."""


@dataclass(frozen=True)
class Asked:
    """What a request asks of a model."""

    questions: list[Question]
    """One per puzzle; for samples a single blank."""
    options: SamplingOptions
    width: int | None
    """Trajectories per puzzle, if the request sets them."""
    seconds: float
    """Time limit; after it, the best answers so far are returned."""
    trajectories: bool = False
    """Whether each event of a stream shows every trajectory."""

    def answers(self, reasoner: Reasoner, left: float, watch: Watch | None = None) -> list[Answer]:
        """Answer the puzzles within the `left` seconds. `watch`: see gram.solve.sampler."""
        options = dataclasses.replace(self.options, total_timeout=left)
        return list(reasoner.answered(self.questions, options, self.width, watch))

    def samples(self, reasoner: Reasoner, left: float) -> tuple[list[dict[str, Any]], bool]:
        """The samples drawn within the `left` seconds, and whether all were drawn."""
        task, deadline = reasoner.task.sampled(), Deadline(1, total=left)
        drawn = draw(reasoner.network, task, self.options, deadline=deadline)
        begun = [record for record in drawn.to_dicts() if record["steps"]]
        return begun, not deadline.late[0]

    @property
    def most_rows(self) -> int:
        """Maximum trajectories of a puzzle."""
        o = self.options
        several = PER_WANTED * o.want if o.want is not None and o.want > 1 else 0
        return self.width or max(o.width, several)

    def begins_with(self, first_wave: int) -> int:
        """Approximate rows of the first step. `first_wave`: see gram.solve.backend."""
        want = self.options.want
        return len(self.questions) * (self.most_rows if want is None else min(self.most_rows, first_wave * want))


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        values = strict_json.parse(body, "The body", "send a JSON object")
    except ValueError as error:
        raise Problem(400, str(error)) from None
    if not isinstance(values, dict):
        raise Problem(400, 'The body must be a JSON object, such as {"puzzles": ["..."]}.')
    return values


def solving(reasoner: Reasoner, body: bytes, settings: Settings, *, stream: bool = False) -> Asked:
    """Parse a request for answers to puzzles, or for one streamed answer."""
    values = parse(body)
    known = ("puzzles", *SOLVING, "deadline_ms", *(("trajectories",) if stream else ()))
    seconds = common(values, known, settings)
    if reasoner.task.unconditional:
        raise Problem(422, f"{reasoner.task.spec.name} has no puzzles to answer; ask for samples with generate.")
    texts = listed(values, 1 if stream else settings.max_puzzles)
    asked = {name: values.get(name) for name in SOLVING}
    options = resolved(reasoner.config.solve, asked, answering, settings)
    try:
        needs_check(reasoner.task, options.select, options.want)
    except ValueError as error:
        raise Problem(422, str(error), "want" if (options.want or 1) > 1 else "select") from None
    shown_all = values.get("trajectories") or False
    if not isinstance(shown_all, bool):
        raise Problem(422, "trajectories must be true or false.", "trajectories")
    found = Asked([], options, asked["width"], seconds, shown_all)
    if found.most_rows > settings.max_width:
        name = "want" if found.width is None and (options.want or 1) > 1 else "width"
        most = settings.max_width // (PER_WANTED if name == "want" else 1)
        raise Problem(422, f"{name} is {getattr(options, name):,}; this server allows {most:,} at most.", name)
    fits(found, len(texts), reasoner, "width")
    for i, text in enumerate(texts):
        try:
            found.questions.append(reasoner.question(text, i + 1, options.want))
        except ValueError as error:
            raise Problem(422, str(error), f"puzzles[{i}]") from None
    return found


def samples(reasoner: Reasoner, body: bytes, settings: Settings) -> Asked:
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
    found = Asked([Question(1, reasoner.task.sampled().blank, None)], options, n, seconds)
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


def fits(asked: Asked, puzzles: int, reasoner: Reasoner, name: str) -> None:
    """Raise a Problem if the request needs more memory than is free. `name`: the field to reduce."""
    try:
        check_width(asked.most_rows, puzzles, reasoner.task.spec.length)
    except ValueError as error:
        raise Problem(422, str(error), name) from None
