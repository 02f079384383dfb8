"""Addresses of Ray: one that is none, or where none answers, is told within seconds, and by name."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offline_bench.commands.reproduce import Means
from offline_bench.core.errors import MissingExtraError, PlaceError, SpecError
from offline_bench.runs.executors import ray_address
from offline_bench.runs.executors.queue import ATTEMPTS, LOSSES, TaskQueue
from offline_bench.runs.executors.ray_address import check_address
from offline_bench.runs.executors.ray_cluster import RayCluster
from offline_bench.runs.executors.ray_node import describe_driver
from offline_bench.runs.executors.ray_place import RayPlace


@contextmanager
def listener(answer: bytes | None) -> Iterator[str]:
    """Takes one caller, and says `answer`; with None it says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        callers: list[socket.socket] = []

        def take() -> None:
            caller, _ = server.accept()
            callers.append(caller)
            if answer is not None:
                caller.sendall(answer)

        thread = threading.Thread(target=take)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()
        for caller in callers:
            caller.close()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_an_address_that_nobody_listens_at_is_named_at_once() -> None:
    address = closed_port()
    started = time.monotonic()
    with pytest.raises(PlaceError, match=f"no Ray answers at {address}"):
        check_address(address)
    assert time.monotonic() - started < 10.0


def test_who_listens_and_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 * ray_address.SECONDS < 10.0
    monkeypatch.setattr(ray_address, "SECONDS", 0.3)
    with listener(None) as address, pytest.raises(PlaceError, match=f"no Ray answers at {address}"):
        check_address(address)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH", b"\x00\x00\x00\x07\x00\x00\x00\x00\x00"]
)
def test_who_answers_as_no_ray_does_is_told(answer: bytes) -> None:
    with listener(answer) as address, pytest.raises(PlaceError, match=f"what answers at {address} is no Ray"):
        check_address(address)


def test_who_opens_as_ray_does_is_taken_for_one() -> None:
    with listener(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00") as address:
        check_address(address)
    check_address("auto")


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:", "head:0", "head:70000", ":6379", "a/b:1"])
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(SpecError, match=r"HOST:PORT of the cluster's head, such as 10\.0\.0\.1:6379"):
        check_address(address)


def test_without_ray_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'offline-bench\[ray\]'"):
        RayPlace().check()
    with pytest.raises(MissingExtraError):
        Means(executor="ray").find_place(tmp_path)


def test_an_executor_that_is_none_and_an_address_without_ray_are_refused() -> None:
    with pytest.raises(SpecError, match="unknown executor 'rai': did you mean ray"):
        Means(executor="rai")
    with pytest.raises(SpecError, match="--ray-address is for --executor ray"):
        Means(ray_address="head:6379")


def test_a_lost_place_is_no_attempt_but_one_that_is_lost_every_time_is_told_in_the_end() -> None:
    queue = TaskQueue(["task"])
    for _ in range(LOSSES - 1):
        assert queue.waits()
        assert queue.take() == (0, "task")
        assert queue.take_back_lost(0)
    for attempt in range(1, ATTEMPTS + 1):
        queue.take()
        assert queue.take_back(0) is (attempt < ATTEMPTS)
    other = TaskQueue(["task"])
    assert other.waits()
    for loss in range(1, LOSSES + 1):
        other.take()
        assert other.take_back_lost(0) is (loss < LOSSES)


def test_a_gpu_that_only_the_cluster_has_is_no_mistake_here(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Means(executor="ray", device="cuda+tf32").find_device() == "cpu"
    with pytest.raises(SpecError, match="finds no CUDA device here"):
        Means(device="cuda").find_device()
    with pytest.raises(SpecError, match="device is cpu, cuda"):
        Means(executor="ray", device="gpu").find_device()


@pytest.mark.parametrize(
    ("device", "workers", "resources", "slots"),
    [
        ("cpu", 2, {"CPU": 8.0, "GPU": 1.0}, 8),
        ("cpu", 2, {"GPU": 1.0}, 0),
        ("cuda", 4, {"CPU": 16.0, "GPU": 2.0}, 8),
        ("cuda", 4, {"CPU": 3.0, "GPU": 2.0}, 3),
        ("cuda", 4, {"CPU": 16.0}, 0),
    ],
)
def test_a_slab_takes_a_processor_and_on_a_gpu_a_share_of_that_too(
    device: str, workers: int, resources: dict[str, float], slots: int
) -> None:
    place = RayPlace("auto", workers, device)
    assert RayCluster(None, place, describe_driver(device, None)).count_slots(resources) == slots
