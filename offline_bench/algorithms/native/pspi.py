"""PSPI for d3rlpy: ATAC with another pessimism."""

from __future__ import annotations

import dataclasses

from d3rlpy.base import DeviceArg, register_learnable

from offline_bench.algorithms.native.atac import ATAC, ATACConfig
from offline_bench.algorithms.native.impl import PSPIImpl


@dataclasses.dataclass()
class PSPIConfig(ATACConfig):
    """Pessimistic soft policy iteration, in ATAC's form: its critic is pessimistic about the value of the policy from
    the initial states, absolutely, where ATAC's is pessimistic relative to the data.

    Source: Xie, Cheng, Jiang, Mineiro, Agarwal 2021 (arXiv 2106.06926), as compared in Cheng et al. 2022. The fields
    are those of `ATACConfig`; with beta towards 0 it does not fall back to imitation. The warm start is ATAC's, draw
    for draw; after it, `batch_size` initial states are drawn at every step.
    """

    def create(self, device: DeviceArg = False, enable_ddp: bool = False) -> PSPI:
        """The algorithm, to train. Raises `NotImplementedError` for `enable_ddp`."""
        return PSPI(self, device, enable_ddp)

    @staticmethod
    def get_type() -> str:
        return "pspi"


class PSPI(ATAC):
    """See `PSPIConfig`. `update` raises `ValueError` where neither `fit` nor `observe` came before it."""

    impl_class = PSPIImpl


register_learnable(PSPIConfig)
