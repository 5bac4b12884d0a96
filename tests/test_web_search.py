"""The search over candidates in a browser, as far as node can run it: what it reads and answers is what Python does."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from support.searching import PUZZLES, SMALL, TASK, reasoner

from gram.models.recursive import Model
from gram.ship import web
from gram.solve.candidates import Candidates
from gram.solve.noise import chances
from gram.solve.options import resolve
from gram.solve.sampler import rollout
from gram.solve.torch_backend import TorchNetwork

NODE = shutil.which("node")
HERE = Path(web.__file__).parent
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node here")
THRESHOLDS = {"drop_below": -0.3, "give_up_below": -4.6}
REPLAY = """
// In place of onnxruntime: what the network of Python computed.
const Tensor = class { constructor(type, data, dims) { Object.assign(this, { data, dims }); } };
const replay = async ({ puzzle, options, rounds }) => {
  const read = [], began = [], stages = [];
  const encoder = { run: async ({ tokens }) => { read.push([...tokens.data].map(Number)); return { e_x: null }; } };
  const step = { inputNames: ["h", "e_x"], run: async ({ h }) => {
    const all = Object.entries(rounds[began.length]);
    began.push([...h.data.slice(0, given.page.channels)]);
    return Object.fromEntries(all.map(([name, data]) => [name, { data: Float32Array.from(data) }]));
  } };
  for await (const [row] of search({ page: given.page, ort: { Tensor }, encoder, step }, puzzle, options)) {
    stages.push({ tokens: row.tokens, valid: row.valid, ended: row.ended });
  }
  return { read, began, stages };
};
return Promise.all(given.cases.map(replay));
"""


def node(script: str, **given):
    """What `script` returns, with the modules' functions and `given` in scope."""
    lines = [
        f'import {{ search }} from "{(HERE / "search.mjs").as_uri()}";',
        f'import {{ chances, sha256 }} from "{(HERE / "random.mjs").as_uri()}";',
        f"const given = {json.dumps(given)};",
        f"console.log(JSON.stringify(await (async () => {{ {script} }})()));",
    ]
    command = [str(NODE), "--input-type=module", "-"]
    return json.loads(
        subprocess.run(command, input="\n".join(lines), check=True, capture_output=True, text=True).stdout
    )


class Recorded:
    """A network that keeps what it reads and computes; see gram.solve.backend.Network."""

    def __init__(self, network):
        self.network, self.tokens, self.rounds = network, np.zeros(0), []

    def __getattr__(self, name):
        return getattr(self.network, name)

    def encode(self, tokens):
        self.tokens = tokens
        return self.network.encode(tokens)

    def step(self, state, *given, **options):
        out = self.network.step(state, *given, **options)
        self.rounds.append((self.tokens[0], state[0][0], out))
        return out


def page(folder: Path, network) -> dict:
    """The facts of the page of a network."""
    h, l = network.initial(1, None)  # noqa: E741
    folder.mkdir()
    web.write(folder, TASK, SMALL, (h.numpy(), l.numpy()))
    return json.loads((folder / "page.json").read_text())


def deciding() -> TorchNetwork:
    """A network whose candidates and values differ from state to state."""
    network = reasoner().network
    assert isinstance(network, TorchNetwork)
    assert isinstance(network.model, Model)
    torch.nn.init.normal_(network.model.value.weight, generator=torch.Generator().manual_seed(2))
    return network


@pytest.mark.parametrize("want", [1, None], ids=["checked", "unchecked"])
def test_the_rounds_are_those_of_python(want, tmp_path, monkeypatch):
    """Every outcome of a round occurs: drops, guesses, guesses taken back, restarts, and answers."""
    happened: set[str] = set()
    for name in ("drop", "guess", "take_back", "restart"):
        monkeypatch.setattr(Candidates, name, noted(name, happened))
    network, nearly = deciding(), PUZZLES.targets[:1].copy()
    facts = page(tmp_path / "page", network)
    nearly[:, [0, 5, 10]] = 1
    cases, expected = [], []
    for seed, puzzle in enumerate([*PUZZLES.inputs[:2], *nearly]):
        recorded = Recorded(network)
        asked = {"width": 1, "depth": 40, "restart_every": 17, "seed": seed}
        options = resolve(SMALL.solve, asked | THRESHOLDS | {"halt_threshold": 0.0, "want": want})
        stages = list(rollout(recorded, TASK, puzzle[None], options))  # pyright: ignore[reportArgumentType]
        told = [
            {"h_new": out.state[0].numpy(), "value": out.value, "candidates": out.candidates}
            | {"logits": np.maximum(out.logits, -1e30)}  # JSON has no infinity
            for _, _, out in recorded.rounds
        ]
        rounds = [{name: z.ravel().tolist() for name, z in each.items()} for each in told]
        cases.append({"puzzle": puzzle.tolist(), "options": asked | {"checked": want == 1}, "rounds": rounds})
        valid = [bool(TASK.check(puzzle[None], stage.answers)[0]) for stage in stages]
        expected.append(
            {
                "read": [tokens.tolist() for tokens, _, _ in recorded.rounds],
                "began": [h[0].tolist() for _, h, _ in recorded.rounds],
                "stages": [
                    {"tokens": stage.answers[0].tolist(), "valid": right, "ended": bool(stage.leave[0])}
                    for stage, right in zip(stages, valid, strict=True)
                ],
            }
        )
    assert happened == {"drop", "guess", "take_back", "restart"}
    assert any(stages[-1]["valid"] for stages in (each["stages"] for each in expected)) == (want == 1)
    assert node(REPLAY, page=facts | THRESHOLDS, cases=cases) == expected


def noted(name: str, happened: set[str]):
    """A method of Candidates that notes when it changes something."""
    plain = getattr(Candidates, name)

    def watched(search, rows, *given, **options):
        found = plain(search, rows, *given, **options)
        if np.any(found) if name == "drop" else len(rows):
            happened.add(name)
        return found

    return watched


def test_guesses_draw_the_numbers_of_python():
    cases = [(0, PUZZLES.inputs[0], 0, 1), (2**32 - 1, np.arange(81) % 10 + 1, 3, 4000)]
    cases += [(7, np.ones(n), 1, 2) for n in (55, 56, 64, 256)]
    given = [(seed, puzzle.astype(np.uint8), n, step) for seed, puzzle, n, step in cases]
    told = [[seed, puzzle.tolist(), n, step] for seed, puzzle, n, step in given]
    found = node("return given.cases.map((each) => chances(...each));", cases=told)
    assert found == [chances(*each).tolist() for each in given]
