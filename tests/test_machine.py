"""Limits of containers and shells, read from files as Linux writes them."""

import subprocess
import sys
from pathlib import Path

import pytest

from gram import machine

GIB = 2**30
MEMINFO = "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n"
UNLIMITED = "9223372036854771712\n"


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def mount(kind: str, top: str, where: str, options: str = "rw") -> str:
    return f"31 23 0:28 {top} {where} rw,relatime - {kind} {kind} {options}\n"


V2 = {
    "proc/self/cgroup": "0::/jobs/one\n",
    "proc/self/mountinfo": "22 1 254:0 / / rw - ext4 /dev/root rw\n" + mount("cgroup2", "/", "/sys/fs/cgroup"),
}
ONE, JOBS = "sys/fs/cgroup/jobs/one/", "sys/fs/cgroup/jobs/"
STAT = f"anon 5\ninactive_file {GIB // 4}\nactive_file {GIB // 4}\nslab 7\n"
NAMESPACE = {**V2, "proc/self/cgroup": "0::/\n"}
TOP = "sys/fs/cgroup/"
V1 = {
    "proc/self/cgroup": "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n1:name=systemd:/docker/ab\n",
    "proc/self/mountinfo": mount("cgroup", "/docker/ab", "/sys/fs/cgroup/memory", "rw,memory")
    + mount("cgroup", "/docker/ab", "/sys/fs/cgroup/cpu", "rw,cpu,cpuacct"),
}
OLD = "sys/fs/cgroup/memory/memory."
CASES = {
    "no container": ({}, 4 * GIB),
    "version 2": ({**V2, ONE + "memory.max": f"{2 * GIB}", ONE + "memory.current": f"{GIB}"}, GIB),
    "its file cache": (
        {**V2, ONE + "memory.max": f"{2 * GIB}", ONE + "memory.current": f"{GIB}", ONE + "memory.stat": STAT},
        3 * GIB // 2,
    ),
    "the group above": (
        {**V2, ONE + "memory.max": "max", JOBS + "memory.max": f"{3 * GIB}", JOBS + "memory.current": f"{GIB}"},
        2 * GIB,
    ),
    "the tighter of both limits": (
        {**V2, ONE + "memory.max": "max", ONE + "memory.high": f"{GIB}", ONE + "memory.current": "1000"},
        GIB - 1000,
    ),
    "no limit": ({**V2, ONE + "memory.max": "max\n", ONE + "memory.current": f"{GIB}"}, 4 * GIB),
    "more than the system has": ({**V2, ONE + "memory.max": f"{9 * GIB}", ONE + "memory.current": "0"}, 4 * GIB),
    "all used": ({**V2, ONE + "memory.max": f"{GIB}", ONE + "memory.current": f"{GIB + 4096}"}, 0),
    "version 2 seen from inside": ({**NAMESPACE, TOP + "memory.max": f"{GIB}", TOP + "memory.current": "0"}, GIB),
    "version 1": ({**V1, OLD + "limit_in_bytes": f"{2 * GIB}", OLD + "usage_in_bytes": f"{GIB}"}, GIB),
    "version 1 without a limit": ({**V1, OLD + "limit_in_bytes": UNLIMITED, OLD + "usage_in_bytes": "0"}, 4 * GIB),
    "a group that cannot be seen": ({**V2, "proc/self/cgroup": "0::/../elsewhere\n"}, 4 * GIB),
    "files of nonsense": ({**V2, ONE + "memory.max": "much\n", ONE + "memory.current": "-1"}, 4 * GIB),
}


@pytest.mark.parametrize("case", CASES)
def test_free_memory(case, tmp_path):
    files, free = CASES[case]
    assert machine.free_memory(system(tmp_path, files)) == free


def test_unknown_where_there_is_no_proc(tmp_path):
    assert machine.free_memory(tmp_path) is None
    assert machine.processors(tmp_path) >= 1


def test_the_limit_of_the_shell():
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); from gram import machine; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(machine.free_memory())"], capture_output=True, text=True, check=True
    )
    assert 0 < int(done.stdout) < GIB


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({}, 64),
        ({**V2, ONE + "cpu.max": "150000 100000\n"}, 1),
        ({**V2, ONE + "cpu.max": "max 100000\n", JOBS + "cpu.max": "300000 100000\n"}, 3),
        ({**V2, ONE + "cpu.max": "20000 100000\n"}, 1),
        ({**V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 2),
        ({**V1, "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 64),
    ],
)
def test_processors(files, most, tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert machine.processors(system(tmp_path, files)) == most
