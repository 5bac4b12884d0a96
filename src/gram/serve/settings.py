"""What a server is told when it starts."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gram.fields import Checked, Form, Range, Text, from_dict, to_dict

VARIABLE = "GRAM_SERVE"
"""The environment variable by which the process that was started tells its workers their settings."""
MOST_WORKERS = 64


@dataclass(kw_only=True, frozen=True)
class Settings(Checked):
    """Where a server listens and what it allows. ValueError for a value out of range."""

    host: Text = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every network of this machine."""
    port: Annotated[int, Range(0, 65_535)] = 8000
    """Port to listen on; 0 takes a free one and says which."""
    workers: Annotated[int, Range(1, MOST_WORKERS)] = 1
    """Processes that answer, each with its own copy of the weights."""
    threads: Annotated[int, Range(0, 1024)] = 0
    """CPU threads of each process; 0 shares the processors among the workers."""
    dtype: Annotated[str, Form("auto|float32|bfloat16", "auto, float32 or bfloat16")] = "auto"
    """Arithmetic; auto is GRAM_DTYPE, else bfloat16 where it was measured to be clearly faster."""
    token_file: Text | None = None
    """A file with the bearer token that every request must carry; /healthz and /readyz need none."""
    cors: tuple[Text, ...] = ()
    """Origins whose pages may ask this server, such as https://example.org; none if not given."""
    queue: Annotated[int, Range(1, 100_000)] = 256
    """Requests of one set of weights that wait or are worked on at most; further ones get 429."""
    max_body: Annotated[int, Range(1, 1 << 30)] = 1 << 20
    """Bytes of a request's body at most."""
    max_puzzles: Annotated[int, Range(1, 1_000_000)] = 1024
    """Puzzles of one request at most, and samples of one request for samples."""
    max_width: Annotated[int, Range(1, 1_000_000)] = 1000
    """Trajectories per puzzle at most."""
    max_depth: Annotated[int, Range(1, 1_000_000)] = 4096
    """Supervision steps at most."""
    max_seconds: Annotated[float, Range(0, 86_400, above=True)] = 60.0
    """Seconds after which a request gets the best answers found by then."""


def to_environment(weights: tuple[str, ...], settings: Settings) -> None:
    """Hand the settings down to the processes that this one starts."""
    os.environ[VARIABLE] = json.dumps([list(weights), to_dict(settings)])


def from_environment() -> tuple[tuple[str, ...], Settings]:
    """What `to_environment` handed down."""
    weights, settings = json.loads(os.environ[VARIABLE])
    return tuple(weights), from_dict(Settings, settings)


def token(settings: Settings) -> str | None:
    """The bearer token; None where none is asked for. FileNotFoundError or ValueError for a file that holds none."""
    if settings.token_file is None:
        return None
    path = Path(settings.token_file)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; write the bearer token into it.")
    lines = path.read_text(encoding="utf-8", errors="replace").split()
    if len(lines) != 1 or not lines[0].isascii() or len(lines[0]) < 16:
        raise ValueError(f"{path} must hold one word of at least 16 ASCII characters, the bearer token.")
    return lines[0]
