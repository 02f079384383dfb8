"""The losses of a slab as they come, kept on the device and looked at now and then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from offline_bench.core.errors import DivergedError

CAPACITY = 256


class LossHistory:
    """Sums of every loss since the last snapshot, and which runs have left the finite numbers."""

    def __init__(self, runs: int) -> None:
        self.diverged: list[DivergedError | None] = [None] * runs
        self.sums: dict[str, np.ndarray] = {}
        self.counts: dict[str, int] = defaultdict(int)
        self._fresh: list[int] = []
        # In one array each: thousands of small tensors that live on would keep the large ones' memory in pieces.
        self._pending: dict[str, Tensor] = {}
        self._steps: dict[str, list[int]] = defaultdict(list)

    def note(self, step: int, losses: dict[str, Tensor]) -> None:
        """Keep the losses (runs,) of `step`, the first being 0, without looking at them."""
        for name, loss in losses.items():
            if name not in self._pending:
                self._pending[name] = torch.empty(CAPACITY, len(self.diverged), device=loss.device)
            if len(self._steps[name]) == CAPACITY:
                self._look()
            self._pending[name][len(self._steps[name])].copy_(loss.detach())
            self._steps[name].append(step)

    def flush(self) -> list[int]:
        """Look at what came since the last flush; the runs that turn out to have diverged in it."""
        self._look()
        gone, self._fresh = sorted(self._fresh), []
        return gone

    def take_means(self) -> list[dict[str, float]]:
        """The mean of each loss, a dict per run, since the last call."""
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        runs = range(len(self.diverged))
        self.sums.clear()
        self.counts.clear()
        return [{name: float(mean[run]) for name, mean in means.items()} for run in runs]

    def told_sums(self) -> dict[str, list[float]]:
        """The sums so far as plain numbers, a list over the runs."""
        return {name: list(total) for name, total in self.sums.items()}

    def told_diverged(self) -> list[tuple[int, str] | None]:
        """Of each run None, or at which step what was not finite."""
        return [(error.step, error.what) if error else None for error in self.diverged]

    def resume(
        self,
        sums: Mapping[str, Sequence[float]],
        counts: Mapping[str, int],
        diverged: Sequence[tuple[int, str] | None],
    ) -> None:
        """Go on from what was told before."""
        self.sums = {name: np.array(total) for name, total in sums.items()}
        self.counts.update(counts)
        self.diverged = [DivergedError(*told) if told else None for told in diverged]

    def _look(self) -> None:
        """Add up what is pending, and note who diverged, at which step and by which loss."""
        gone: dict[int, DivergedError] = {}
        for name, steps in self._steps.items():
            values = self._pending[name][: len(steps)].cpu().numpy().astype(np.float64)
            # One by one: `sum` would add up a column that stands alone in another order than one among others.
            self.sums[name] = self.sums.get(name, 0.0) + np.add.accumulate(values, axis=0)[-1]
            self.counts[name] += len(steps)
            finite = np.isfinite(values)
            for run in map(int, np.flatnonzero(~finite.all(axis=0))):
                step = steps[int(np.argmin(finite[:, run]))] + 1
                if self.diverged[run] is None and (run not in gone or step < gone[run].step):
                    gone[run] = DivergedError(step, name)
        self._steps.clear()
        for run, error in gone.items():
            self.diverged[run] = error
            self._fresh.append(run)
