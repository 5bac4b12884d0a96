"""The wheel and the source distribution: what they hold and how large they are; alone, in a clean environment, each
answers (slow: set GRAM_SLOW=1)."""

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from support.places import ROOT

from gram import __version__

BOARD = "Q......./......../......../......../......../......../......../........"
LARGEST = 12e6
BUILD = "import sys; from setuptools import build_meta as b; out = sys.argv[1]; b.build_wheel(out); b.build_sdist(out)"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """The two files, from a copy of what they are made of, by kind."""
    pytest.importorskip("setuptools", "77", reason="setuptools is not installed")
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("dist")
    unneeded = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, home / name, ignore=unneeded)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, home)
    made = subprocess.run([sys.executable, "-c", BUILD, out], cwd=home, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    [wheel], [source] = out.glob("gram_reasoning-*.whl"), out.glob("gram_reasoning-*.tar.gz")
    return {"wheel": wheel, "source": source}


@pytest.fixture(scope="module")
def names(built) -> dict[str, set[str]]:
    with zipfile.ZipFile(built["wheel"]) as wheel, tarfile.open(built["source"]) as source:
        files = {member.name.partition("/")[2] for member in source.getmembers() if member.isfile()}
        return {"wheel": set(wheel.namelist()), "source": files}


def test_both_hold_the_whole_package_and_the_weights(built, names):
    package = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "gram").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names["wheel"] if name.startswith("gram/")} == package
    assert {f"src/{name}" for name in package} <= names["source"]
    for folder in (ROOT / "src" / "gram" / "pretrained").iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert f"gram/pretrained/{folder.name}/model.safetensors" in package
    assert {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "pyproject.toml"} <= names["source"]
    assert not [name for name in names["wheel"] | names["source"] if name.startswith("tests/") or ".cache" in name]
    assert all(path.stat().st_size <= LARGEST for path in built.values())


def test_the_metadata(built, names):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        [name] = [name for name in names["wheel"] if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(wheel.read(name))
    assert (metadata["Name"], metadata["Version"]) == ("gram-reasoning", __version__)
    assert (metadata["Requires-Python"], metadata["License-Expression"]) == (">=3.11", "Apache-2.0")
    required = [line.partition(">")[0] for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(required) == ["numpy", "rich", "safetensors", "scipy", "torch", "tyro"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_links_of_a_release():
    links = runpy.run_path(str(ROOT / "deploy" / "links.py"))
    at = "https://example.org/someone/gram"
    urls = tomllib.loads(links["project"]((ROOT / "pyproject.toml").read_text(encoding="utf-8"), at))["project"]["urls"]
    assert urls.keys() == {"Homepage", "Documentation", "Source", "Issues", "Changelog", "Paper"}
    assert urls["Issues"] == f"{at}/issues"
    text = links["readme"]((ROOT / "README.md").read_text(encoding="utf-8"), at, "v1")
    assert f"({at}/raw/v1/docs/pictures/sudoku.svg)" in text
    assert f"({at}/blob/v1/docs/solving.md)" in text
    assert "(https://arxiv.org/abs/2605.19376)" in text
    assert not [link for link in links["LINK"].findall(text) if "://" not in link[2]]


@pytest.mark.skipif("GRAM_SLOW" not in os.environ, reason="installs into clean environments; set GRAM_SLOW=1")
@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_each_answers_by_itself(kind, built, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    home = tmp_path / "clean"
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", built[kind]]
    subprocess.run(install, env=environment, check=True)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # torch and the others, behind it
    run = {"cwd": tmp_path, "env": environment, "check": True, "capture_output": True, "text": True}
    where = subprocess.run([python, "-c", "import gram; print(gram.__file__)"], **run).stdout
    assert Path(where.strip()).is_relative_to(packages)
    answered = subprocess.run([python, "-m", "gram", "solve", "queens-8", BOARD], **run).stdout
    assert "solved: the answer obeys all rules" in answered
