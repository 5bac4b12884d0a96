"""`gram data`: from a folder and from a server of its own, with broken connections, wrong files and changed ones.

No other host is ever asked: every address is turned to a server in this process.
"""

import gzip
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gram.tasks.data import banks, checks, datasets, download, mnist_files, names, store
from gram.tasks.data.datasets import DATASETS, obtain
from gram.tasks.data.names import BANK_FILES, HARD_FILES, MAZE_FILES
from gram.tasks.maze.task import Maze
from gram.tasks.sudoku.task import Sudoku

MAZE = Maze(30)


def silent(name: str, done: int, total: int | None) -> None:
    pass


def maze_csv(split: str, count: int) -> bytes:
    """A CSV of generated mazes, as the hub has it."""
    rng = np.random.default_rng([5, len(split)])
    inputs = MAZE._mazes(rng, batch=16 * count)[:count]
    both = zip(inputs, MAZE.first_path(inputs), strict=True)
    texts = [[MAZE.decode(tokens).replace("\n", "") for tokens in pair] for pair in both]
    lines = [f"{split}/{i},{question},{answer},{answer.count('o') + 1}\n" for i, (question, answer) in enumerate(texts)]
    return ("source,question,answer,rating\n" + "".join(lines)).encode()


@pytest.fixture(scope="module")
def csvs() -> dict[str, bytes]:
    return {"train.csv": maze_csv("train", 3), "test.csv": maze_csv("test", 4)}


class Server:
    """Serves bytes by path, with ranges. `breaks` connections end after half of what was asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.breaks = 0
        self.asked: list[tuple[str, str | None]] = []
        self.version = '"1"'
        self.address = ""


@contextmanager
def serving():
    server = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            server.asked.append((self.path, wanted))
            if self.path not in server.files:
                self.send_error(404)
                return
            content, first = server.files[self.path], 0
            if wanted and self.headers.get("If-Range") == server.version:
                first = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if first >= len(content):
                    self.send_error(416)
                    return
            body = content[first:]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", server.version)
            self.end_headers()
            if server.breaks:
                server.breaks -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.address = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@pytest.fixture
def server(csvs):
    with serving() as one:
        repository = "/datasets/sapientinc/maze-30x30-hard-1k/resolve/main"
        one.files = {f"{repository}/{name}": content for name, content in csvs.items()}
        yield one


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder without data around it."""
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    monkeypatch.delenv("GRAM_DATA", raising=False)
    monkeypatch.setattr(checks, "CONTENT", {})  # the servers here have other files under these names


def get(name: str, out: Path, **options):
    return obtain(name, out, report=silent, pause=0.0, **options)


