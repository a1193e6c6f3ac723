"""A reference source, destination and application that keep the whole contract with the simplest means.

They show what the contract asks for, and stand in for real systems where a test must kill a process at an
exact point: every call of a port is a point (`World.strike`, `Faults`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from towpath.core.application import Application
from towpath.core.model import ReadMode, WriteMode
from towpath.core.ports import Category, Connector, Destination, Source
from towpath.sdk.registry import Registry
from towpath.sdk.testing.memory_application import MemoryApplication, MemoryReading, MemoryWriting
from towpath.sdk.testing.memory_destination import MemoryDestination
from towpath.sdk.testing.memory_source import MemorySource
from towpath.sdk.testing.world import Faults, State, Table, World, add_fault

__all__ = ["Faults", "MemoryConfig", "State", "Table", "World", "add_fault", "connector", "registry"]

_WORLDS: dict[str, World] = {}


class MemoryConfig(BaseModel):
    """Where the world is, and how its source cuts what it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "default"
    """Which of the worlds in memory; of no meaning with a path."""
    path: Path | None = None
    """A file for the world, so that several processes share it."""
    faults: Path | None = None
    """A folder of strikes."""
    slice_rows: int = 2
    batch_rows: int = 2
    ordered: bool = False
    """Read incremental streams in order from the very beginning."""
    pinned: bool = False
    """Slices can be read only while the source that planned them is open. Needs a path."""

    @property
    def world(self) -> World:
        """The world in memory is the same for everybody who names it."""
        if self.path is None:
            return _WORLDS.setdefault(self.name, World())
        world = World(self.path)
        if self.faults is not None:
            world.strike = Faults(self.faults)
        return world


@contextmanager
def _source(config: MemoryConfig) -> Iterator[Source]:
    source = MemorySource(
        config.world,
        slice_rows=config.slice_rows,
        batch_rows=config.batch_rows,
        ordered=config.ordered,
        pinned=config.pinned,
    )
    try:
        yield source
    finally:
        source.close()


@contextmanager
def _destination(config: MemoryConfig) -> Iterator[Destination]:
    yield MemoryDestination(config.world)


@contextmanager
def _application(config: MemoryConfig) -> Iterator[Application]:
    yield MemoryApplication(config.world)


connector = Connector(
    name="memory",
    title="Memory",
    version="1",
    categories=(Category.DATABASE,),
    config=MemoryConfig,
    source=_source,
    destination=_destination,
    application=_application,
    reading=MemoryReading,
    writing=MemoryWriting,
    read_modes=frozenset({ReadMode.FULL_REFRESH, ReadMode.INCREMENTAL}),
    write_modes=frozenset(WriteMode),
    summary="The reference connector of the contract suites.",
)


class _WithMemory(Registry):
    """What is installed, and the reference connector."""

    def get(self, name: str) -> Connector[Any]:
        return connector if name == connector.name else super().get(name)


def registry() -> Registry:
    """For engines under test: all installed connectors, and this one."""
    known = Registry.installed()
    return _WithMemory(known.points, known.files)
