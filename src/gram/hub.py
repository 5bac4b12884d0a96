"""Weights on the Hugging Face hub: download from the address hf:owner/name, and upload with a model card.

Uses huggingface_hub (extra "hub") with its cache, resumed downloads and token. Only the files of a weight folder or
bundle are downloaded, and none of them is executed.
"""

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gram import strict_json

SCHEME = "hf:"
FILES = ["config.json", "model.safetensors", "training.json", "manifest.json", "*.onnx", "start.npz", "README.md"]
"""Patterns of the files that are downloaded and uploaded."""
CARD = "README.md"
RATES = ("exact", "valid", "checked", "coverage", "pass_1", "pass_2")
"""The metrics of a results file that a model card shows, in %."""


def is_address(name: object) -> bool:
    """Whether `name` has the form hf:owner/name or hf:owner/name@revision."""
    return str(name).startswith(SCHEME)


def fetch(address: str) -> Path:
    """Download hf:owner/name[@revision] into the cache and return its folder. Without a connection, or with
    HF_HUB_OFFLINE=1, the cached copy is used. ValueError or OSError with one sentence if that fails or if there
    are no weights."""
    repository, _, revision = address.removeprefix(SCHEME).partition("@")
    hub = library()
    with plain_errors(repository):
        folder = Path(hub.snapshot_download(repository, revision=revision or None, allow_patterns=FILES))
    if not (folder / FILES[0]).is_file():
        raise FileNotFoundError(f"{address} holds no {FILES[0]}; give a repository that `gram push` made.")
    return folder


def push(
    folder: Path,
    repository: str,
    *,
    private: bool = False,
    results: Path | None = None,
    license: str | None = None,
) -> str:
    """Upload a weight folder as one commit, completely or not at all, with a model card that shows the metrics of its
    recipe from `results`, and its license if there is one. The repository is created if needed. Returns its
    address."""
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} has no config.json; give the folder that `gram train --out` wrote.")
    if license is not None and (folder / "manifest.json").is_file():
        raise ValueError(f"The bundle {folder} has a card already; give --license to gram export.")
    hub = library()
    api = hub.HfApi()
    with plain_errors(repository), tempfile.TemporaryDirectory() as holder:
        for path in folder.iterdir():
            if any(path.match(pattern) for pattern in FILES):
                shutil.copy(path, holder)
        if not (folder / "manifest.json").is_file():  # a bundle already has a card, which its checksums cover
            (Path(holder) / CARD).write_text(card(folder, repository, results, license), encoding="utf-8")
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=holder, commit_message="Weights of gram")
    return str(address)


def library() -> Any:
    """The module huggingface_hub. ValueError if it is not installed."""
    try:
        import huggingface_hub
    except ImportError:
        raise ValueError("The hub needs huggingface_hub; pip install 'gram-reasoning[hub]'.") from None
    return huggingface_hub


@contextmanager
def plain_errors(repository: str):
    """Turn errors of the hub into one sentence that says what to do."""
    from huggingface_hub import errors

    def status(error: Exception) -> int:
        return getattr(getattr(error, "response", None), "status_code", 0)

    try:
        yield
    except errors.HFValidationError:
        raise ValueError(f"{repository!r} is not a name on the hub; write {SCHEME}owner/name.") from None
    except errors.GatedRepoError:
        raise ValueError(f"{repository} requires permission; request access on its page, then log in.") from None
    except errors.RepositoryNotFoundError:
        raise FileNotFoundError(
            f"There is no {repository} on the hub, or it is private; check the name, or log in with `hf auth login`."
        ) from None
    except errors.RevisionNotFoundError:
        raise FileNotFoundError(f"{repository} has no such revision; give one from its page.") from None
    except errors.LocalEntryNotFoundError:
        raise OSError(f"The hub cannot be reached, and {repository} is not in the cache; try again later.") from None
    except errors.HfHubHTTPError as error:
        if status(error) == 401:
            raise ValueError("The hub rejects the token; log in again with `hf auth login`, or set HF_TOKEN.") from None
        if status(error) == 403:
            raise ValueError(f"The token may not write to {repository}; use one with that permission.") from None
        raise OSError(f"The hub answered {status(error)} for {repository}; try again later.") from None
    except errors.HTTPError as error:  # pyright: ignore[reportPrivateImportUsage]
        raise OSError(
            f"The connection to the hub failed ({type(error).__name__}); run the same command to continue."
        ) from None


# the model card -------------------------------------------------------------------------------------------
LICENSES = (
    *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "openrail"),
)
"""Licenses that the hub knows by these names."""


def license_lines(license: str | None) -> str:
    """The license as the head of a card names it; nothing if there is none."""
    if license is None:
        return ""
    name = license.lower().replace(" ", "-")
    return f"license: {name}\n" if name in LICENSES else f"license: other\nlicense_name: {json.dumps(license)}\n"


def card(folder: Path, repository: str, results: Path | None, license: str | None) -> str:
    """README.md of a repository: the model, its training, its metrics, its license, and how to load it."""
    config = strict_json.read_object(folder / "config.json")
    facts = folder / "training.json"
    training = strict_json.read_object(facts) if facts.is_file() else {}
    facts = [f"{training['updates']:,} updates"] if training.get("updates") else []
    facts += [f"{training['seconds'] / 60:.0f} minutes"] if training.get("seconds") else []
    rows = measured(results / config["recipe"]) if results else []
    table = "\n".join(["| measured on | examples | metrics in % | commit |", "|---|---|---|---|", *rows])
    return f"""---
{license_lines(license)}library_name: gram
tags: [recursive-reasoning, {config["task"]}]
---
# {config["recipe"]}

Weights of [GRAM](https://arxiv.org/abs/2605.19376) for the task {config["task"]}, recipe {config["recipe"]}\
{f", trained for {' in '.join(facts)}" if facts else ""}.

```python
import gram

reasoner = gram.load("{SCHEME}{repository}")
```

{table if rows else "There are no measurements of these weights."}

License of the network: {license or "none given"}.
"""


def measured(folder: Path) -> list[str]:
    """One row per measurement in the results files of a recipe."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        found = strict_json.read_object(path)
        for name, figures in found["figures"].items():
            said = ", ".join(f"{key} {100 * figures[key]:.2f}" for key in RATES if figures.get(key) is not None)
            count = figures.get("examples", figures.get("samples", ""))
            rows.append(f"| {name}, seed {found['seed']} | {count} | {said} | {figures['commit'][:7]} |")
    return rows