def contents(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# one file -------------------------------------------------------------------------------------------------
def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    content = bytes(range(256)) * 40
    server.files["/file"] = content
    server.breaks = 2
    seen = []
    path = tmp_path / "file"
    download.fetch((server.address + "/file",), path, report=lambda *facts: seen.append(facts), pause=0.0)
    assert path.read_bytes() == content
    assert [asked for _, asked in server.asked] == [None, "bytes=5120-", "bytes=7680-"]
    assert seen[-1] == ("file", len(content), len(content))
    assert contents(tmp_path) == ["file"]


def test_another_call_goes_on_and_a_changed_file_begins_anew(server, tmp_path):
    server.files["/file"] = b"old " * 100
    server.breaks = 1
    path, url = tmp_path / "file", (server.address + "/file",)
    with pytest.raises(OSError, match="200 of 400 bytes"):
        download.fetch(url, path, report=silent, attempts=1)
    assert contents(tmp_path) == ["file.part", "file.part.tag"]
    server.files["/file"], server.version = b"new " * 100, '"2"'
    download.fetch(url, path, report=silent, attempts=1)
    assert path.read_bytes() == b"new " * 100
    assert contents(tmp_path) == ["file"]


def test_a_part_that_is_longer_than_the_file(server, tmp_path):
    server.files["/file"] = b"short"
    (tmp_path / "file.part").write_bytes(b"long" * 10)
    (tmp_path / "file.part.tag").write_text(server.version)
    download.fetch((server.address + "/file",), tmp_path / "file", report=silent, pause=0.0)
    assert (tmp_path / "file").read_bytes() == b"short"


def test_mirrors_are_tried_in_turn(server, tmp_path):
    server.files["/b/file"] = b"here"
    urls = tuple(f"{server.address}/{mirror}/file" for mirror in "ab")
    download.fetch(urls, tmp_path / "file", report=silent, pause=0.0)
    assert (tmp_path / "file").read_bytes() == b"here"
    assert len(server.asked) == 2  # what is not there is not asked for again


def test_wrong_checksum(server, tmp_path):
    server.files["/file"] = b"spoilt"
    with pytest.raises(ValueError, match="file came with another sha256 than the published one"):
        download.fetch((server.address + "/file",), tmp_path / "file", report=silent, sha256="0" * 64)
    assert contents(tmp_path) == []


# whole sets -----------------------------------------------------------------------------------------------
def test_download_of_mazes(server, csvs, tmp_path):
    server.breaks = 1
    out = tmp_path / "data"
    stored = get("maze-30", out, mirror=server.address)
    assert not stored.found
    assert contents(out) == ["manifest.json", *sorted(MAZE_FILES)]
    rows = [MAZE.read_examples(out / file) for file in MAZE_FILES]
    assert [len(part) for part in rows] == [3, 2, 2]
    assert gzip.decompress((out / MAZE_FILES[0]).read_bytes()) == csvs["train.csv"]
    everything = gzip.decompress((out / MAZE_FILES[1]).read_bytes()).splitlines()
    assert everything[1:] == csvs["test.csv"].splitlines()[1::2]
    entry = json.loads((out / "manifest.json").read_text())["maze-30"]
    assert entry["origin"].startswith(
        "https://huggingface.co/datasets/sapientinc/maze-30x30-hard-1k/resolve/main/train"
    )
    for file, facts in entry["files"].items():
        assert facts["sha256"] == hashlib.sha256((out / file).read_bytes()).hexdigest()
    asked = len(server.asked)
    again = get("maze-30", out, mirror=server.address)
    assert again.found
    assert again.files == stored.files
    assert len(server.asked) == asked


def test_the_same_bytes_whenever_they_are_made(server, tmp_path):
    first, second = (get("maze-30", tmp_path / name, mirror=server.address) for name in ("one", "two"))
    assert first.files == second.files


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda text: text.replace(b"question", b"text"),
            "no maze-30: maze/maze_30x30_hard_dev.csv.gz: no column named question",
        ),
        (lambda text: text.replace(b"G", b" "), "one S, one G"),
        (lambda text: text.replace(b"#", b"##", 1), "expected 900 characters in row 1, got 901"),
        (lambda text: text.replace(b"oo", b"  "), "shortest path"),
    ],
)
def test_wrong_content_is_not_stored(server, tmp_path, change, sentence):
    [path] = [p for p in server.files if p.endswith("test.csv")]
    right = server.files[path]
    server.files[path] = change(right)
    with pytest.raises(ValueError, match=sentence):
        get("maze-30", tmp_path / "data", mirror=server.address)
    assert contents(tmp_path / "data") == []
    server.files[path] = right
    assert len(get("maze-30", tmp_path / "data", mirror=server.address).files) == 3


def test_from_a_folder(server, tmp_path):
    source, out = tmp_path / "source", tmp_path / "data"
    get("maze-30", source, mirror=server.address)
    (source / MAZE_FILES[2]).unlink()  # a folder need not hold all
    stored = get("maze-30", out, source=source)
    assert sorted(stored.files) == sorted(MAZE_FILES[:2])
    assert contents(out) == ["manifest.json", *sorted(MAZE_FILES[:2])]
    assert stored.origin == str(source)
    with pytest.raises(FileNotFoundError, match="holds none of arc/arc1_training"):
        get("arc-1", out, source=source)


