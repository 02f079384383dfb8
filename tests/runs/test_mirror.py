"""Checkpoints at a URL: what is there is at hand here, what changes here is sent, and what is over is deleted there."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline_bench.commands.reproduce import Means
from offline_bench.core.errors import MissingExtraError, PlaceError, SpecError
from offline_bench.runs.mirror import Mirror


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def test_what_changes_at_hand_is_sent_once_with_its_halves_and_nothing_else(there: Path) -> None:
    mirror = Mirror(f"file://{there}")
    (there / "ab.safetensors").write_bytes(b"old")
    (there / "cd.safetensors").write_bytes(b"other")
    with mirror.at_hand("ab.safetensors") as (path, send):
        assert path.read_bytes() == b"old"
        assert [file.name for file in path.parent.iterdir()] == ["ab.safetensors"]
        (there / "ab.safetensors").unlink()
        send()
        assert not (there / "ab.safetensors").exists()
        path.with_suffix(".scratch").write_bytes(b"half")
        path.with_name("ab.0.safetensors").write_bytes(b"half of the slab")
        path.unlink()
        path.write_bytes(b"new")
        send()
    assert not path.parent.exists()
    files = {file.name: file.read_bytes() for file in there.iterdir()}
    assert files == {"ab.safetensors": b"new", "ab.0.safetensors": b"half of the slab", "cd.safetensors": b"other"}
    mirror.drop("ab")
    assert [file.name for file in there.iterdir()] == ["cd.safetensors"]


def test_what_is_deleted_of_the_copies_is_deleted_there_unless_it_ends_ill(there: Path, tmp_path: Path) -> None:
    mirror, copies = Mirror(f"file://{there}"), tmp_path / "copies"
    for name in ("ab.safetensors", "cd.safetensors"):
        (there / name).write_bytes(b"1")
    with pytest.raises(ZeroDivisionError), mirror.copied_to(copies):
        (copies / "ab.safetensors").unlink()
        raise ZeroDivisionError
    assert len(list(there.iterdir())) == 2
    with mirror.copied_to(copies):
        (there / "ef.safetensors").write_bytes(b"sent meanwhile")
        (copies / "ab.safetensors").unlink()
    assert {file.name for file in there.iterdir()} == {"cd.safetensors", "ef.safetensors"}


def test_a_url_out_of_reach_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlaceError, match=r"checkpoints at file://.*/file cannot be read or written"):
        Mirror(f"file://{tmp_path / 'file'}").check()
    with pytest.raises(PlaceError, match=r"checkpoints at odd://x cannot be read or written: .*odd"):
        Mirror("odd://x").check()
    with pytest.raises(
        MissingExtraError, match=r"checkpoints at s3://bucket/x need a package that is not here: .*s3fs"
    ):
        Mirror("s3://bucket/x").check()
    Mirror(f"file://{tmp_path / 'new'}").check()
    assert (tmp_path / "new").is_dir()


def test_workers_here_take_a_folder_and_no_url(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="a URL is for --executor ray"):
        Means(checkpoints="s3://bucket/x")
    assert Means(checkpoints=str(tmp_path / "a")).find_shared(tmp_path) == tmp_path / "a"
    assert Means().find_shared(tmp_path) == tmp_path
    assert Means(executor="ray", checkpoints="s3://bucket/x").find_shared(tmp_path) == tmp_path
