"""`gram solve --server URL`: a server answers instead of locally loaded weights."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gram import strict_json
from gram.console.output import records
from gram.console.text import counted, one_line, say
from gram.tasks.base import Task
from gram.tasks.spec import Tokens

CHUNK = 64
"""Puzzles per request."""
PATIENCE = 20
"""Maximum retries of a busy server."""
LONGEST = 64 << 20
"""Maximum bytes of a response."""
SECONDS = 600.0
"""Seconds of silence after which a server counts as gone."""


class Remote(NamedTuple):
    """A server and its token."""

    url: str
    token_file: Path | None = None


def report(
    remote: Remote,
    task: Task,
    numbered: Sequence[tuple[int, Tokens]],
    asked: dict[str, Any],
    *,
    as_json: bool,
    several: bool,
    output: Path | None = None,
) -> None:
    """Print each answer, or write all to the new file `output`. several: name puzzles by number, and print at the end
    how many were solved."""
    begin, solved = time.perf_counter(), 0
    with records(output) as taken:
        for answer in answers(remote, task, numbered, asked):
            solved += bool(answer["valid"])
            taken.add(answer)
            if as_json:
                print(json.dumps(answer), flush=True)
            elif output is None:
                heading, gap = (f"Puzzle {answer['number']}\n", "\n") if several else ("", "")
                say(heading + describe(answer) + gap)
    if (several or output is not None) and not as_json:
        where = "" if output is None else f"{output}: "
        say(f"{where}{solved} of {len(numbered)} solved in {time.perf_counter() - begin:.2f} s")


def answers(
    remote: Remote, task: Task, numbered: Sequence[tuple[int, Tokens]], asked: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each puzzle, as in `gram solve --json`. ValueError if the server refuses a request, OSError
    if it cannot be reached."""
    options = {name: value for name, value in asked.items() if value is not None}
    if options.pop("timeout", None) is not None:
        raise ValueError("A server has one time limit for all puzzles; give --total-timeout instead of --timeout.")
    total = options.pop("total_timeout", None)
    begin = time.monotonic()
    for first in range(0, len(numbered), CHUNK):
        part = numbered[first : first + CHUNK]
        body = options | {"puzzles": [task.show(tokens) for _, tokens in part]}
        if total is not None:
            body["deadline_ms"] = max(1.0, 1000 * (total - (time.monotonic() - begin)))
        for (number, _), answer in zip(part, post(remote, task.spec.name, body, [n for n, _ in part]), strict=True):
            yield answer | {"number": number}


def post(remote: Remote, name: str, body: dict[str, Any], numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The answers to one request. A busy server is asked again when it allows."""
    url = f"{remote.url.rstrip('/')}/v1/{urllib.parse.quote(name)}/solve"
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"{remote.url} is not the address of a server; give one such as http://127.0.0.1:8000.")
    headers = {"Content-Type": "application/json"}
    if remote.token_file is not None:
        headers["Authorization"] = f"Bearer {token(remote.token_file)}"
    for _ in range(PATIENCE):
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return read(response.read(LONGEST), remote.url)
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise ValueError(refusal(error, numbers)) from None
            wait = error.headers.get("Retry-After", "1")
            time.sleep(min(60, int(wait)) if wait.isdigit() else 1)
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise OSError(f"{remote.url} does not answer ({reason}); is `gram serve` running there?") from None
    raise OSError(f"{remote.url} is busy; try again later.")


def token(path: Path) -> str:
    """The bearer token that a file holds. ValueError if it is no single word of ASCII."""
    with open(path, "rb") as file:
        words = file.read(1 << 16).split()
    if len(words) != 1 or not words[0].isascii():
        raise ValueError(f"{path} must hold one word of ASCII characters, the bearer token.")
    return words[0].decode()


def read(text: bytes, where: str) -> list[dict[str, Any]]:
    """The answers of a response."""
    found = strict_json.parse(text, f"The response of {where}", "is it a server of gram")
    if not isinstance(found, dict) or not isinstance(found.get("answers"), list):
        raise ValueError(f"{where} gives no answers; is it a server of gram?")
    return found["answers"]


def refusal(error: urllib.error.HTTPError, numbers: Sequence[int]) -> str:
    """The server's error for a request, with the number of the puzzle at fault."""
    try:
        problem = strict_json.parse(error.read(1 << 20), "The problem", "none")
        detail, field = str(problem["detail"]), str(problem.get("field", ""))
    except (ValueError, KeyError, TypeError):
        return f"The server answers {error.code} {error.reason}; is it a server of gram?"
    place = field.removeprefix("puzzles[").removesuffix("]")
    if field.startswith("puzzles[") and place.isdigit() and int(place) < len(numbers) > 1:
        return f"Puzzle {numbers[int(place)]}: {detail}"
    return detail


def describe(answer: dict[str, Any]) -> str:
    """One answer for people."""
    cost = f"{counted(answer['evaluations'], 'function evaluation')}, {answer['seconds']:.2f} s"
    if answer["answer"] is None and answer.get("all"):
        return f"no solution: the rules exclude every completion ({cost})"
    if answer["answer"] is None:
        return f"unsolved{'' if answer['complete'] else ' when the time was up'} ({cost})"
    verdict = {
        True: "solved: the answer obeys all rules",
        False: "unsolved: the answer breaks rules",
        None: "unchecked",
    }
    lines = [answer["answer"], verdict[answer["valid"]]]
    lines.append(f"chosen  {answer['agreed']} of {answer['finished']} ended trajectories agree ({cost})")
    if not answer["complete"]:
        lines.append("not complete: the time was up, and this is the best so far")
    if answer.get("all"):
        lines.append(f"these are all solutions: {len(answer['distinct'])}")
    if len(answer["distinct"]) > 1:
        lines += [counted(len(answer["distinct"]), "distinct answer"), *map(one_line, answer["distinct"])]
    return "\n".join(lines)