def test_what_is_there_already_stays(server, tmp_path):
    source, out = tmp_path / "source", tmp_path / "data"
    get("maze-30", source, mirror=server.address)
    mine = out / MAZE_FILES[1]
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    for options in ({"source": source}, {"mirror": server.address}):
        with pytest.raises(ValueError, match="exists; move it away"):
            get("maze-30", out, **options)
        assert mine.read_bytes() == b"mine"
        assert contents(out) == [MAZE_FILES[1]]


def test_a_data_folder_is_found_by_itself(server, tmp_path):
    get("maze-30", tmp_path / "a" / "shared" / "data", mirror=server.address)
    stored = get("maze-30", Path("data"))
    assert stored.origin == "../shared/data"
    assert store.data_file(MAZE_FILES[0]) == Path("data") / MAZE_FILES[0]


def test_files_put_there_by_hand_get_a_manifest(server, tmp_path):
    get("maze-30", Path("data"), mirror=server.address)
    (Path("data") / "manifest.json").unlink()
    stored = get("maze-30", Path("data"))
    assert (stored.origin, stored.found, len(stored.files)) == ("data", False, 3)


def test_a_changed_file_is_refused(server, tmp_path):
    get("maze-30", Path("data"), mirror=server.address)
    file = Path("data") / MAZE_FILES[0]
    assert store.data_file(MAZE_FILES[0]) == file
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    for call in (lambda: get("maze-30", Path("data")), lambda: store.data_file(MAZE_FILES[0])):
        with pytest.raises(ValueError, match=r"data/manifest\.json; delete it and run"):
            call()
    file.unlink()
    assert not get("maze-30", Path("data"), mirror=server.address).found
    assert file.read_bytes() == content
    (Path("data") / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="is damaged; delete it"):
        get("maze-30", Path("data"))


def test_arc(server, tmp_path):
    task = {"train": [{"input": [[1]], "output": [[2, 3]]}], "test": [{"input": [[0]], "output": [[9]]}]}
    files = {
        f"ARC-AGI-x/data/{part}/{name}.json": task | {"name": "?"}
        for part, name in (("training", "b"), ("training", "a"), ("evaluation", "c"))
    }
    server.files["/fchollet/ARC-AGI/archive/399030444e0ab0cc8b4e199870fb20b863846f34.tar.gz"] = tar_of(files)
    out = tmp_path / "data"
    stored = get("arc-1", out, mirror=server.address)
    training, evaluation = (json.loads(gzip.decompress((out / file).read_bytes())) for file in stored.files)
    assert list(training) == ["a", "b"]
    assert evaluation == {"c": task}


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ({"train": []}, "is no archive of ARC tasks"),
        ({"train": [{"input": [[10]], "output": [[1]]}], "test": []}, "task a holds something that is no grid"),
        ({"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": []}, "task a holds something that is no grid"),
        ({"train": [{"input": [[1]]}], "test": []}, "holds no ARC tasks"),
    ],
)
def test_bad_arc(server, tmp_path, task, sentence):
    files = {f"x/data/{part}/a.json": task for part in ("training", "evaluation")}
    server.files["/fchollet/ARC-AGI/archive/399030444e0ab0cc8b4e199870fb20b863846f34.tar.gz"] = tar_of(files)
    with pytest.raises(ValueError, match=sentence):
        get("arc-1", tmp_path / "data", mirror=server.address)
    assert contents(tmp_path / "data") == []


