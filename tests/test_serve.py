"""The server: a real process of `gram serve` and its answers, refusals, limits and logs."""

import dataclasses
import http.server
import json
import re
import signal
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
import httpx
import uvicorn
from support.boards import CORNER, FOUR
from support.command import run
from support.configs import saved
from support.places import ROOT
from support.server import ONE, Running, events, told, without_time

from gram.serve.app import build, served
from gram.serve.run import address, bind
from gram.serve.settings import Settings

PIP_AND_DOCKER = {
    "--no-cache-dir",
    "--no-deps",
    "--uid",
    "--system",
    "--no-create-home",
    "--now",
    "--up",
    "--build",
    "--out",
}
QUEENS = CORNER, "......../......../..Q...../......../......../......../......../........"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("serve")
    limits = ("--max-puzzles", "5", "--max-width", "64", "--max-depth", "100", "--max-body", "20000")
    running = Running(folder, "queens-8", saved(folder / "four", "sudoku-4"), "sudoku-boards-4", *limits)
    yield running
    running.stop()


@pytest.fixture
def inside(weights) -> Iterator[Callable[..., httpx.Client]]:
    """Servers in this process, with these settings."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(**settings) -> httpx.Client:
        made = Settings(**settings)
        config = uvicorn.Config(build(made, lambda: served((str(weights),), made)), log_level="warning", lifespan="on")
        server, bound = uvicorn.Server(config), bind("127.0.0.1", 0)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        running.append((server, thread))
        return httpx.Client(base_url=address(bound), timeout=30)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


# answers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "options",
    [{}, {"width": 7, "seed": 3}, {"want": 3}, {"want": "all"}, {"select": "majority", "width": 5, "depth": 3}],
)
def test_answers_are_those_of_gram_solve(server, capsys, options):
    flags = [f"--{name}={value}" for name, value in options.items()]
    answers = server.client.post("/v1/queens-8/solve", json={"puzzles": QUEENS} | options).json()["answers"]
    assert [a["complete"] for a in answers] == [True, True]
    assert [without_time(a) for a in answers] == told(capsys, "solve", "queens-8", *QUEENS, *flags)


@pytest.mark.parametrize("options", [{}, {"want": 2, "trajectories": True}])
def test_a_stream_tells_each_step_and_ends_in_the_answer(server, options):
    response = server.client.post("/v1/queens-8/stream", json={"puzzles": CORNER} | options)
    assert response.headers["content-type"] == "text/event-stream"
    *steps, (last, answer) = events(response.text)
    plain = {name: value for name, value in options.items() if name != "trajectories"}
    [expected] = server.client.post("/v1/queens-8/solve", json={"puzzles": CORNER} | plain).json()["answers"]
    assert last == "answer"
    assert without_time(answer) == without_time(expected)
    assert [(name, told["step"]) for name, told in steps] == [("step", n + 1) for n in range(len(steps))]
    told = steps[-1][1]
    assert (told["answer"], told["valid"], told["evaluations"]) == (answer["answer"], True, answer["evaluations"])
    assert sum(vote["votes"] for vote in told["votes"]) == told["finished"]
    if "trajectories" in options:
        first = steps[0][1]["trajectories"]
        assert [each["trajectory"] for each in first] == list(range(len(first)))
        assert len(first[0]["certainty"]) == 64
        assert max(first[0]["certainty"]) <= 1
        assert any(each["valid"] and each["board"] == answer["answer"] for each in told["trajectories"])
    else:
        assert "trajectories" not in told


def test_samples_are_those_of_gram_generate(server, capsys):
    found = server.client.post("/v1/sudoku-boards-4/generate", json={"n": 4, "seed": 1}).json()
    assert found["complete"] is True
    assert found["samples"] == told(capsys, "generate", "sudoku-boards-4", "--n", "4", "--seed", "1")


def test_the_deadline_comes_before_the_end(server):
    asked = {"puzzles": CORNER, "select": "majority", "width": 64, "restart_every": 0, "deadline_ms": 1}
    begin = time.monotonic()
    [answer] = server.client.post("/v1/queens-8/solve", json=asked).json()["answers"]
    assert time.monotonic() - begin < 20
    assert answer["complete"] is False
    assert answer["evaluations"] <= 64


def test_one_puzzle_needs_no_list(server):
    [answer] = server.client.post("/v1/queens-8/solve", json={"puzzles": CORNER}).json()["answers"]
    assert answer["valid"] is True


def test_what_the_server_tells_of_itself(server):
    tasks = {each["task"]: each for each in server.client.get("/v1/tasks").json()["tasks"]}
    assert list(tasks) == ["queens-8", "sudoku-4", "sudoku-boards-4"]
    assert tasks["sudoku-4"]["defaults"]["width"] == 4
    assert tasks["sudoku-boards-4"]["ask"] == "generate"
    assert server.client.get("/healthz").json() == {"status": "ok"}
    assert server.client.get("/readyz").json() == {"status": "ready"}
    document = server.client.get("/openapi.json").json()
    assert document["paths"]["/v1/{task}/solve"]["post"]["parameters"][0]["schema"]["enum"] == ["queens-8", "sudoku-4"]
    assert document["components"]["schemas"]["Solve"]["properties"]["width"]["maximum"] == 64
    page = server.client.get("/docs").text
    assert "/v1/{task}/solve" in page
    assert "http://" not in page
    assert "https://" not in page
    assert server.client.get("/").headers["content-type"] == "text/html; charset=utf-8"


def test_requests_are_counted(server):
    server.client.post("/v1/sudoku-4/solve", json={"puzzles": FOUR[0]})
    text = server.client.get("/metrics").text
    assert 'gram_requests_total{endpoint="solve",status="200",task="sudoku-4"}' in text
    assert 'gram_request_seconds_count{endpoint="solve",task="sudoku-4"}' in text


def test_the_log_has_the_request_and_no_puzzle(server):
    answer = server.client.post("/v1/queens-8/solve", json={"puzzles": CORNER}, headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    refused = server.client.post("/v1/queens-8/solve", json={"puzzles": "secret"}, headers={"X-Request-ID": "a b"})
    assert len(refused.json()["request_id"]) == 16
    log = server.said_with(refused.json()["request_id"])
    assert "request=mine-1 method=POST path='/v1/queens-8/solve' status=200" in log
    assert "secret" not in log
    assert CORNER not in log


# gram solve --server --------------------------------------------------------------------------------------
def test_the_command_asks_a_server(server, capsys):
    arguments = ("solve", "queens-8", *QUEENS, "--want", "2")
    assert told(capsys, *arguments, "--server", server.url) == told(capsys, *arguments)
    out = run(capsys, "solve", "queens-8", *QUEENS, "--server", server.url).out
    assert out.startswith("Puzzle 1\n")
    assert "2 of 2 solved" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--width", "65"], "width is 65"),
        (["--timeout", "3"], "--total-timeout"),
        (["--weights", "queens-8"], "--weights"),
        (["--server", "http://127.0.0.1:9"], "does not answer"),
        (["--server", "ftp://x"], "http://127.0.0.1:8000"),
        (["--token-file", "nowhere"], "nowhere"),
    ],
)
def test_what_a_server_refuses_the_command_tells(server, arguments, says, refused):
    assert says in refused("solve", "queens-8", CORNER, "--server", server.url, *arguments)


def test_the_command_waits_for_a_busy_server(capsys):
    class Busy(http.server.BaseHTTPRequestHandler):
        asked = 0

        def do_POST(self):
            Busy.asked += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(429 if Busy.asked == 1 else 200)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(b'{"answers": [{"answer": "1", "valid": true}]}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Busy) as busy:
        thread = threading.Thread(target=busy.serve_forever, daemon=True)
        thread.start()
        assert told(capsys, "solve", "queens-8", CORNER, "--server", f"http://127.0.0.1:{busy.server_port}") == [
            {"answer": "1", "valid": True, "number": 1}
        ]
        busy.shutdown()
    assert Busy.asked == 2


# deployment ---------------------------------------------------------------------------------------------
def test_the_image_holds_what_the_server_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    image = (ROOT / "deploy/Dockerfile").read_text()
    for requirement in (*(each.split(";")[0] for each in project["serve"]), "onnxruntime>=1.22", "numpy>=1.26"):
        assert f'"{requirement}"' in image
    assert image.index("USER 10001") < image.index("ENTRYPOINT")
    assert "HEALTHCHECK" in image
    assert "/readyz" in image
    for name in ("Dockerfile", "compose.yaml", "gram.service"):
        options = set(re.findall(r"[ \"](--[a-z-]+)[ \"]", (ROOT / "deploy" / name).read_text()))
        known = {f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(Settings)}
        assert {o for o in options if o not in PIP_AND_DOCKER} <= known
        assert options & known


# refusals -------------------------------------------------------------------------------------------------
REFUSED = {
    "no JSON": ("/v1/sudoku-4/solve", b"{", 400, None),
    "no object": ("/v1/sudoku-4/solve", b"[]", 400, None),
    "no UTF-8": ("/v1/sudoku-4/solve", b'{"puzzles": "\xff"}', 400, None),
    "a key twice": ("/v1/sudoku-4/solve", b'{"puzzles": "1", "puzzles": "2"}', 400, None),
    "too deep": ("/v1/sudoku-4/solve", b'{"puzzles": ' + b"[" * 99 + b"]" * 99 + b"}", 400, None),
    "unknown task": ("/v1/sudoku-5/solve", ONE, 404, "task"),
    "unknown field": ("/v1/sudoku-4/solve", ONE | {"widht": 3}, 422, "widht"),
    "no puzzle": ("/v1/sudoku-4/solve", {}, 422, "puzzles"),
    "an empty list": ("/v1/sudoku-4/solve", {"puzzles": []}, 422, "puzzles"),
    "no text": ("/v1/sudoku-4/solve", {"puzzles": [FOUR[0], 5]}, 422, "puzzles[1]"),
    "too many": ("/v1/sudoku-4/solve", {"puzzles": [FOUR[0]] * 6}, 422, "puzzles"),
    "none": ("/v1/sudoku-4/solve", {"puzzles": [FOUR[0], "12"]}, 422, "puzzles[1]"),
    "contradiction": ("/v1/sudoku-4/solve", {"puzzles": "11.............."}, 422, "puzzles[0]"),
    "no solution": ("/v1/sudoku-4/solve", {"puzzles": "123...4........."}, 422, "puzzles[0]"),
    "deadline 0": ("/v1/sudoku-4/solve", ONE | {"deadline_ms": 0}, 422, "deadline_ms"),
    "deadline true": ("/v1/sudoku-4/solve", ONE | {"deadline_ms": True}, 422, "deadline_ms"),
    "late": ("/v1/sudoku-4/solve", ONE | {"deadline_ms": 1e9}, 422, "deadline_ms"),
    "width 0": ("/v1/sudoku-4/solve", ONE | {"width": 0}, 422, "width"),
    "too wide": ("/v1/sudoku-4/solve", ONE | {"width": 65}, 422, "width"),
    "too deep a search": ("/v1/sudoku-4/solve", ONE | {"depth": 101}, 422, "depth"),
    "depth a text": ("/v1/sudoku-4/solve", ONE | {"width": 2, "depth": "3"}, 422, "depth"),
    "select": ("/v1/sudoku-4/solve", ONE | {"select": "best"}, 422, "select"),
    "want without check": ("/v1/sudoku-4/solve", ONE | {"want": 2, "select": "first"}, 422, "want"),
    "want a list": ("/v1/sudoku-4/solve", ONE | {"want": [2]}, 422, "want"),
    "seed": ("/v1/sudoku-4/solve", ONE | {"seed": -1}, 422, "seed"),
    "want all in a stream": ("/v1/queens-8/stream", {"puzzles": CORNER, "want": "all"}, 422, "want"),
    "want beyond the width": ("/v1/sudoku-4/solve", ONE | {"want": 7}, 422, "want"),
    "samples": ("/v1/sudoku-boards-4/solve", ONE, 422, None),
    "a stream of two": ("/v1/sudoku-4/stream", {"puzzles": list(FOUR)}, 422, "puzzles"),
    "trajectories": ("/v1/sudoku-4/stream", ONE | {"trajectories": 1}, 422, "trajectories"),
    "trajectories of no stream": ("/v1/sudoku-4/solve", ONE | {"trajectories": True}, 422, "trajectories"),
    "no samples": ("/v1/sudoku-4/generate", {}, 422, None),
    "n": ("/v1/sudoku-boards-4/generate", {"n": 6}, 422, "n"),
    "a puzzle for samples": ("/v1/sudoku-boards-4/generate", ONE, 422, "puzzles"),
    "too long": ("/v1/sudoku-4/solve", b" " * 20001, 413, "body"),
    "nowhere": ("/v2", b"", 404, None),
    "another method": ("/v1/tasks", b"", 405, None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(server, case):
    path, body, status, field = REFUSED[case]
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = server.client.post(path, content=body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.get("field") == field
    assert problem["detail"][0].isupper()
    assert problem["detail"][-1] in ".?"
    assert answer.headers["x-request-id"] == problem["request_id"]
    assert server.client.post("/v1/sudoku-4/solve", json=ONE).status_code == 200


def test_a_long_body_in_parts_is_refused(server):
    answer = server.client.post("/v1/sudoku-4/solve", content=iter([b" " * 4096] * 6))
    assert (answer.status_code, answer.json()["field"]) == (413, "body")


def test_a_broken_connection_disturbs_nobody(server):
    host, port = server.url.removeprefix("http://").split(":")
    for sent in (
        b"",
        b"POST /v1/sudoku-4/solve HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
        b"\x00\xff\r\n\r\n",
    ):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(sent)
    assert server.client.post("/v1/sudoku-4/solve", json=ONE).status_code == 200


# trust ----------------------------------------------------------------------------------------------------
def test_the_token(inside, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef-token\n")
    client = inside(token_file=str(secret))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "0123456789abcdef-token"}):
        answer = client.post("/v1/sudoku-4/solve", json=ONE, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (401, "Authorization")
        assert answer.headers["www-authenticate"] == "Bearer"
    known = {"Authorization": "Bearer 0123456789abcdef-token"}
    assert client.post("/v1/sudoku-4/solve", json=ONE, headers=known).status_code == 200
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert client.get("/metrics").status_code == client.get("/v1/tasks").status_code == 401


def test_defaults_stay_within_the_limits(inside):
    """A server of narrow limits answers requests that leave width and depth to it."""
    client = inside(max_width=3, max_depth=2)
    [answer] = client.post("/v1/sudoku-4/solve", json=ONE | {"select": "majority"}).json()["answers"]
    assert (answer["width"], answer["depth"]) == (3, 2)
    [task] = client.get("/v1/tasks").json()["tasks"]
    assert (task["defaults"]["width"], task["defaults"]["depth"]) == (3, 2)
    for name in ("width", "depth"):
        refused = client.post("/v1/sudoku-4/solve", json=ONE | {name: 4})
        assert (refused.status_code, refused.json()["field"]) == (422, name)


def test_other_origins_may_ask_only_if_allowed(inside):
    origin = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in inside().options("/v1/sudoku-4/solve", headers=origin).headers
    allowed = inside(cors=("https://a.example",))
    assert (
        allowed.options("/v1/sudoku-4/solve", headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
    )
    other = origin | {"Origin": "https://b.example"}
    assert "access-control-allow-origin" not in allowed.options("/v1/sudoku-4/solve", headers=other).headers


# the command ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["queens-88"], "queens-88"),
        (["queens-8", "queens-8"], "serve one of them"),
        (["hf:somebody/x/y"], "write hf:owner/name"),
        (["--port", "70000"], "port is 70000"),
        (["--host", "no such host"], "no such host"),
        (["--token-file", "nowhere"], "nowhere"),
        (["--queue", "0"], "queue is 0"),
        (["--dtype", "int4"], "dtype is 'int4'"),
    ],
)
def test_what_keeps_a_server_from_starting(arguments, says, refused):
    assert says in refused("serve", *(["--port", "0"] if "--port" not in arguments else []), *arguments)


def test_a_port_in_use(server, refused):
    assert "--port" in refused("serve", "sudoku-4", "--port", server.url.rpartition(":")[2])


def test_a_short_token_is_none(tmp_path, refused):
    secret = tmp_path / "token"
    secret.write_text("short")
    assert "at least 16" in refused("serve", "sudoku-4", "--token-file", secret)


def test_sigterm_lets_what_is_in_flight_end(weights, tmp_path):
    running = Running(tmp_path, weights)
    long = {"puzzles": FOUR[0], "select": "majority", "width": 500, "depth": 4000, "deadline_ms": 2000}
    with ThreadPoolExecutor(2) as pool:
        paths = ("/v1/sudoku-4/solve", "/v1/sudoku-4/stream")
        answers = [pool.submit(running.client.post, path, json=long) for path in paths]
        while 'gram_step_rows_count{task="sudoku-4"}' not in httpx.get(f"{running.url}/metrics").text:
            time.sleep(0.02)
        running.process.terminate()
        solved, streamed = (answer.result() for answer in answers)
    assert solved.json()["answers"][0]["complete"] is False
    assert events(streamed.text)[-1][0] == "answer"
    assert running.stop() == -signal.SIGTERM  # raised again when all is answered
    assert "Traceback" not in running.said
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url)


def test_a_client_that_goes_away_frees_its_rows(server):
    body = json.dumps({"puzzles": CORNER, "select": "majority", "width": 64, "depth": 100}).encode()
    host, port = server.url.removeprefix("http://").split(":")
    for path in ("solve", "stream"):
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /v1/queens-8/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            time.sleep(0.5)
    end = time.monotonic() + 10
    while 'gram_queue_requests{task="queens-8"} 0.0' not in server.client.get("/metrics").text:
        assert time.monotonic() < end
        time.sleep(0.05)
