"""Every deliberate exception, each written for the person who reads it.

OfflineBenchError
├── UnknownNameError        a name no registry holds; carries the nearest names
├── SpecError               a component spec that does not parse or bind; shows the place
├── DuplicateNameError      two plug-ins registered under one name
├── PluginError             a plug-in file that fails to import, with its own line
├── DatasetError            data that breaks a rule of `Dataset`
│   └── DatasetNotFoundError  no such dataset here; says where it was looked for and how to get it
├── RelabelingError         a relabeling that cannot be: it refuses its parameters or the data
│   └── RelabelingContractError  a relabeling that returned or did something it may not
├── CurationError           a curation that returned or did something it may not
├── AlgorithmError          an algorithm that did something it may not
├── TrueRewardError         a learner that asked for the true reward
├── EnvironmentMismatchError  a policy, dataset and environment that do not fit together
├── EvaluationError         an evaluation whose true return is no finite number
│   └── EnvironmentAbsentError  an environment that cannot be made on this machine as it is
├── SuiteError              a suite file that cannot be read
├── RecordError             a record file that cannot be trusted
├── StorageError            a folder or disk that does not take what is written
├── PlaceError              this machine let a run down, as a full memory does: no result, to be tried again
├── MissingExtraError       an optional package is needed and absent
└── DivergedError           training left the finite numbers; carries the step
"""

from __future__ import annotations

import traceback
from pathlib import Path


class OfflineBenchError(Exception):
    """Base of all errors a user can cause or mend."""


class UnknownNameError(OfflineBenchError):
    """A name that no registry holds."""


class SpecError(OfflineBenchError):
    """A component spec that does not parse, or whose parameters do not fit."""


class DuplicateNameError(OfflineBenchError):
    """Two plug-ins were registered under one name."""


class PluginError(OfflineBenchError):
    """A plug-in file failed to import."""


class DatasetError(OfflineBenchError):
    """Data that breaks a rule of `Dataset`."""


class DatasetNotFoundError(DatasetError):
    """The dataset is not here and cannot be fetched."""


class RelabelingError(OfflineBenchError):
    """A relabeling is impossible: it refuses its parameters or the data."""


class RelabelingContractError(RelabelingError):
    """A relabeling returned or did something it may not."""


class CurationError(OfflineBenchError):
    """A curation returned or did something it may not."""


class AlgorithmError(OfflineBenchError):
    """An algorithm did something it may not."""


class TrueRewardError(OfflineBenchError):
    """A learner asked for the true reward, and no learner gets it."""


class EnvironmentMismatchError(OfflineBenchError):
    """A policy, a dataset and an environment do not fit together."""


class EvaluationError(OfflineBenchError):
    """An evaluation found a true return that is no finite number."""


class EnvironmentAbsentError(EnvironmentMismatchError):
    """The environment of a dataset cannot be made on this machine."""


class SuiteError(OfflineBenchError):
    """A suite file cannot be read."""


class RecordError(OfflineBenchError):
    """A record file is truncated, tampered with, or newer than this program."""


class StorageError(OfflineBenchError):
    """A folder or disk does not take a file."""


class PlaceError(OfflineBenchError):
    """This machine failed a run, as by a full memory or a killed process: that is not a result of the run."""


class MissingExtraError(OfflineBenchError):
    """An optional package is needed and not installed."""


class DivergedError(OfflineBenchError):
    """Training produced a number that is not finite."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} stopped being finite at step {step}")
        self.step = step
        self.what = what

    def __reduce__(self) -> tuple[type[DivergedError], tuple[int, str]]:
        return type(self), (self.step, self.what)


def describe_exception(error: BaseException) -> str:
    """`error` in one line: an error of ours as it is, any other with its type and the line that raised it."""
    if isinstance(error, OfflineBenchError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
