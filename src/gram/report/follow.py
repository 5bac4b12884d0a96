"""`gram report --run RUN ... --follow`: a page of the curves of runs that renews itself while they learn."""

import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from io import StringIO
from pathlib import Path

from gram.atomic import whole
from gram.report import learning_curves
from gram.report.page import MISSING, drawable

PAGE = "runs.html"
EVERY = 5.0
"""Seconds between two pictures."""


def follow(runs: Sequence[Path], out: Path, *, every: float = EVERY, wait: Callable[[float], None] = time.sleep) -> int:
    """Write OUT/runs.html, and rewrite it whenever a run has new metrics, until all are finished or Ctrl-C.
    FileNotFoundError for a folder that holds no run, ValueError without matplotlib."""
    if not runs:
        raise ValueError("--follow follows runs; name their folders with --run.")
    if not drawable():
        raise ValueError(MISSING)
    learned = [learning_curves.read(path) for path in runs]
    out.mkdir(parents=True, exist_ok=True)
    print(f"Open {out / PAGE} in a browser; it follows {len(runs)} run{'s' * (len(runs) != 1)}. Ctrl-C ends it.")
    sys.stdout.flush()
    before = None
    try:
        while True:
            over = all(run.finished for run in learned)
            if learned != before:
                with whole(out / PAGE) as temporary:
                    temporary.write_text(html(learned, None if over else every), encoding="utf-8")
            if over:
                break
            before = learned
            wait(every)
            learned = [learning_curves.read(path) for path in runs]
    except KeyboardInterrupt:
        with whole(out / PAGE) as temporary:  # a finished page need not reload
            temporary.write_text(html(learned, None), encoding="utf-8")
    return 0


def html(learned: Sequence[learning_curves.Learning], every: float | None) -> str:
    """The page, which loads itself again after `every` seconds."""
    import matplotlib

    from gram.report import figures

    with matplotlib.rc_context(figures.STYLE):
        figure = figures.runs(learned)
        drawn = StringIO()
        if figure is not None:
            figure.savefig(drawn, format="svg", metadata={"Date": None})
    picture = drawn.getvalue()
    shown = picture[picture.find("<svg") :] if picture else "<p>No metrics yet.</p>"
    renew = "" if every is None else f'<meta http-equiv="refresh" content="{every:g}">'
    names = "".join(f"<li>{escape(run.name)}: {'finished' if run.finished else 'learning'}</li>" for run in learned)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{renew}<title>Runs</title></head>'
        f"<body><h1>Runs</h1>{shown}<ul>{names}</ul></body></html>\n"
    )
