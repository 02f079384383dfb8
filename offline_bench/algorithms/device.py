"""Where training computes, by the name a user gives it."""

from __future__ import annotations

from offline_bench.errors import SpecError

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
