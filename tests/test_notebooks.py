"""The notebooks of docs/notebooks run from top to bottom, draw pictures, and are stored with them."""

import re
import shutil

import pytest
from support.places import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PICTURES = {"solve": 4, "own-data": 2}
"""At least so many in each."""
SMALL = (
    'model={"width": 16, "hidden": 16, "mixer_hidden": 8, "guidance_hidden": 16, "K": 1, "T": 1}, '
    'train={"batch": 8, "N_sup": 2, "compile": False, "evaluate_examples": 4, "dtype": "float32"}'
)
"""Instead of three minutes."""


def pictures(notebook) -> int:
    """Outputs that a browser draws."""
    shown = [out.get("data", {}) for cell in notebook.cells for out in cell.get("outputs", [])]
    return sum("image/png" in data or "<svg" in "".join(data.get("text/html", "")) for data in shown)


def test_the_stored_run_has_learned():
    """As in three minutes of a core that nothing else uses: a busy machine manages a few dozen updates."""
    text = (ROOT / "docs" / "notebooks" / "own-data.ipynb").read_text(encoding="utf-8")
    [(updates, valid)] = re.findall(r"</progress> update (\d+), (\d+)% of samples valid", text)
    assert int(updates) > 1000
    assert int(valid) > 30
    assert "2 distinct answers" in text  # all that exist


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    client = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.read(path, 4)
    assert pictures(notebook) >= PICTURES[path.stem]
    folder = tmp_path / "docs" / "notebooks"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for cell in notebook.cells:
        cell.source = cell.source.replace("minutes=3", f"minutes=0.03, {SMALL}")
        cell.source = cell.source.replace("repair.py repairs.jsonl", "repair.py repairs.jsonl --count 400")
        if cell.cell_type == "code":
            cell.outputs = []
    resources = {"metadata": {"path": str(folder)}}
    client.NotebookClient(notebook, timeout=600, resources=resources).execute()
    assert pictures(notebook) >= PICTURES[path.stem]
