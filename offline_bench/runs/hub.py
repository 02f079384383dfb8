"""Packed records in a dataset repository of the Hugging Face Hub: one file up, one file down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offline_bench.core.errors import MissingExtraError, RecordError, StorageError
from offline_bench.core.storage import scratch_path
from offline_bench.runs.store import PACKED


def push_packed(folder: Path, repository: str) -> None:
    """Upload the packed records of `folder` to the dataset `repository`, such as me/my-results, made where it is not.

    Raises `RecordError` where nothing is packed, `MissingExtraError`, `StorageError` where the Hub does not take it.
    """
    path = folder / PACKED
    if not path.is_file():
        raise RecordError(f"{folder} has no {PACKED}. Pack its records first: `offline-bench results merge` does so.")
    hub = _import_hub()
    try:
        client = hub.HfApi()
        client.create_repo(repository, repo_type="dataset", exist_ok=True)
        client.upload_file(path_or_fileobj=path, path_in_repo=PACKED, repo_id=repository, repo_type="dataset")
    except (OSError, ValueError) as error:
        raise StorageError(f"{repository} on the Hub did not take {path}: {error}. Are you logged in?") from error


def pull_packed(repository: str, folder: Path) -> Path:
    """Fetch the packed records of the dataset `repository` into `folder`, which has none yet; the file.

    Raises as `push_packed`; `RecordError` where `folder` has packed records.
    """
    path = folder / PACKED
    if path.exists():
        raise RecordError(f"{path} is there already; nothing was fetched. Name another folder, then merge the two.")
    hub = _import_hub()
    try:
        fetched = Path(hub.hf_hub_download(repository, PACKED, repo_type="dataset"))
        content = fetched.read_bytes()
    except (OSError, ValueError) as error:
        raise StorageError(f"{PACKED} of {repository} cannot be fetched from the Hub: {error}.") from error
    with scratch_path(path) as scratch:
        scratch.write_bytes(content)
    return path


def _import_hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError(
            "The Hub needs the package huggingface_hub: `pip install 'offline-bench[hub]'`."
        ) from error
    return huggingface_hub
