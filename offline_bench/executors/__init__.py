"""Where tasks are carried out: this process, or worker processes on this machine."""

from offline_bench.executors.events import Died, Done, Event, Progressed, Work
from offline_bench.executors.serial import execute_here
from offline_bench.executors.workers import execute_on_workers

__all__ = ["Died", "Done", "Event", "Progressed", "Work", "execute_here", "execute_on_workers"]
