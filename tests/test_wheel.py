"""The wheel alone, in a clean environment: its size, and that it answers. Slow: set GRAM_SLOW=1."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BOARD = "Q......./......../......../......../......../......../......../........"


@pytest.mark.skipif("GRAM_SLOW" not in os.environ, reason="builds and installs a wheel; set GRAM_SLOW=1")
def test_the_wheel_is_small_and_answers_by_itself(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*build, ROOT], check=True)
    [wheel] = tmp_path.glob("gram_reasoning-*.whl")
    assert wheel.stat().st_size <= 12e6
    home = tmp_path / "clean"
    venv.create(home, with_pip=False)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, env=environment, check=True)
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # torch and the others, behind the wheel
    run = {"cwd": tmp_path, "env": environment, "check": True, "capture_output": True, "text": True}
    where = subprocess.run([python, "-c", "import gram; print(gram.__file__)"], **run).stdout
    assert Path(where.strip()).is_relative_to(packages)
    answered = subprocess.run([python, "-m", "gram", "solve", "queens-8", BOARD], **run).stdout
    assert "solved: the answer obeys all rules" in answered
