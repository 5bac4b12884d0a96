"""`gram reproduce --status`: one page about a campaign, from its files alone, whether its process lives or not."""

from pathlib import Path

from gram.atomic import holder, whole
from gram.console.text import counted
from gram.measure import record
from gram.recipes import plans
from gram.recipes.plans import Scale
from gram.reproduce import runs
from gram.reproduce.campaign import BEGUN, Campaign, Run, plan

FILE = "status.md"
DONE, RUNNING, STOPPED, TO_COME = "done", "running", "stopped", "to come"


def status(out: Path, scale: Scale = "laptop", into: Path | None = None) -> str:
    """The page of the campaign in `out`; before its beginning, of what it would run."""
    return page(out, plan(out, scale, into))


def write(out: Path, campaign: Campaign) -> None:
    """Write the page to status.md. OSError on a full disk."""
    with whole(out / FILE) as temporary:
        temporary.write_text(page(out, campaign) + "\n", encoding="utf-8")


def page(out: Path, campaign: Campaign) -> str:
    """The state of every run, by table, and the hours left."""
    states = [(run, state(run, campaign, out)) for run in campaign.runs]
    left = {id(run): hours(run, now, out) for run, now in states}
    head = [f"# All tables, {campaign.scale} scale", at_work(out)]
    head.append(f"{tally([now for _, now in states])}{together(list(left.values()))}. Results: {campaign.into}.")
    for name in plans.ordered():
        of = [(run, now) for run, now in states if name in run.tables]
        if not of:
            continue
        own = [left[id(run)] for run, _ in of if run.tables[0] == name]  # a shared run counts once
        head.append(f"## {name}: {tally([now for _, now in of])}{together(own)}")
        head.append("\n".join(line(run, now, left[id(run)], out) for run, now in of))
    if not states:
        head.append("Nothing is missing: every model of every table has a row.")
    return "\n\n".join(head)


def at_work(out: Path) -> str:
    """Who runs the campaign."""
    if (owner := holder(out)) is not None:
        return f"Running: {owner}."
    begun = (out / BEGUN).is_file()
    return f"Not running. The same command {'continues' if begun else 'begins'} it: `gram reproduce all --out {out}`."


def state(run: Run, campaign: Campaign, out: Path) -> str:
    """One of the four states of a run."""
    if run.done(campaign.into):
        return DONE
    folder = run.folder(out)
    if not folder.is_dir():
        return TO_COME
    return RUNNING if holder(folder) is not None else STOPPED


def hours(run: Run, now: str, out: Path) -> float | None:
    """Approximate hours of one core until the run is done; None if nothing is known, as at the paper's scale before a
    run has begun."""
    if now == DONE:
        return 0.0
    folder, c = run.folder(out), run.config.train
    spent = record.training(folder)
    seconds, updates = spent["seconds"] or 0.0, spent["updates"] or 0
    if runs.finished(folder):
        return run.after / 60
    if c.minutes is not None:
        return max(0.0, c.minutes - seconds / 60) / 60 + run.after / 60
    return seconds / updates * max(0, c.updates - updates) / 3600 if updates else None


def line(run: Run, now: str, left: float | None, out: Path) -> str:
    """One run."""
    parts = [f"- {now}: {run.title}"]
    if now != DONE and left is not None:
        parts.append(f" ({left:.1f} h)")
    if now in (RUNNING, STOPPED) and (said := runs.last_line(run.log(out))):
        parts.append(f": {said[:120]}")
    return "".join(parts)


def tally(states: list[str]) -> str:
    """ "2 of 7 runs done, 1 running, 4 to come"."""
    counts = {now: states.count(now) for now in (RUNNING, STOPPED, TO_COME)}
    parts = [f"{states.count(DONE)} of {counted(len(states), 'run')} done"]
    return ", ".join([*parts, *(f"{count} {now}" for now, count in counts.items() if count)])


def together(left: list[float | None]) -> str:
    """The hours left of several runs, if they are known."""
    known = [each for each in left if each is not None]
    if not any(left) and len(known) == len(left):
        return ""
    least = "" if len(known) == len(left) else "more than "
    return f"; {least}{sum(known):.1f} h of one core left"
