"""The page for browsers: its files, and its loop as far as node can run it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gram import tasks
from gram.config import Config, ModelConfig
from gram.ship import web
from gram.tasks.base import Task

START = np.ones((1, 16, 4), np.float32), np.zeros((1, 16, 4), np.float32)
NODE = shutil.which("node")
FROM_ELSEWHERE = {"ort.wasm.min.mjs"}
"""What the user puts into ort/."""


def made(folder: Path, task: Task) -> Path:
    """The page of a small network, without its graphs."""
    folder.mkdir()
    web.write(folder, task, Config(recipe="small", task=task.spec.name, model=ModelConfig()), START)
    return folder


@pytest.mark.parametrize("name", ["sudoku-4", "queens-4"])
def test_the_page_names_what_is_there(name, tmp_path):
    folder = made(tmp_path / "page", tasks.task(name))
    index = (folder / "index.html").read_text()
    assert "'wasm-unsafe-eval'" in index
    named = {"page.json", "index.html", *re.findall(r'(?:href|src)="([^":#]+)"', index)}
    for path in folder.glob("*.mjs"):
        named |= set(re.findall(r'(?:from |import\()"\./([^"]+)"|new URL\("([^"]+)"', path.read_text()))
    flat = {name for each in named for name in ([each] if isinstance(each, str) else each) if name}
    assert {name for name in flat if "/" in name} == {f"ort/{file}" for file in FROM_ELSEWHERE}
    assert {name for name in flat if "/" not in name} == {path.name for path in folder.iterdir()}
    assert list(json.loads((folder / "examples.json").read_text())) == [name]
    facts = json.loads((folder / "page.json").read_text())
    assert (facts["size"], facts["rows"], facts["h"], facts["l"]) == (4, 16, [1.0] * 4, [0.0] * 4)


def test_a_task_without_a_page():
    with pytest.raises(ValueError, match="not coloring-8; leave out --web"):
        web.check(tasks.task("coloring-8"), Config(recipe="small", task="coloring-8"))


def node(folder: Path, script: str):
    """What `script` returns, the module's functions in scope and `page` beside them."""
    names = "argmax, decode, encode, generator, guess, normal, think, valid"
    lines = [
        f'import {{ {names} }} from "{(folder / "solver.mjs").as_uri()}";',
        f"const page = {(folder / 'page.json').read_text()};",
        f"console.log(JSON.stringify(await (async () => {{ {script} }})()));",
    ]
    command = [str(NODE), "--input-type=module", "--eval", "\n".join(lines)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_noise_choice_and_guess(tmp_path):
    folder = made(tmp_path / "page", tasks.task("sudoku-4"))
    noise = np.array(node(folder, "return [...normal(20001, generator(1))];"))
    assert abs(noise.mean()) < 0.03
    assert abs(noise.std() - 1) < 0.03
    assert abs((np.abs(noise) < 1).mean() - 0.6827) < 0.015
    assert node(folder, "return argmax([9, 1, 3, 2], 1, 3);") == 1
    script = """
      const tokens = Array(16).fill(2), logits = new Float32Array(96);
      tokens[3] = tokens[5] = 1;
      logits.set([0, 0, 0, 99, 0, 0], 18);
      logits.set([99, 99, 0, 0, 9, 0], 30);
      guess(tokens, logits, 0, 6, generator(3));
      return tokens;
    """
    found = node(folder, script)  # cell 3 is sure, cell 5 nearly so: the less sure one is taken
    assert found == [2, 2, 2, 1, 2, 4, *[2] * 10]
    assert found[5] == 4


@pytest.mark.skipif(NODE is None, reason="there is no node here")
@pytest.mark.parametrize("name", ["sudoku-4", "sudoku-6", "queens-6"])
def test_text_and_rules_are_those_of_the_task(name, tmp_path):
    task = tasks.task(name)
    folder = made(tmp_path / "page", task)
    puzzles = task.examples("dev", count=3).inputs
    right = [task.solutions(puzzle, limit=1)[0] for puzzle in puzzles]
    other = [right[1], right[0], right[2]]
    changed = [np.where(np.arange(len(a)) == 7, a % (task.spec.vocabulary - 1) + 1, a) for a in right]
    cases = [
        (x, y)
        for x, some in zip([puzzles] * 3, (right, other, changed), strict=True)
        for x, y in zip(x, some, strict=True)
    ]
    expected = [bool(task.check(x[None], y[None].astype(np.uint8))[0]) for x, y in cases]
    given = json.dumps([[x.tolist(), y.tolist()] for x, y in cases])
    assert node(folder, f"return {given}.map(([x, y]) => valid(page, x, y));") == expected
    assert {True, False} == set(expected)
    assert node(folder, f"return encode(page, {json.dumps(task.show(puzzles[0]))});") == puzzles[0].tolist()
    text = node(folder, f"return decode(page, {json.dumps(right[0].tolist())});")
    assert text.replace("\n", "") == task.decode(right[0]).replace("\n", "")
    assert node(folder, 'try { encode(page, "1"); } catch (error) { return error.message; }').startswith("Write ")


@pytest.mark.skipif(NODE is None, reason="there is no node here")
def test_the_loop_with_a_network_that_knows(tmp_path):
    """In place of onnxruntime: the third step knows the answer, the halting logits say nothing."""
    folder = made(tmp_path / "page", tasks.task("queens-4"))
    script = """
      const answer = [1, 2, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 2, 1], B = page.width;
      let steps = 0, noise = [];
      const tensor = (data) => ({ data });
      const Tensor = class { constructor(type, data, shape) { Object.assign(this, { data, shape }); } };
      const network = { page, ort: { Tensor } };
      network.encoder = { run: async () => ({ e_x: tensor(new Float32Array(64)) }) };
      network.step = { inputNames: ["h", "noise"], run: async (given) => {
        steps += 1;
        noise.push(given.noise.data[0]);
        const rows = given.h.shape[0], logits = new Float32Array(rows * 48);
        if (steps % 3 === 0) answer.forEach((token, i) => { logits[48 + 3 * i + token] = 9; });
        const halt = tensor(new Float32Array(2 * rows).fill(-9)), value = tensor(new Float32Array(rows));
        return { h_new: given.h, l_new: given.h, logits: tensor(logits), halt, value };
      } };
      const all = async (options) => {
        const found = [];
        for await (const rows of think(network, Array(16).fill(1), options)) found.push(rows);
        return found;
      };
      const first = await all({ seed: 1 }), ran = steps, fresh = new Set(noise);
      steps = 0;
      const short = await all({ depth: 2, width: 3 }), unchecked = await all({ depth: 4, checked: false });
      return [first, ran, fresh.size, short, unchecked];
    """
    first, steps, fresh, short, unchecked = node(folder, script)
    good = [row for rows in first for row in rows if row["valid"]]
    assert [(row["trajectory"], row["steps"], row["ended"]) for row in good] == [(1, 3, True)]
    assert tasks.task("queens-4").check(np.ones((1, 16), np.uint8), np.array([good[0]["tokens"]], np.uint8))[0]
    assert min(good[0]["certainty"]) > 0.99
    assert (steps, fresh) == (3, 3)
    assert [len(rows) for rows in short] == [3, 3]
    assert [row["ended"] for row in short[-1]] == [True] * 3
    assert not any(row["valid"] for rows in short for row in rows)
    assert len(unchecked) == 4
