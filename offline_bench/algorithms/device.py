"""Where training computes, by the name a user gives it."""

from __future__ import annotations

import os

from offline_bench.core.errors import SpecError
from offline_bench.core.provenance import read_machine

DEVICES = ("cpu", "cuda", "cuda+tf32")


def select_device(name: str) -> str:
    """torch's name of the device `name`: 'cpu', 'cuda', or 'cuda+tf32', whose products are rounded to ten bits.

    Raises `SpecError` where there is none of that name, or no such device here.
    """
    import torch

    if name not in DEVICES:
        raise SpecError(f"device is {', '.join(DEVICES)}, not {name!r}")
    if name == "cpu":
        return "cpu:0"
    if not torch.cuda.is_available():
        raise SpecError(f"device {name}: torch {torch.__version__} finds no CUDA device here. Leave out --device.")
    torch.backends.cuda.matmul.allow_tf32 = name == "cuda+tf32"
    return "cuda:0"


def memory_of(name: str) -> int:
    """Bytes of memory that the device `name` has in all; it must be one that `select_device` takes."""
    import torch

    if name == "cpu":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(torch.cuda.get_device_properties(0).total_memory)


def describe_machine(name: str) -> str:
    """The machine as `read_machine` tells it; and its GPU, where the device `name` is one and there is one.

    The bits of a run on a GPU are those of that kind of GPU.
    """
    if name == "cpu":
        return read_machine()
    import torch

    gpu = f", {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else ""
    return f"{read_machine()}{gpu}"