def tar_of(files: dict) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, value in files.items():
            content = json.dumps(value).encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def test_sudoku_has_its_parts(server, tmp_path):
    rows = "".join(f"s,{'.' * 81},{'1' * 81},{i}\n" for i in range(401))
    for name in (
        "sudoku-extreme-1k/resolve/main/train",
        "sudoku-extreme/resolve/main/train",
        "sudoku-extreme/resolve/main/test",
    ):
        server.files[f"/datasets/sapientinc/{name}.csv"] = f"source,question,answer,rating\n{rows}".encode()
    out = tmp_path / "data"
    stored = get("sudoku-extreme", out, mirror=server.address)
    lines = {Path(file).name: gzip.decompress((out / file).read_bytes()).count(b"\n") - 1 for file in stored.files}
    assert list(lines.values()) == [401, 401, 3, 398]
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"source,puzzle\n"))
    with pytest.raises(ValueError, match="no column named question or answer"):
        datasets.check_sudoku(path)


def test_mnist_files_are_checked(tmp_path):
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    good = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])
    path.write_bytes(gzip.compress(good))
    mnist_files.check(path)
    for bad in (good[:-1], good + b"x", b"\1" + good[1:], b""):
        path.write_bytes(gzip.compress(bad))
        with pytest.raises(ValueError, match="is no IDX file of MNIST labels"):
            mnist_files.check(path)
    assert all(len(source.sha256 or "") == 64 for source in DATASETS["mnist"].sources)


def test_a_part_of_mnist_is_not_the_whole(tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / datasets.MNIST_FILES[3]).write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])))
    with pytest.raises(FileNotFoundError, match="holds 1 of the 4 files of mnist; add mnist/train-images"):
        get("mnist", tmp_path / "out", source=tmp_path)
    assert not (tmp_path / "out").exists()


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4) for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


DIGITS = np.random.default_rng(0)
PARTS = {
    "train-images-idx3-ubyte": DIGITS.integers(0, 256, (5, 28, 28), np.uint8),
    "train-labels-idx1-ubyte": DIGITS.integers(0, 10, 5, np.uint8),
    "t10k-images-idx3-ubyte": DIGITS.integers(0, 256, (3, 28, 28), np.uint8),
    "t10k-labels-idx1-ubyte": DIGITS.integers(0, 10, 3, np.uint8),
}
KERAS = dict(zip(("x_train", "y_train", "x_test", "y_test"), PARTS.values(), strict=True))
FLAT = {name: array.reshape(len(array), -1).squeeze().astype(np.int64) for name, array in KERAS.items()}


def dotted(base: str) -> str:
    return base.replace("-idx", ".idx")


def packed(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array))


DRESSES = {
    "as published": lambda base: (f"mnist/{base}.gz", packed),
    "without their folder": lambda base: (f"{base}.gz", packed),
    "unpacked": lambda base: (f"mnist/{base}", idx),
    "dotted": lambda base: (dotted(base), idx),
    "dotted and gzip'd": lambda base: (f"{dotted(base)}.gz", packed),
    "torchvision": lambda base: (f"MNIST/raw/{base}", idx),
    "a folder each": lambda base: (f"{base}/{base}", idx),
    "unpacked, still called gz": lambda base: (f"{base}.gz", idx),
}


@pytest.fixture
def known(monkeypatch):
    """The checksums of PARTS in the place of those of MNIST."""
    content = {f"mnist/{base}.gz": hashlib.sha256(idx(array)).hexdigest() for base, array in PARTS.items()}
    monkeypatch.setattr(checks, "CONTENT", content)


