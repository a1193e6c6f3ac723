"""Durable runs: plan, slices, commit, cancel, schedule, liveness.

The truth about runs lives in the store; DBOS only executes. Importing this package is cheap: the engine's
own machinery is loaded when an engine is started.
"""

from towpath.engine.clearing import check_clearable
from towpath.engine.ends import Ended
from towpath.engine.engine import Engine
from towpath.engine.keeping import still_needed
from towpath.engine.schedule import first_due, next_due
from towpath.engine.settings import EngineSettings, Resolve

__all__ = [
    "Ended",
    "Engine",
    "EngineSettings",
    "Resolve",
    "check_clearable",
    "first_due",
    "next_due",
    "still_needed",
]
