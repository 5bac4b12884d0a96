"""The time of a run: what is done of it, and what is kept for its end."""

import dataclasses
import time
from dataclasses import dataclass, field

from gram.config import Config

UNCOMPILED = 3.0
"""Minutes of a run below which compilation takes more time than it saves: a minute of an idle core, the first time."""
LEAST = 300
"""Updates below which hardly anything was ever learnt (LOG.md)."""


def kept(config: Config) -> float:
    """Seconds of `minutes` that heads and the last evaluation may take: less of a long run than of a short one."""
    budget = 60 * (config.train.minutes or 0.0)
    return min(0.12 * budget, 60 + 0.03 * budget)


def crowding(seconds: float = 0.1) -> float:
    """How many times longer than on an idle core a computation takes now: 1 or more, by one of so many seconds."""
    wall, busy = time.monotonic(), time.process_time()
    while time.process_time() - busy < seconds:
        pass
    return max(1.0, (time.monotonic() - wall) / (time.process_time() - busy))


def uncompiled(config: Config, crowd: float = 1.0) -> Config:
    """`config` without compilation if its run is too short for it, on a core that is crowded `crowd` times."""
    c = config.train
    if c.minutes is None or c.minutes >= UNCOMPILED * crowd:
        return config
    return dataclasses.replace(config, train=dataclasses.replace(c, compile=False))


@dataclass
class Progress:
    """How far the run is; saved with every checkpoint."""

    update: int = 0
    seconds: float = 0.0
    startup: float = 0.0
    """Of these seconds, those that reading and compilation took: what is scheduled by shares begins after them."""
    begun: int = 0
    """The update at which the weights were new: above 0 in a run that restarted."""
    means: dict[str, float] = field(default_factory=dict)
    """Exponential means of the metrics over updates."""

    def share(self, config: Config) -> float:
        """Of the budget for updates, in [0, 1]."""
        done = (self.update - self.begun) / max(1, config.train.updates - self.begun)
        if config.train.minutes is None:
            return min(1.0, done)
        left = 60 * config.train.minutes - kept(config) - self.startup
        return min(1.0, max(done, (self.seconds - self.startup) / left)) if left > 0 else 1.0

    def left(self, config: Config) -> float:
        """Seconds until the last update, at the speed of now."""
        share = self.share(config)
        return (self.seconds - self.startup) * (1 / share - 1) if share > 0 else 0.0

    def again(self) -> "Progress":
        """That of a run which restarts with the time that is left."""
        return Progress(self.update, self.seconds, startup=self.seconds, begun=self.update)

    def too_short(self, config: Config, seconds: float) -> str | None:
        """What to say of a budget for too few updates of `seconds` each; None if it is long enough."""
        minutes = config.train.minutes
        if minutes is None:
            return None
        ahead = 60 * minutes - kept(config) - self.seconds
        fits = self.update + int(max(0.0, ahead) / max(seconds, 1e-9))
        if fits >= LEAST:
            return None
        more = (self.seconds + (LEAST - self.update) * seconds) / 60 / 0.88
        return (
            f"Warning: about {fits} updates fit into {minutes:g} minutes, and with fewer than {LEAST} hardly anything "
            f"is learnt; give --minutes {max(minutes, more) + 1:.0f} or more."
        )