@pytest.mark.parametrize("dress", [*DRESSES, "npz", "npz of flat rows", "the npz itself"])
def test_mnist_in_every_dress_is_the_same(dress, known, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    if dress in DRESSES:
        for base, array in PARTS.items():
            name, pack = DRESSES[dress](base)
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(pack(array))
    else:
        arrays: Any = FLAT if "flat" in dress else KERAS
        np.savez_compressed(source / "mnist.npz", **arrays)
        source = source / "mnist.npz" if "itself" in dress else source
    stored = get("mnist", out, source=source)
    assert sorted(stored.files) == sorted(names.MNIST_FILES)
    for base, array in PARTS.items():
        assert mnist_files.content(out / f"mnist/{base}.gz") == idx(array)
    assert get("mnist", out).found


def test_mnist_in_a_data_folder_is_found_in_every_dress(known, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAM_DATA", str(tmp_path))
    np.savez(tmp_path / "mnist.npz", **KERAS)
    assert len(get("mnist", tmp_path).files) == 4
    assert store.data_file("mnist/t10k-labels-idx1-ubyte.gz").is_file()


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (KERAS | {"x_test": 255 - KERAS["x_test"]}, "t10k-images-idx3-ubyte.gz does not hold what the published file"),
        ({name: array for name, array in KERAS.items() if name != "y_test"}, "has no array y_test of integers"),
        (KERAS | {"x_train": KERAS["x_train"] / 255}, "has no array x_train of integers from 0 to 255"),
        (KERAS | {"x_train": KERAS["x_train"][:4]}, "train-images-idx3-ubyte.gz does not hold what the published"),
        (KERAS | {"y_train": KERAS["y_train"][:, None]}, "is no IDX file of MNIST labels"),
    ],
    ids=["another content", "a part", "floats", "fewer images", "labels as a table"],
)
def test_mnist_npz_that_is_none(arrays, sentence, known, tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=sentence) as caught:
        get("mnist", tmp_path / "out", source=tmp_path)
    assert str(tmp_path / "mnist.npz") in str(caught.value) or f"{tmp_path}:/mnist/" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dress", ["unpacked", "dotted", "torchvision"])
def test_a_part_of_mnist_in_another_dress_is_not_the_whole(dress, known, tmp_path):
    base, array = next(iter(PARTS.items()))
    name, pack = DRESSES[dress](base)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(pack(array))
    with pytest.raises(FileNotFoundError, match="holds 1 of the 4 files of mnist; add mnist/train-labels"):
        get("mnist", tmp_path / "out", source=tmp_path)


def test_originals_by_their_names_are_built_from(csvs, tmp_path):
    """What a person downloaded by hand: train.csv and test.csv of the mazes."""
    for name, text in csvs.items():
        (tmp_path / Path(name).name).write_bytes(text)
    stored = get("maze-30", tmp_path / "out", source=tmp_path)
    assert sorted(stored.files) == sorted(MAZE_FILES)


