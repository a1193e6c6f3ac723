"""Finds connectors: by their entry points, built-in and third-party through the same door, and as files
that describe them (`towpath.sdk.rest`), in the catalogue and in folders of the operator.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from towpath.catalogue import FOLDER
from towpath.core.errors import ConfigError, InternalError, NotFoundError
from towpath.core.ports import Connector
from towpath.core.reasons import plain_reason

GROUP = "towpath.connectors"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Registry:
    """The connectors that are installed. Loading is lazy: a connector is imported when it is asked for."""

    def __init__(self, points: Mapping[str, EntryPoint], files: Mapping[str, Path] | None = None) -> None:
        self._points = dict(sorted(points.items()))
        self._files = dict(files or {})
        self._loaded: dict[str, Connector[Any]] = {}

    @classmethod
    def installed(cls, *folders: Path) -> "Registry":
        """All entry points of the group, the catalogue, and the files in ``folders``, which may be missing.

        Raises `ConfigError` if two of them claim one name.
        """
        points: dict[str, EntryPoint] = {}
        for point in entry_points(group=GROUP):
            other = points.setdefault(point.name, point)
            if other.value != point.value:
                raise _taken(point.name, other.value, point.value, "Uninstall one of the two packages.")
        files: dict[str, Path] = {}
        for file in (file for folder in (FOLDER, *folders) for file in _files(folder)):
            first = points[file.stem].value if file.stem in points else files.setdefault(file.stem, file)
            if first != file:
                raise _taken(
                    file.stem, first, file, f"Give the file {file.name} and its connector another name."
                )
        return cls(points, files)

    @property
    def points(self) -> Mapping[str, EntryPoint]:
        """The entry points, by name."""
        return self._points

    @property
    def files(self) -> Mapping[str, Path]:
        """The files that describe connectors, by name."""
        return self._files

    def names(self) -> list[str]:
        """Names of all connectors, sorted."""
        return sorted([*self._points, *self._files])

    def get(self, name: str) -> Connector[Any]:
        """The connector. Raises `NotFoundError` with the nearest names, `InternalError` if its package is
        broken, `ConfigError` ``connector.invalid`` if its file is.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Connector[Any]:
        if name in self._files:
            from towpath.sdk.rest.connector import load

            return load(self._files[name])
        point = self._points.get(name)
        if point is None:
            near = get_close_matches(name, self.names(), n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise NotFoundError(
                "connector.unknown",
                f"There is no connector named {name!r}.",
                hint=f"{hint}`towpath connectors list` shows what is installed.",
                connector=name,
            )
        try:
            connector = point.load()
        except ImportError as error:
            raise InternalError(
                "connector.broken",
                f"The connector {name!r} cannot be imported: {error}.",
                hint=f"Reinstall the package that provides {point.value}.",
                connector=name,
            ) from error
        if not isinstance(connector, Connector) or connector.name != name or not _NAME.fullmatch(name):
            raise InternalError(
                "connector.broken",
                f"{point.value} is not a Connector named {name!r}.",
                hint="The entry point must name a Connector whose name equals the entry point's.",
                connector=name,
            )
        return connector


def _files(folder: Path) -> list[Path]:
    """The files of a folder that describe connectors, in name order."""
    return sorted(file for suffix in ("yaml", "yml") for file in folder.glob(f"*.{suffix}"))


def _taken(name: str, first: str | Path, second: str | Path, hint: str) -> ConfigError:
    return ConfigError(
        "connector.name_taken",
        f"Two connectors are named {name!r}: {first} and {second}.",
        hint=hint,
        connector=name,
    )


def parse_config(connector: Connector[Any], config: Mapping[str, Any]) -> Any:
    """The connector's config object. Raises `ConfigError` naming the path of the first field at fault.

    Only location and message of what is wrong are passed on, never the value: it may be a secret.
    """
    try:
        return connector.config.model_validate(config)
    except ValidationError as error:
        raise config_error(error, f"{connector.name} configuration", "config.invalid") from None


def config_error(error: ValidationError, what: str, code: str) -> ConfigError:
    """A `ConfigError` that names every field at fault and no value; its context has ``reasons`` by field."""
    faults = [
        (".".join(str(part) for part in fault["loc"]) or "(all)", plain_reason(fault["msg"]))
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ConfigError(
        code,
        f"Invalid {what}: " + "; ".join(f"{path}: {message}" for path, message in faults),
        hint=f"Correct {faults[0][0]!r} and try again.",
        field=faults[0][0],
        reasons=dict(faults),
    )
