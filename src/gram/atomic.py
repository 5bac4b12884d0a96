"""Files and folders that are written completely or not at all, and locks on folders. All of it is safe under kill -9.

A temporary file or folder is locked (flock) while its process lives. The kernel releases the lock when the process
dies, so the next writer recognizes the remains of a killed process and deletes them.
"""

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gram.messages import log

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = ".lock"
UNLOCKABLE = errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL
"""Errors of flock on file systems without locks."""


class Busy(ValueError):
    """Another process is working in the folder."""


# files and folders ------------------------------------------------------------------------------------------
@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary file that replaces `path` if the block succeeds and is deleted otherwise. The block must write into
    the file and not replace it, since the file has the mode of the umask and the lock."""
    temporary, held = _claimed(path.parent, path.name, _new_file)
    try:
        yield temporary
        os.fsync(held)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(held)


@contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """A temporary folder in `parent` for the future `name`. It is deleted at the end of the block unless renamed."""
    folder, held = _claimed(parent, name, _new_folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def refuse_filled(out: Path) -> None:
    """FileExistsError if `out` is not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is not empty; give a new folder.")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` if the block succeeds and is deleted otherwise. FileExistsError if `out` is
    not empty."""
    refuse_filled(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch(out.parent, out.name) as folder:
        yield folder
        for file in folder.rglob("*"):  # otherwise a power cut can leave the renamed folder without its content
            if file.is_file():
                with open(file, "rb+") as written:
                    os.fsync(written.fileno())
        if out.exists():
            out.rmdir()
        folder.rename(out)


def _new_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _new_folder(path: Path) -> int:
    path.mkdir()
    return os.open(path, os.O_RDONLY)


def _claimed(parent: Path, name: str, make) -> tuple[Path, int]:
    """A new locked temporary file or folder for `name`, and its descriptor. Those of killed processes are deleted."""
    sweep(parent, name)
    while True:
        path = parent / f".{name}.{secrets.token_hex(4)}.tmp"
        held = make(path)
        try:
            if _flock(held, wait=False) is not False and _same(held, path):
                return path, held
        except BaseException:
            os.close(held)
            raise
        os.close(held)  # another process deleted it as a leftover before it was locked


def sweep(parent: Path, name: str | None = None) -> None:
    """Delete the temporary files and folders in `parent` whose process is dead: those for `name`, or all. Those that
    cannot be locked are kept."""
    wanted = re.compile(rf"\.{'.+' if name is None else re.escape(name)}\.(\d+|[0-9a-f]{{8}})\.tmp")
    with suppress(OSError):  # a folder that cannot be read is reported by the next write
        for entry in list(os.scandir(parent)):
            if wanted.fullmatch(entry.name) and not entry.is_symlink():
                _delete_if_dead(Path(entry.path))


def _delete_if_dead(path: Path) -> None:
    with suppress(OSError):
        held = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            if _flock(held, wait=False) and _same(held, path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            os.close(held)


# locks ------------------------------------------------------------------------------------------------------
@contextmanager
def alone(path: Path) -> Iterator[BinaryIO]:
    """The file, created if needed, open for reading and appending. Busy if another process has it open in this way."""
    with open(path, "ab+") as file:
        if _flock(file.fileno(), wait=False) is False:
            raise Busy(f"Another process is writing {path}; wait for it, stop it, or choose another file.")
        yield file


@contextmanager
def lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of `folder`, which must exist, against all other processes and threads that request it.

    Raises Busy with one sentence if another process has it, unless `wait`. On file systems without locks (some network
    folders), a warning is printed and the block runs without a lock. The lock always ends with the process.
    """
    path = folder / LOCK
    held = _locked(path, wait)
    try:
        yield
    finally:
        if held is not None:
            path.unlink(missing_ok=True)  # while we hold it; processes that have opened it already will notice
            os.close(held)


def holder(folder: Path) -> str | None:
    """Who holds the lock of `folder` ("process 12 on host"); None if nobody does."""
    try:
        held = os.open(folder / LOCK, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    owner = ""
    try:
        owner = os.pread(held, 200, 0).decode(errors="replace").strip()
        if fcntl is None or not owner or _dead(owner):  # trying the lock of a dead process might stop a new one
            return None
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return owner
    except OSError:
        return None
    finally:
        os.close(held)


def _dead(owner: str) -> bool:
    """Whether the owner of a lock was a process of this machine that is gone."""
    found = re.fullmatch(r"process (\d{1,9}) on (.+)", owner)
    if found is None or found[2] != socket.gethostname():
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _locked(path: Path, wait: bool) -> int | None:
    """The descriptor of the locked file; None without locks."""
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            taken = _flock(held, wait)
            if taken is None:
                log.warning(f"{path.parent} cannot be locked (a network folder?); let no other process write there.")
                return None
            if not taken:
                owner = os.pread(held, 200, 0).decode(errors="replace").strip()
                raise Busy(
                    f"Another process{f' ({owner})' if owner else ''} is working in {path.parent}; wait for it, stop "
                    "it, or choose another folder."
                )
            if _same(held, path):
                os.ftruncate(held, 0)
                os.pwrite(held, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
                kept, held = held, None
                return kept
        finally:
            if held is not None:
                os.close(held)


def _flock(held: int, wait: bool) -> bool | None:
    """Whether the lock was acquired; None if the file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in UNLOCKABLE:
            return None
        raise
    return True


def _same(held: int, path: Path) -> bool:
    """Whether `path` is still the file that was opened as `held`."""
    try:
        return os.path.samestat(os.fstat(held), os.lstat(path))
    except FileNotFoundError:
        return False
