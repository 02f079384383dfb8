"""d3rlpy, imported late and without the noise of what it imports in turn."""

from __future__ import annotations

import logging
import warnings
from typing import Any


def import_d3rlpy() -> Any:
    """The d3rlpy package. It imports the unmaintained gym, whose notice is about gym and not for our users.

    Of its log, warnings and errors are left.
    """
    import gym_notices.notices
    import structlog

    gym_notices.notices.notices.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import d3rlpy

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return d3rlpy
