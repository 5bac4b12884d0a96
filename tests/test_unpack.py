"""Compressed files that become too large, by every reader of one; memory and time stay bounded."""

import gzip
import resource
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gram import tasks, unpack
from gram.tasks.data import banks, datasets, files, mnist_files, names
from gram.tasks.mnist import read_idx
from gram.tasks.own.files import read_pairs
from gram.tasks.reading.content import opened

BOMB = 150_000_000
"""Bytes that a file of a thousandth of it becomes."""


TEXT, ARRAYS, ARCHIVE = "lines.csv.gz", "arrays.npz", "x.tar.gz"
READERS = {
    "text": lambda folder: files.read_text(folder / TEXT),
    "columns": lambda folder: files.read_columns(folder / TEXT, "question"),
    "input": lambda folder: opened(folder / TEXT),
    "input of arrays": lambda folder: opened(folder / ARRAYS),
    "sudoku": lambda folder: list(tasks.task("sudoku-9").read(folder / TEXT)),
    "graphs": lambda folder: list(tasks.task("coloring-8").read(folder / TEXT)),
    "mnist": lambda _: read_idx("any", 3),
    "arc": lambda folder: datasets.check_arc(folder / TEXT),
    "archive of arc": lambda folder: datasets.build_arc(("a", "b"))({"x": folder / ARCHIVE}, folder),
    "archive of sudokus": lambda folder: banks.build_bank({"x": folder / ARCHIVE}, folder),
    "known content": lambda folder: datasets.authentic(folder, next(iter(names.CONTENT))),
    "stored mnist": lambda folder: mnist_files.check(folder / TEXT),
    "own text": lambda folder: list(read_pairs(folder / TEXT)),
    "own arrays": lambda folder: list(read_pairs(folder / ARRAYS)),
}
"""Every reader of a compressed file."""


@pytest.fixture(scope="module")
def bombs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    (folder / TEXT).write_bytes(gzip.compress(b"\n" * BOMB, 1))
    head = {"descr": "|u1", "fortran_order": False, "shape": (BOMB // 100, 100)}
    with (
        zipfile.ZipFile(folder / ARRAYS, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("inputs.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, head)
        for _ in range(BOMB // 1_000_000):
            file.write(bytes(1_000_000))
    member = tarfile.TarInfo("x/y")
    member.size = BOMB
    (folder / ARCHIVE).write_bytes(gzip.compress(member.tobuf() + bytes(BOMB), 1))
    known = folder / next(iter(names.CONTENT))
    known.parent.mkdir()
    known.write_bytes(
        gzip.compress(b"source,question,answer\n" + (b",," + bytes(60_000) + b"\n") * (BOMB // 60_000), 1)
    )
    return folder


@pytest.mark.parametrize("reader", READERS)
def test_a_bomb_is_refused_in_a_moment(bombs, monkeypatch, reader):
    monkeypatch.setattr("gram.tasks.mnist.data_file", lambda _: bombs / TEXT)
    assert (bombs / TEXT).stat().st_size < BOMB / 200
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(unpack.Refused, match="GRAM_UNPACKED_MB"):
        READERS[reader](bombs)
    assert time.process_time() - begin < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


def test_larger_files_may_unpack_to_more_and_the_environment_decides(monkeypatch, tmp_path):
    assert unpack.most(1000) == unpack.LEAST
    assert unpack.most(10**9) == 30 * 10**9
    packed = gzip.compress(bytes(3_000_000))
    assert unpack.gunzip(packed, "it") == bytes(3_000_000)
    monkeypatch.setenv("GRAM_UNPACKED_MB", "2")
    with pytest.raises(unpack.Refused, match="it unpacks to more than 2 MB"):
        unpack.gunzip(packed, "it")
    for wrong in ("-1", "two", "1" * 10):
        monkeypatch.setenv("GRAM_UNPACKED_MB", wrong)
        with pytest.raises(ValueError, match="whole number of millions"):
            unpack.gunzip(packed, "it")
    monkeypatch.setenv("GRAM_UNPACKED_MB", "3")
    (tmp_path / "text.txt.gz").write_bytes(gzip.compress(b"1-2\n" * 750_000))
    assert len(files.read_text(tmp_path / "text.txt.gz")) == 3_000_000
