"""Download a file over HTTP: resumed after interruptions, checked, and stored completely or not at all."""

import http.client
import logging
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gram.messages import log
from gram.tasks.data.store import fingerprint

BLOCK = 1 << 20
Report = Callable[[str, int, int | None], None]
"""Called with a file's name, the bytes received, and the bytes expected (None if unknown)."""
BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def progress(name: str, done: int, total: int | None) -> None:
    """A `Report`: one line on a terminal that is updated; nothing elsewhere."""
    if log.isEnabledFor(logging.INFO) and sys.stderr.isatty():
        of = f" of {total / 1e6:.1f}" if total is not None else ""
        print(f"\r{name}  {done / 1e6:.1f}{of} MB", end="\n" if done == total else "", file=sys.stderr, flush=True)


def fetch(
    urls: tuple[str, ...],
    path: Path,
    *,
    report: Report,
    sha256: str | None = None,
    most: int | None = None,
    attempts: int = 4,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> None:
    """Download the first of `urls` (mirrors) that answers to `path`, beginning where an earlier call left its .part.

    A broken connection is taken up again `attempts` times in all, after `pause` seconds and then longer. OSError when
    no address gives the file (the .part stays, for resuming); ValueError for a wrong sha256 and for more than `most`
    bytes (the .part goes)."""
    part = path.with_name(path.name + ".part")
    reasons = []
    for url in urls:
        try:
            for attempt in range(1, attempts + 1):
                try:
                    _transfer(url, part, report, timeout, most)
                    break
                except BROKEN as error:
                    final = isinstance(error, urllib.error.HTTPError) and 400 <= error.code < 500
                    if final or attempt == attempts:
                        raise
                    time.sleep(pause * attempt)
            break
        except BROKEN as error:
            reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
    else:
        raise OSError(
            f"Could not download {'; '.join(reasons)}. What has arrived is kept: run the command again, or give a "
            "folder that holds the data with --from."
        )
    if sha256 is not None and fingerprint(part)["sha256"] != sha256:
        _forget(part)
        raise ValueError(f"{path.name} came with another sha256 than the published one; download it again.")
    os.replace(part, path)
    _forget(part)


def _transfer(url: str, part: Path, report: Report, timeout: float, most: int | None) -> None:
    """The rest of one file into `part`. What came before counts only if the server confirms (If-Range) that the file
    is still the same: its tag stands beside `part`."""
    tag = _tag(part)
    done = part.stat().st_size if part.is_file() and tag.is_file() else 0
    headers = {"User-Agent": "gram"}
    known = tag.read_text(encoding="utf-8", errors="replace") if done else ""
    if known.isascii() and known.isprintable() and known:
        headers |= {"Range": f"bytes={done}-", "If-Range": known}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing follows what is there, so it cannot be a part of the file: restart
            _forget(part)
            raise ConnectionError("the server has less than what had arrived") from None
        raise
    with response:
        if response.status != 206:
            done = 0
            _forget(part)
        length = response.headers.get("Content-Length")
        total = done + int(length) if length is not None and length.isdecimal() else None
        _refuse_large(part, total, most)
        if known := _strong_tag(response.headers):
            tag.write_text(known, encoding="utf-8")
        with open(part, "ab") as file:
            while block := response.read(BLOCK):
                file.write(block)
                done += len(block)
                _refuse_large(part, done, most)
                report(part.name.removesuffix(".part"), done, total)
    if total is not None and done != total:
        raise ConnectionError(f"the connection broke after {done:,} of {total:,} bytes")


def _refuse_large(part: Path, size: int | None, most: int | None) -> None:
    if size is not None and most is not None and size > most:
        _forget(part)
        name = part.name.removesuffix(".part")
        raise ValueError(f"{name} comes with more than the {most:,} bytes that it may have; give a folder with --from.")


def _strong_tag(headers: http.client.HTTPMessage) -> str | None:
    """What names this version of a file for If-Range (RFC 9110, section 13.1.5)."""
    etag = headers.get("ETag")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)
