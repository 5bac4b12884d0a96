"""Memory and processors available to this process, within the limits of its container (Linux control groups, versions 1
and 2), its shell (ulimit -v) and its CPU affinity."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

ROOT = Path("/")
DEVICE = "GRAM_DEVICE"
"""What this environment variable has takes the place of the device "auto"."""
INSTRUCTIONS = {
    "amx_tile": "AMX",
    "avx512_bf16": "AVX-512 with bfloat16",
    "avx512_vnni": "AVX-512 with VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}
"""CPU flags of Linux -> names, best first."""
Groups = list[tuple[int, Path]]
"""Version and folder of each control group that this process is in, from its own up to the mount's root."""


def free_memory(root: Path = ROOT) -> int | None:
    """Bytes of main memory that this process can still allocate, or None if unknown. root: of the file system to
    read."""
    known = [_available(root), _address_space(root), *(_room(*group) for group in _groups(root, "memory"))]
    return min((max(0, each) for each in known if each is not None), default=None)


def processors(root: Path = ROOT) -> int:
    """Processors that this process may use at a time, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [_quota(*group) for group in _groups(root, "cpu")]
    return max(1, min([affinity, *(int(quota) for quota in quotas if quota is not None)]))


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor and its best instructions for matrix products: "AMD EPYC, AVX2"."""
    try:
        text = cpuinfo.read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    name = found.get("model name") or platform.processor() or platform.machine()
    flags = found.get("flags", "").split()
    best = [says for flag, says in INSTRUCTIONS.items() if flag in flags][:1]
    return ", ".join([name, *best])


# memory -----------------------------------------------------------------------------------------------------
def _available(root: Path) -> int | None:
    """Available memory of the whole system."""
    return _kilobytes(root / "proc/meminfo", "MemAvailable:")


def _address_space(root: Path) -> int | None:
    """Memory left under `ulimit -v`."""
    used = _kilobytes(root / "proc/self/status", "VmSize:")
    if resource is None or used is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit - used


def _kilobytes(path: Path, name: str) -> int | None:
    found = next((line.split()[1] for line in _text(path).splitlines() if line.startswith(name)), None)
    return None if found is None else 1024 * int(found)


def _room(version: int, group: Path) -> int | None:
    """Bytes below the limit of a control group. Its file cache counts as free, because the kernel reclaims it first."""
    limits, usage, kinds = {
        1: (["memory.limit_in_bytes"], "memory.usage_in_bytes", ("total_inactive_file", "total_active_file")),
        2: (["memory.max", "memory.high"], "memory.current", ("inactive_file", "active_file")),
    }[version]
    limit = min((n for n in (_number(group / name) for name in limits) if n is not None), default=None)
    used = _number(group / usage)
    if limit is None or used is None:
        return None
    lines = (line.split() for line in _text(group / "memory.stat").splitlines())
    return limit - used + sum(int(line[1]) for line in lines if line[0] in kinds)


# processors -------------------------------------------------------------------------------------------------
def _quota(version: int, group: Path) -> float | None:
    """Processors that a control group allows, None for no limit."""
    if version == 2:
        words = _text(group / "cpu.max").split()
        quota, period = (int(word) if word.isdigit() else None for word in [*words, "", ""][:2])
    else:
        quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota / period if quota and period else None


# control groups ---------------------------------------------------------------------------------------------
def _groups(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """The control groups that limit this process: its own and its ancestors, as far as they are visible."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            version, mounts = 2, _mounts(root, "cgroup2", None)
        elif controller in controllers.split(","):
            version, mounts = 1, _mounts(root, "cgroup", controller)
        else:
            continue
        for top, mount in mounts:
            inside = Path(path).relative_to(top) if Path(path).is_relative_to(top) else Path()
            folder = mount / inside if ".." not in inside.parts else mount
            yield from ((version, each) for each in (folder, *folder.parents) if each.is_relative_to(mount))


def _mounts(root: Path, kind: str, controller: str | None) -> Iterator[tuple[str, Path]]:
    """(mounted group, mount point) of each mount of a kind; see proc(5), mountinfo."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        top, mount = before.split()[3:5]
        found, _, options = after.split(None, 2)
        if found == kind and (controller is None or controller in options.split(",")):
            yield top, root / mount.lstrip("/")


def _number(path: Path) -> int | None:
    """The number in a file; None for a word such as "max", a negative number, and a file that cannot be read."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def device_wished(wish: str) -> str:
    """`wish`, or what GRAM_DEVICE has in place of "auto". ValueError for what is no device."""
    name, where = (os.environ[DEVICE], DEVICE) if wish == "auto" and os.environ.get(DEVICE) else (wish, "device")
    if name not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(f'{where} is {name!r}; choose "auto", "cpu", "cuda" or "mps".')
    return name
