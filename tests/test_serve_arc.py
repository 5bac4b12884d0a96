"""ARC puzzles through the server: the attempts are those of `gram solve`, whatever else is served."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
from support.boards import CORNER
from support.command import run
from support.server import Running, events, told, without_time

import gram
from gram.serve.app import PAGE
from gram.tasks.arc.grids import parse, views

LEVELS: dict[str, list[str]] = json.loads((PAGE / "examples.json").read_text())["arc-1-10"]
PUZZLE = LEVELS["easy"][0]
LINE = "25d8a9c8 " + "/".join("".join(map(str, row)) for row in json.loads(PUZZLE)["test"][0]["input"])
PATH = "/v1/arc-1-10/solve"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    limits = ("--max-puzzles", "3", "--max-width", "64", "--dtype", "float32")
    running = Running(tmp_path_factory.mktemp("serve"), "arc-1-10", "queens-8", *limits)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def arithmetic(monkeypatch):
    monkeypatch.setenv("GRAM_DTYPE", "float32")


@pytest.mark.parametrize("options", [{}, {"width": 2, "seed": 3, "depth": 5}])
def test_attempts_are_those_of_gram_solve(server, capsys, options):
    flags = [f"--{name}={value}" for name, value in options.items()]
    puzzles = [PUZZLE, LEVELS["medium"][0]]
    answers = server.client.post(PATH, json={"puzzles": puzzles} | options).json()["answers"]
    assert [without_time(answer) for answer in answers] == told(capsys, "solve", "arc-1-10", *puzzles, *flags)


def test_the_company_changes_no_vote(server):
    asked = [(PATH, {"puzzles": PUZZLE, "seed": seed}) for seed in range(4)]
    asked += [("/v1/queens-8/solve", {"puzzles": CORNER, "seed": seed}) for seed in range(4)]
    alone = [server.client.post(path, json=body).json() for path, body in asked]
    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(lambda each: server.client.post(each[0], json=each[1]).json(), asked))
    for one, other in zip(alone, together, strict=True):
        assert [*map(without_time, one["answers"])] == [*map(without_time, other["answers"])]


def test_examples_are_as_hard_as_they_say(server):
    """hard: neither attempt is right; the others: the first one is."""
    for level, puzzles in LEVELS.items():
        for puzzle in puzzles:
            [answer] = server.client.post(PATH, json={"puzzles": puzzle}).json()["answers"]
            assert (answer["right"] == 1) == (level != "hard"), (level, answer["votes"])
            known = json.loads(puzzle)["test"][0]["output"]
            assert (answer["attempts"][0] == known) == (level != "hard")


def test_a_stream_gathers_the_votes(server):
    body = {"puzzles": PUZZLE, "trajectories": True}
    *steps, (last, answer) = events(server.client.post("/v1/arc-1-10/stream", json=body).text)
    [expected] = server.client.post(PATH, json={"puzzles": PUZZLE}).json()["answers"]
    assert last == "answer"
    assert without_time(answer) == without_time(expected)
    told = steps[-1][1]
    assert [parse(vote["answer"]).tolist() for vote in told["votes"][:2]] == answer["attempts"]
    assert [vote["votes"] for vote in told["votes"][:2]] == answer["votes"]
    first = steps[0][1]["trajectories"]
    assert [each["trajectory"] for each in first] == list(range(32))
    assert [each["variant"] for each in first] == [n // 4 for n in range(32)]
    for each in first:
        if each["board"] is not None:
            assert len(each["certainty"]) == parse(each["board"]).size
    last_of_all = told["trajectories"]
    assert {each["board"] for each in last_of_all} <= {vote["answer"] for vote in told["votes"]} | {None}


def test_certainty_lies_where_the_cell_is():
    for view in views(8):
        cells = np.arange(12, dtype=np.uint8).reshape(3, 4) % 10
        assert view.undo(view.apply(cells)).tolist() == cells.tolist()
        turned = np.rot90(cells.T if view.turn >= 4 else cells, view.turn % 4)
        assert view.turn_back(turned).tolist() == cells.tolist()


def test_the_deadline(server):
    [answer] = server.client.post(PATH, json={"puzzles": PUZZLE, "deadline_ms": 1}).json()["answers"]
    assert answer["complete"] is False
    assert 0 < answer["evaluations"] <= 32 * 16


def test_the_command_asks_a_server(server, capsys):
    arguments = ("solve", "arc-1-10", PUZZLE, "--width", "2")
    assert told(capsys, *arguments, "--server", server.url) == told(capsys, *arguments)
    assert "25d8a9c8, test input 1" in run(capsys, "solve", "arc-1-10", LINE, "--server", server.url).out


def changed(**parts) -> str:
    return json.dumps(json.loads(PUZZLE) | parts)


UNKNOWN = {"input": [[1]], "output": [[2]]}
REFUSED = {
    "no puzzle": ({"puzzles": ["hello"]}, "puzzles[0]"),
    "no JSON": ({"puzzles": [LINE, "{"]}, "puzzles[1]"),
    "deep": ({"puzzles": '{"train": ' + "[" * 5000 + "]" * 5000 + "}"}, "puzzles[0]"),
    "not known": ({"puzzles": changed(train=[UNKNOWN])}, "puzzles[0]"),
    "nothing asked": ({"puzzles": changed(test=[])}, "puzzles[0]"),
    "too large": ({"puzzles": changed(test=[{"input": [[0] * 11]}])}, "puzzles[0]"),
    "too many": ({"puzzles": [LINE, changed(test=[UNKNOWN] * 3)]}, "puzzles[1]"),
    "select": ({"puzzles": PUZZLE, "select": "majority"}, "select"),
    "want": ({"puzzles": PUZZLE, "want": 2}, "want"),
    "width": ({"puzzles": PUZZLE, "width": 65}, "width"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(server, case):
    body, field = REFUSED[case]
    answer = server.client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["detail"].endswith(".")


def test_a_stream_of_two_test_inputs(server):
    two = changed(test=[UNKNOWN, UNKNOWN])
    answer = server.client.post("/v1/arc-1-10/stream", json={"puzzles": two})
    assert (answer.status_code, answer.json()["field"]) == (422, "puzzles[0]")


def test_shipped_weights_are_served(tmp_path: Path):
    from gram.serve.models import names

    assert "arc-1-10" in names([])
    assert gram.load("arc-1-10", dtype="float32").task.spec.identities
