"""Secrets in documents: ``${env:NAME}`` and ``${file:path}``, and never a literal."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from towpath.core.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
Lookup = Callable[[str], str | None]


class References:
    """Resolves the references of one document and remembers at which paths they stood."""

    def __init__(self, lookup: Lookup, folder: Path) -> None:
        self._lookup = lookup
        self._folder = folder
        self.paths: set[str] = set()

    def resolve(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """``value`` with every reference replaced. Raises `ConfigError` naming the path, never the value."""
        if isinstance(value, Mapping):
            return {key: self.resolve(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, (*path, str(index))) for index, item in enumerate(value)]
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return value
        where = field_path(path)
        self.paths.add(where)
        return self._read(match[1], match[2], where)

    def _read(self, kind: str, name: str, path: str) -> str:
        if kind == "file":
            return self._file(name, path)
        value = self._lookup(name)
        if value is None:
            raise ConfigError(
                "reference.unset",
                f"The environment variable {name} is not set.",
                hint=f"Set it: `export {name}=…`.",
                field=path,
            )
        return value

    def _file(self, name: str, path: str) -> str:
        file = self._folder / Path(name).expanduser()
        try:
            return file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "reference.unreadable",
                f"The file {file} cannot be read: {type(error).__name__}.",
                hint="The path is relative to the document's folder; the file must be readable text.",
                field=path,
            ) from None

    def refuse_literals(self, secrets: Iterable[str]) -> None:
        """Raise `ConfigError` for the first of these fields whose secret stands in the document itself."""
        for path in sorted(secrets):
            if path not in self.paths:
                raise ConfigError(
                    "secret.literal",
                    "A secret must not stand in a document.",
                    hint="Write it as `${env:NAME}` or `${file:path}`.",
                    field=path,
                )


def field_path(parts: tuple[str, ...]) -> str:
    r"""The path by which the vault calls a field: ``auth.headers.0``, a dot within a name as ``\.``."""
    return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in parts)
