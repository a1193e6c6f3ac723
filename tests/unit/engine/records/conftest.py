"""A host for steps, and connections in memory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.records import PlainHost
from towpath.core.flows import ExportSpec, ImportSpec
from towpath.core.steps import PageRead, RecordWrite
from towpath.engine.records import End, ExportStep, ImportStep, open_export, open_import
from towpath.sdk.testing.memory import MemoryConfig, World, connector


@pytest.fixture
def host(tmp_path: Path) -> PlainHost:
    return PlainHost(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> MemoryConfig:
    return MemoryConfig(path=tmp_path / "world")


@pytest.fixture
def world(config: MemoryConfig) -> World:
    return config.world


@pytest.fixture
def end(config: MemoryConfig) -> End:
    return End(id="con_memory", connector=connector, config=config, level=2, words={"name": "Memory"})


@pytest.fixture
def export(end: End, host: PlainHost) -> Callable[..., Any]:
    """Opens an export of the records ``orders``."""

    @contextmanager
    def opened(
        words: Mapping[str, Any] | None = None, request: Mapping[str, Any] | None = None, **pages: Any
    ) -> Iterator[ExportStep]:
        spec = ExportSpec(pages=PageRead(request=request or {"name": "orders"}, **pages))
        with open_export("exp_1", spec, {end.id: end}, end.id, host, words or {}) as step:
            yield step

    return opened


@pytest.fixture
def imported(end: End, host: PlainHost) -> Callable[..., Any]:
    """Opens an import to the records ``sink``."""

    @contextmanager
    def opened(request: Mapping[str, Any] | None = None, **records: Any) -> Iterator[ImportStep]:
        spec = ImportSpec(records=RecordWrite(request=request or {"name": "sink"}, **records))
        with open_import("imp_1", spec, {end.id: end}, end.id, host, {}) as step:
            yield step

    return opened
