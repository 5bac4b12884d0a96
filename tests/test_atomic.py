"""Whole files and folders, leftovers of killed processes, and locks."""

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from gram import atomic
from gram.atomic import Busy, lock, new_folder, scratch, sweep, whole


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def killed(code: str, *arguments: object) -> None:
    """Run `code`, which has to end in kill -9 by itself."""
    code = "import os, signal, sys\nfrom pathlib import Path\nfrom gram import atomic\n" + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def umask():
    """Sets the umask; the old one comes back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# whole or not at all -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077, 0o027])
def test_modes_follow_the_umask(mask, umask, tmp_path):
    umask(mask)
    with whole(tmp_path / "file") as temporary:
        temporary.write_text("new")
    with new_folder(tmp_path / "folder") as folder:
        (folder / "inside").write_text("new")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "folder", "folder/inside")]
    assert modes == [0o666 & ~mask, 0o777 & ~mask, 0o666 & ~mask]


def test_a_link_is_replaced_and_its_target_stays(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / "file").symlink_to("target")
    with whole(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "file").read_text() == "new"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "target").read_text() == "kept"


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "target").write_text("kept")
    (tmp_path / ".file.00000000.tmp").symlink_to("target")
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda _: "00000000")
    with pytest.raises(FileExistsError), whole(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "target").read_text() == "kept"


def half_a_file(path: Path, error: type[BaseException]) -> None:
    with whole(path) as temporary:
        temporary.write_text("half")
        raise error


def half_a_folder(path: Path, error: type[BaseException]) -> None:
    with new_folder(path) as folder:
        (folder / "half").write_text("half")
        raise error


@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt, ValueError])
def test_what_fails_leaves_the_old(kind, tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(kind):
        half_a_file(tmp_path / "file", kind)
    with pytest.raises(kind):
        half_a_folder(tmp_path / "folder", kind)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_full_disk_leaves_the_old(tmp_path):
    """A limit on the size of files stands in for it; Python then gives EFBIG for ENOSPC."""
    (tmp_path / "file").write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"), whole(tmp_path / "file") as temporary:
            temporary.write_text("x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


# leftovers ---------------------------------------------------------------------------------------------------
def test_leftovers_of_the_killed_go_and_those_of_the_living_stay(tmp_path):
    killed(
        """
        with atomic.whole(Path(sys.argv[1]) / "file") as temporary, atomic.scratch(Path(sys.argv[1]), "file") as folder:
            temporary.write_text("half")
            (folder / "half").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    assert len(names(tmp_path)) == 2
    with whole(tmp_path / "file") as first, scratch(tmp_path, "file") as second:
        assert names(tmp_path) == sorted([first.name, second.name])
        with whole(tmp_path / "file") as third:
            third.write_text("later")
            assert {first.name, second.name} < set(names(tmp_path))
        first.write_text("last")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "last"


def test_only_our_leftovers_go(tmp_path):
    ours = [".a.json.1234.tmp", ".a.json.0123abcd.tmp", ".b[1].0123abcd.tmp"]  # the first as it was called before
    others = ["a.json.tmp", ".a.json.tmp", ".a.json.notes.tmp", ".a.json.0123abcd", "b.tmp"]
    for name in [*ours, *others]:
        (tmp_path / name).write_text("x")
    (tmp_path / ".a.json.00000000.tmp").symlink_to("b.tmp")
    sweep(tmp_path, "a.json")
    assert set(names(tmp_path)) == {ours[2], *others, ".a.json.00000000.tmp"}
    sweep(tmp_path)
    assert set(names(tmp_path)) == {*others, ".a.json.00000000.tmp"}
    sweep(tmp_path / "nowhere")


def test_where_nothing_can_be_locked_nothing_is_deleted(tmp_path, monkeypatch, caplog):
    def unknown(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic.fcntl, "flock", unknown)
    (tmp_path / ".file.0123abcd.tmp").write_text("of whom?")
    with whole(tmp_path / "file") as temporary, lock(tmp_path):
        temporary.write_text("new")
    assert {".file.0123abcd.tmp", "file"} <= set(names(tmp_path))
    said = caplog.text
    assert str(tmp_path) in said
    assert said.endswith(".\n")


# locks -------------------------------------------------------------------------------------------------------
def test_one_at_a_time(tmp_path):
    with lock(tmp_path):
        with pytest.raises(Busy) as error, lock(tmp_path):
            pass
        assert str(os.getpid()) in str(error.value)
        assert str(tmp_path) in str(error.value)
        assert str(error.value).endswith(".")
    with lock(tmp_path):
        pass
    assert names(tmp_path) == []


def test_waiting_adds_up(tmp_path):
    """What several threads read, change and write under the lock loses nothing."""
    (tmp_path / "sum").write_text("0")

    def add() -> None:
        for _ in range(50):
            with lock(tmp_path, wait=True):
                (tmp_path / "sum").write_text(str(int((tmp_path / "sum").read_text()) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "sum").read_text() == "200"
    assert names(tmp_path) == ["sum"]


def test_the_lock_of_the_killed_is_free(tmp_path):
    killed(
        """
        with atomic.lock(Path(sys.argv[1])):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        tmp_path,
    )
    assert names(tmp_path) == [".lock"]
    with lock(tmp_path):
        pass
    assert names(tmp_path) == []


def test_another_process_is_refused(tmp_path):
    code = "import sys; from pathlib import Path; from gram.atomic import lock\nwith lock(Path(sys.argv[1])): pass"
    with lock(tmp_path):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True, text=True)
    assert f"Busy: Another process (process {os.getpid()} on" in done.stderr


def test_a_lock_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / atomic.LOCK).symlink_to("target")
    with pytest.raises(OSError, match="Too many levels"), lock(tmp_path):
        pass
    assert (tmp_path / "target").read_text() == "kept"
