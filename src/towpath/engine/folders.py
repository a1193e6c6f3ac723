"""Folders in which runs keep files from one attempt to the next, on the machine that they run on."""

import shutil
from pathlib import Path

from towpath.core.repositories import UnitOfWork
from towpath.engine.books import Books
from towpath.engine.settings import EngineSettings

_RUNS = "runs"


def run_folder(settings: EngineSettings, run: str) -> Path:
    """The folder of a run; it may not be there."""
    return Path(settings.folder) / _RUNS / run


def sweep(settings: EngineSettings, books: Books) -> None:
    """Remove the folders of runs that are over."""
    for folder in (Path(settings.folder) / _RUNS).glob("run_*"):
        if books.read(lambda work, run=folder.name: _is_over(work, run)):  # type: ignore[misc]  # mypy does not see the default's type
            shutil.rmtree(folder, ignore_errors=True)


def _is_over(work: UnitOfWork, run: str) -> bool:
    return run not in {one.id for one in work.runs.unfinished()}
