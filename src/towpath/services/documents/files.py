"""Finds and reads YAML documents; writes them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from towpath.core.errors import ConfigError, NotFoundError


@dataclass(frozen=True)
class Placed:
    """One document, and where it stands."""

    file: Path
    number: int
    """Counts the documents of the file from 1."""
    content: Any

    @property
    def place(self) -> str:
        return f"{self.file}, document {self.number}"


class _Loader(yaml.SafeLoader):
    """Reads dates as text: values of filters are compared in the column's own type."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> list[Placed]:
    """The documents of a file, or of every ``.yaml`` and ``.yml`` file below a folder, in name order."""
    if not path.exists():
        raise NotFoundError("path.not_found", f"There is no file or folder {path}.", hint="Check the path.")
    files = [path] if path.is_file() else sorted(_yaml_files(path))
    documents = [document for file in files for document in _read_file(file)]
    if not documents:
        raise ConfigError(
            "document.none", f"{path} holds no documents.", hint="Files must end in .yaml or .yml."
        )
    return documents


def _yaml_files(folder: Path) -> Iterable[Path]:
    return (file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml") and file.is_file())


def _read_file(file: Path) -> list[Placed]:
    try:
        loaded = list(yaml.load_all(file.read_text(), _Loader))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "document.unreadable", f"{file} cannot be read: {type(error).__name__}.", hint="Check the file."
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            "document.syntax",
            f"{file}{line}: not valid YAML: {getattr(error, 'problem', 'unknown problem')}.",
            hint="Correct the file.",
            file=str(file),
        ) from None
    return [Placed(file, number, item) for number, item in enumerate(loaded, 1) if item is not None]


def write(documents: Sequence[Mapping[str, Any]]) -> str:
    """The documents as one YAML text that `read` understands."""
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, default_flow_style=False)
