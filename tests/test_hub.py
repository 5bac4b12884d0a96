"""Weights on the hub, against a local stand-in of its HTTP interface."""

import base64
import contextlib
import hashlib
import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.command import run
from support.configs import saved

import gram
from gram import hub

REPOSITORY = "somebody/four"
COMMIT = "c" * 40
TOKEN = "hf_right"


class Hub:
    """The repositories, and what was asked for."""

    def __init__(self):
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.cut: dict[str, int] = {}
        """By file, after how many bytes its next download breaks off."""
        self.ranges: list[str] = []
        self.requests = 0


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None):
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), "X_Request_Id": "1", **(headers or {})}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def tell(self, values):
        self.reply(body=json.dumps(values).encode(), headers={"Content_Type": "application/json"})

    def refuse(self, status, code=""):
        self.reply(status, json.dumps({"error": code}).encode(), {"X_Error_Code": code, "X_Error_Message": code})

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.hub.requests += 1
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        path = self.path.split("?")[0]
        if token not in ("", TOKEN):
            return self.refuse(401, "InvalidToken")
        if path == "/api/whoami-v2":
            return self.tell({"name": "somebody", "type": "user"})
        name = "/".join(path.removeprefix("/api/models").strip("/").split("/")[:2])
        files = self.hub.repositories.get(name)
        if files is None or (name in self.hub.private and token != TOKEN):
            return self.refuse(401 if not token else 404, "RepoNotFound")
        if "/resolve/" in path:
            return self.file(files, path.split("/resolve/")[1].split("/", 1)[1])
        if "/tree/" in path:
            return self.tell([{"type": "file", "path": f, "size": len(b), "oid": sha(b)} for f, b in files.items()])
        siblings = [{"rfilename": f, "size": len(b), "blobId": sha(b)} for f, b in files.items()]
        return self.tell({"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []})

    def file(self, files, name):
        if name not in files:
            return self.refuse(404, "EntryNotFound")
        body = files[name]
        headers = {"ETag": f'"{sha(body)}"', "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
        if self.command == "HEAD":
            return self.reply(body=body, headers=headers)
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted:
            self.hub.ranges.append(wanted[0])
            first = int(wanted[1])
            headers["Content_Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            return self.reply(206, body[first:], headers)
        if name in self.hub.cut:
            whole, body = len(body), body[: self.hub.cut.pop(name)]
            self.close_connection = True
            return self.reply(body=body, headers=headers | {"Content_Length": str(whole)})
        return self.reply(body=body, headers=headers)

    def do_POST(self):
        self.hub.requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if (self.headers.get("Authorization") or "") != f"Bearer {TOKEN}":
            return self.refuse(401, "InvalidToken")
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            self.hub.repositories.setdefault(name, {})
            if asked.get("private") or asked.get("visibility") == "private":
                self.hub.private.add(name)
            return self.tell({"url": f"https://huggingface.co/{name}", "id": name})
        name = "/".join(self.path.removeprefix("/api/models/").split("/")[:2])
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            return self.tell({"files": [{**f, "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        if "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.hub.repositories[name][line["value"]["path"]] = content
            return self.tell(
                {"commitUrl": f"https://huggingface.co/{name}/commit/{COMMIT}", "commitOid": COMMIT, "success": True}
            )
        return self.tell({"warnings": [], "errors": []})


def sha(body: bytes) -> str:
    return hashlib.sha1(body).hexdigest()


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    from huggingface_hub import constants

    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mine", (Handler,), {"hub": state}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def weights(tmp_path) -> Path:
    return saved(tmp_path / "four", "sudoku-4")


def test_push_and_load(stand_in, weights, tmp_path, capsys):
    results = tmp_path / "results" / "sudoku-4-tiny"
    results.mkdir(parents=True)
    figures = {"dev width=4": {"examples": 7, "valid": 0.125, "commit": "a" * 40}}
    (results / "0.json").write_text(json.dumps({"seed": 0, "figures": figures}))
    (weights / "notes.txt").write_text("mine")
    pushed = run(capsys, "push", weights, REPOSITORY, "--results", tmp_path / "results")
    assert pushed.code == 0, pushed.err
    assert "hf:somebody/four" in pushed.out
    files = stand_in.repositories[REPOSITORY]
    assert set(files) == {"README.md", "config.json", "model.safetensors"}
    assert files["model.safetensors"] == (weights / "model.safetensors").read_bytes()
    assert "| dev width=4, seed 0 | 7 | valid 12.50 | aaaaaaa |" in files["README.md"].decode()
    puzzle = "1" + 15 * "."
    mine = gram.load(weights, dtype="float32").solve(puzzle, select="majority")
    for reasoner in (gram.load("hf:somebody/four", dtype="float32"), gram.Reasoner.from_pretrained(REPOSITORY)):
        assert reasoner.task.spec.name == "sudoku-4"
    assert gram.load("hf:somebody/four", dtype="float32").solve(puzzle, select="majority").text == mine.text
    ran = run(capsys, "solve", "sudoku-4", puzzle, "--weights", "hf:somebody/four", "--select", "majority", "--json")
    assert ran.code == 0


@pytest.mark.parametrize(
    ("license", "head", "said"),
    [
        ((), [], "none given"),
        (("--license", "CC BY 4.0"), ["license: cc-by-4.0"], "CC BY 4.0"),
        (("--license", "ours: ask"), ["license: other", 'license_name: "ours: ask"'], "ours: ask"),
    ],
)
def test_the_card_names_the_license_of_its_owner(license, head, said, stand_in, weights, capsys):
    assert run(capsys, "push", weights, REPOSITORY, *license).code == 0
    card = stand_in.repositories[REPOSITORY]["README.md"].decode()
    assert [line for line in card.split("---")[1].splitlines() if "license" in line] == head
    assert f"License of the network: {said}." in card


def test_shipped_weights_keep_the_license_of_the_package(stand_in, capsys):
    assert run(capsys, "push", "sudoku-4", REPOSITORY).code == 0
    assert "license: apache-2.0\n" in stand_in.repositories[REPOSITORY]["README.md"].decode()


def test_a_bundle_has_its_card_already(weights, tmp_path, capsys):
    shutil.copytree(weights, tmp_path / "bundle")
    (tmp_path / "bundle" / "manifest.json").write_text("{}")
    refused = run(capsys, "push", tmp_path / "bundle", REPOSITORY, "--license", "MIT")
    assert refused.code == 2
    assert "--license to gram export" in refused.err


@pytest.mark.slow
def test_weights_and_bundles_of_the_hub_are_served(stand_in, exported, capsys):
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    from gram.serve.models import opened

    weights, bundle = exported
    hub.push(weights, REPOSITORY)
    hub.push(bundle, "somebody/bundle")
    puzzle = "1" + 15 * "."
    expected = gram.load(weights, dtype="float32").solve(puzzle, select="majority").text
    for address, said in ((f"hf:{REPOSITORY}", "as asked"), ("hf:somebody/bundle", "as exported")):
        label, reasoner = opened([address], "float32")["sudoku-4"]
        assert (label, reasoner.reason) == (address, said)
        assert reasoner.solve(puzzle, select="majority").text == expected
        assert gram.load(address, dtype="float32").solve(puzzle, select="majority").text == expected
    ran = run(capsys, "serve", "hf:somebody/missing", "--port", 0)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "There is no somebody/missing on the hub" in ran.err


def test_save_and_load(weights, tmp_path):
    reasoner = gram.load(weights, dtype="float32")
    reasoner.save_pretrained(tmp_path / "copy")
    copy = gram.Reasoner.from_pretrained(tmp_path / "copy", dtype="float32")
    puzzle = "1" + 15 * "."
    assert copy.solve(puzzle, select="majority").text == reasoner.solve(puzzle, select="majority").text


def test_what_was_loaded_is_there_without_a_connection(stand_in, weights, monkeypatch):
    from huggingface_hub import constants

    hub.push(weights, REPOSITORY)
    folder = hub.fetch(f"hf:{REPOSITORY}")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert hub.fetch(f"hf:{REPOSITORY}") == folder
    with pytest.raises(OSError, match="cannot be reached"):
        hub.fetch("hf:somebody/other")
    before = stand_in.requests
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.fetch(f"hf:{REPOSITORY}") == folder
    assert stand_in.requests == before


def test_a_broken_download_goes_on(stand_in, weights, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.push(weights, REPOSITORY)
    large = bytes(range(256)) * 50_000  # 12.8 MB: what was received is kept in pieces of 10 MB
    stand_in.repositories[REPOSITORY]["step.onnx"] = large
    stand_in.cut = {"step.onnx": 11_000_000, "model.safetensors": 1000}
    with contextlib.suppress(OSError):  # huggingface_hub tries again by itself, or the next call does
        hub.fetch(f"hf:{REPOSITORY}")
    folder = hub.fetch(f"hf:{REPOSITORY}")
    assert (folder / "model.safetensors").read_bytes() == (weights / "model.safetensors").read_bytes()
    assert (folder / "step.onnx").read_bytes() == large
    assert stand_in.ranges == ["bytes=10485760-"]


def test_one_sentence_for_each_refusal(stand_in, weights, monkeypatch, capsys):
    hub.push(weights, REPOSITORY, private=True)
    solve = ["solve", "sudoku-4", "1" + 15 * ".", "--weights"]
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    refusals = {
        "hf auth login": [["push", weights, REPOSITORY], [*solve, "hf:somebody/four"]],
        "write hf:owner/name": [[*solve, "hf:some body/four"], [*solve, "hf:a/b/c"]],
    }
    for said, commands in refusals.items():
        for command in commands:
            ran = run(capsys, *command)
            assert ran.code == 2
            assert said in ran.err
            assert ran.err.count("\n") == 1
    monkeypatch.delenv("HF_TOKEN")
    for name in ("hf:somebody/four", "hf:somebody/missing"):
        ran = run(capsys, *solve, name)
        assert ran.code == 2
        assert re.search(r"There is no somebody/\w+ on the hub, or it is private", ran.err)
    stand_in.repositories["somebody/empty"] = {"README.md": b"#"}
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        gram.load("hf:somebody/empty")
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        hub.push(weights.parent, REPOSITORY)
