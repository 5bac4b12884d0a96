"""Ctrl-C, termination, and a terminal that closes."""

import contextlib
import os
import signal
import threading
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_signals(alone: bool):
    """Ctrl-C and termination end the loop after the update instead of in the middle of it; a second one at once, unless
    torchrun sends it, which repeats what the terminal sent."""
    received: list[int] = []

    def receive(number: int, _: Any) -> None:
        received.append(number)
        if alone and len(received) > 1:
            raise KeyboardInterrupt("Stopped at once; the last checkpoint is intact.")
        if alone:  # print is not safe here
            with contextlib.suppress(OSError):  # the terminal is closed
                os.write(2, b"\nStopping after this update; once more stops at once, without a checkpoint.\n")

    main = threading.current_thread() is threading.main_thread()  # signals reach no other
    stopping = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        stopping.append(signal.SIGHUP)  # the terminal closes
    previous = {s: signal.signal(s, receive) for s in stopping if main}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
