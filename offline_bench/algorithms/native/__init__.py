"""ATAC and PSPI as algorithms of d3rlpy. They need nothing else of this project.

import d3rlpy
from offline_bench.algorithms.native import ATACConfig

atac = ATACConfig(beta=0.25).create(device="cpu:0")
atac.fit(dataset, n_steps=1_100_000)      # a d3rlpy dataset
actions = atac.predict(observations)      # (b, *observation_shape) -> (b, action_size)
atac.save("atac.d3")
atac = d3rlpy.load_learnable("atac.d3")   # wherever this package has been imported
"""

from offline_bench.algorithms.library import import_d3rlpy

import_d3rlpy()  # Before any other import of d3rlpy, whose first one is noisy.

from offline_bench.algorithms.native.atac import ATAC, ATACConfig  # noqa: E402
from offline_bench.algorithms.native.pspi import PSPI, PSPIConfig  # noqa: E402

__all__ = ["ATAC", "PSPI", "ATACConfig", "PSPIConfig"]
