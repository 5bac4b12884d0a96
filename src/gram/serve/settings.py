"""Settings of the server."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gram.fields import Checked, Form, Range, Text, from_dict, to_dict

VARIABLE = "GRAM_SERVE"
"""The environment variable that passes the settings to the workers."""
MOST_WORKERS = 64


@dataclass(kw_only=True, frozen=True)
class Settings(Checked):
    """Where a server listens and what it allows. ValueError for a value out of range."""

    host: Text = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every network of this machine."""
    port: Annotated[int, Range(0, 65_535)] = 8000
    """Port to listen on; 0 takes a free one and prints it."""
    workers: Annotated[int, Range(1, MOST_WORKERS)] = 1
    """Processes that answer, each with its own copy of the weights."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """CPU threads of each process; 0 shares the processors among the workers."""
    dtype: Annotated[str, Form("auto|float32|bfloat16", "auto, float32 or bfloat16")] = "auto"
    """Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured clearly faster."""
    token_file: Text | None = None
    """A file with the bearer token that every request must carry; /healthz and /readyz need none."""
    cors: tuple[Text, ...] = ()
    """Origins whose pages may call this server, such as https://example.org."""
    queue: Annotated[int, Range(1, 100_000)] = 256
    """Maximum requests that wait or run, per set of weights; further ones get 429."""
    max_body: Annotated[int, Range(1, 1 << 30)] = 1 << 20
    """Maximum bytes of a request body."""
    max_puzzles: Annotated[int, Range(1, 1_000_000)] = 1024
    """Maximum puzzles, or samples, of a request."""
    max_width: Annotated[int, Range(1, 1_000_000)] = 1000
    """Maximum trajectories per puzzle."""
    max_depth: Annotated[int, Range(1, 1_000_000)] = 4096
    """Maximum supervision steps."""
    max_seconds: Annotated[float, Range(0, 86_400, above=True)] = 60.0
    """Seconds after which a request gets the best answers so far."""


def to_environment(weights: tuple[str, ...], settings: Settings) -> None:
    """Pass the settings to the processes that this one starts."""
    os.environ[VARIABLE] = json.dumps([list(weights), to_dict(settings)])


def from_environment() -> tuple[tuple[str, ...], Settings]:
    """The settings that `to_environment` passed."""
    weights, settings = json.loads(os.environ[VARIABLE])
    return tuple(weights), from_dict(Settings, settings)


def token(settings: Settings) -> str | None:
    """The bearer token, or None if the server needs none. FileNotFoundError or ValueError for a bad token file."""
    if settings.token_file is None:
        return None
    path = Path(settings.token_file)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; write the bearer token into it.")
    words = path.read_text(encoding="utf-8", errors="replace").split()
    if len(words) != 1 or not words[0].isascii() or len(words[0]) < 16:
        raise ValueError(f"{path} must hold one word of at least 16 ASCII characters, the bearer token.")
    return words[0]
