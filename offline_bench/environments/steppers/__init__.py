"""Environments stepped in processes of their own, which exchange arrays with this one through shared memory."""

from offline_bench.environments.steppers.crew import Steppers
from offline_bench.environments.steppers.process import THREAD_VARIABLES, child_path
from offline_bench.environments.steppers.rows import RUNNING, TERMINATED, TRUNCATED

__all__ = ["RUNNING", "TERMINATED", "THREAD_VARIABLES", "TRUNCATED", "Steppers", "child_path"]