# collections of Sudokus ------------------------------------------------------------------------------------
def sudokus(count: int) -> list[str]:
    """Different puzzles with one solution each: eight blanks in a relabeled grid."""
    rng = np.random.default_rng(count)
    found = []
    for _ in range(count):
        digits = rng.permutation(9) + 1
        grid = [digits[(3 * (r % 3) + r // 3 + c) % 9] for r in range(9) for c in range(9)]
        blanks = set(rng.choice(9, 8, replace=False) * 9)
        found.append("".join("0" if cell in blanks else str(grid[cell]) for cell in range(81)))
    return found


def archive(members: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(f"bank-767e/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


def test_the_bank_is_sampled_solved_and_split(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(banks, "OF_RATING", 40)
    some = sudokus(70)
    easy = "".join(f"0a1b2c3d4e5f  {puzzle}  2.5\n" for puzzle in some[:60])
    hard = "".join(f"{puzzle}\n" for puzzle in some[60:]) + "." * 81 + "\n"  # the last has many solutions
    [source] = DATASETS["sudoku-bank"].sources
    path = source.urls[0].removeprefix("https://github.com")
    server.files[path] = archive({"2.5.txt": easy, "9.3.txt": hard, "README.md": "no puzzle"})
    get("sudoku-bank", tmp_path / "data", mirror=server.address)
    train, dev = (Sudoku(9).read_examples(tmp_path / "data" / file) for file in BANK_FILES)
    texts = {Sudoku(9).decode(x) for part in (train, dev) for x in part.inputs}
    assert len(texts) == len(train) + len(dev) == 50
    assert texts < {puzzle.replace("0", ".") for puzzle in some}
    assert all(banks.number(Sudoku(9).decode(x)) % banks.DEV == 0 for x in dev.inputs)
    header, row, *_ = gzip.decompress((tmp_path / "data" / BANK_FILES[0]).read_bytes()).decode().splitlines()
    assert header == "source,question,answer"
    assert row.startswith("puzzle_bank_se_")
    again = get("sudoku-bank", tmp_path / "again", mirror=server.address)
    assert again.files == store.read_manifest(tmp_path / "data")["sudoku-bank"]["files"]


def test_hard_collections_have_their_number_of_puzzles(server, tmp_path, capsys):
    some = sudokus(5)
    arrived = {"one": tmp_path / "one", "two+": tmp_path / "two+"}
    arrived["one"].write_text("# comment\n" + "\n".join(some[:3]))
    arrived["two+"].write_text("\n".join(some[3:]))
    (tmp_path / "sudoku").mkdir()
    banks.build_hard({"one": 3, "two+": 2})(arrived, tmp_path)
    assert sum(len(Sudoku(9).read_examples(tmp_path / file)) for file in HARD_FILES if rows(tmp_path / file)) == 5
    for source in DATASETS["tdoku-hard"].sources:
        server.files[source.urls[0].removeprefix("https://raw.githubusercontent.com")] = some[0].encode()
    with pytest.raises(ValueError, match="holds 1 puzzles instead of 49,158"):
        get("tdoku-hard", tmp_path / "out", mirror=server.address)


def rows(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()[1:]


def test_what_is_published_is_known(monkeypatch, tmp_path, server):
    """Real files fit their checksums; what only bears their names does not, from a folder or from a server."""
    monkeypatch.setattr(checks, "CONTENT", names.CONTENT)
    fake = tmp_path / "fake"
    (fake / "maze").mkdir(parents=True)
    (tmp_path / "train.csv").write_bytes(next(iter(server.files.values())))
    datasets.compress(tmp_path / "train.csv", fake / MAZE_FILES[0])
    for call in ({"mirror": server.address}, {"source": fake}):
        with pytest.raises(ValueError, match="does not hold what the published file holds"):
            get("maze-30", tmp_path / "out", **call)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_download_that_is_too_large(server, tmp_path, monkeypatch):
    url = f"{server.address}/large"
    server.files["/large"] = bytes(1000)
    with pytest.raises(ValueError, match="more than the 999 bytes"):
        download.fetch((url,), tmp_path / "large", report=silent, most=999, pause=0)
    assert list(tmp_path.glob("large*")) == []
    download.fetch((url,), tmp_path / "large", report=silent, most=1000, pause=0)


# the command ----------------------------------------------------------------------------------------------
def test_command(server, gram):
    code, out, err = gram("data", "maze-30", "--mirror", server.address)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 5
    assert out.splitlines()[-1] == "License: no license stated."
    assert re.search("maze-30 is stored.*https://huggingface.co/", out)
    code, out, _ = gram("data", "maze-30")
    assert code == 0
    assert "maze-30 is unchanged" in out


def test_command_refuses_in_one_sentence(server, refused, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    for arguments, sentence in (
        (("maze-31",), "There is no data set 'maze-31'; choose one of sudoku-extreme, maze-30, arc-1, arc-2, mnist, "),
        (("mnist", "--from", "nowhere"), "nowhere holds none of mnist/train-images-idx3-ubyte.gz"),
        (("mnist", "--mirror", server.address), "Not Found"),
        (("mnist", "--mirror", "http://127.0.0.1:9"), "Could not download http://127.0.0.1:9/mnist/"),
    ):
        assert sentence in refused("data", *arguments)
    assert not Path("data/manifest.json").exists()


@pytest.mark.parametrize("file", names.CONTENT)
def test_real_files_fit_their_checksums(file, monkeypatch):
    monkeypatch.undo()  # the folder with the data, and the checksums, are the real ones again
    try:
        path = store.data_file(file)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    datasets.authentic(path.parents[1], file)
