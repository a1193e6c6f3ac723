"""Reads the file of a declarative connector; every fault is told with its line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from towpath.core.errors import ConfigError
from towpath.core.reasons import plain_reason
from towpath.sdk.rest import checks
from towpath.sdk.rest.definition import Definition
from towpath.sdk.rest.known import guess, known_at

_MOST_SHOWN = 5
_MISSING = "is missing"
Place = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain words: ``no`` and ``on`` are text, and so are dates, versions and clock times."""


_Loader.yaml_implicit_resolvers = {}
for _word, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?[0-9]*\.[0-9]+$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_word}", re.compile(_pattern), list(_first))


@dataclass(frozen=True)
class _Fault:
    place: Place
    message: str


def read(file: Path) -> Definition:
    """What the file says. Raises `ConfigError` ``connector.invalid`` with file, lines and fields."""
    root, content = _load(file)
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        # A misspelt name first: it explains the one that is missing.
        found.sort(key=lambda one: one["type"] != "extra_forbidden")
        faults = [_fault(one) for one in found]
        raise _invalid(file, root, faults) from None
    contradictions = [_Fault(place, message) for place, message in checks.faults(definition, file)]
    if contradictions:
        raise _invalid(file, root, contradictions)
    return definition


def _load(file: Path) -> tuple[yaml.Node, Any]:
    """The nodes, which know their lines, and what they hold."""
    try:
        loader = _Loader(file.read_text())
        try:
            root: yaml.Node | None = loader.get_single_node()
            content = loader.construct_document(root) if root else None
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError) as error:
        raise _error(file, f"it cannot be read: {type(error).__name__}", "") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise _error(file, f"{line}not valid YAML: {problem or 'unknown problem'}", "") from None
    if not isinstance(root, yaml.MappingNode):
        raise _error(file, "it must hold one mapping, with `name:` in it", "")
    twice = next(_twice(root), None)
    if twice:
        raise _error(
            file, f"line {twice.start_mark.line + 1}: {twice.value!r} stands here twice", twice.value
        )
    return root, content


def _twice(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Keys that a mapping has twice: YAML itself would keep the last one without a word."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)


def _invalid(file: Path, root: yaml.Node, faults: Sequence[_Fault]) -> ConfigError:
    told = [
        f"line {_line(root, fault.place)}: {_name(root, fault)}: {fault.message}"
        for fault in faults[:_MOST_SHOWN]
    ]
    more = len(faults) - len(told)
    text = "; ".join(told) + (f"; and {more} more" if more else "")
    return _error(file, text, _name(root, faults[0]), line=_line(root, faults[0].place))


def _error(file: Path, text: str, field: str, **context: Any) -> ConfigError:
    return ConfigError(
        "connector.invalid",
        f"{file}: {text.rstrip('.')}.",
        hint="Correct the file; docs/reference/rest-connectors.md says what it may hold.",
        file=str(file),
        field=field,
        **context,
    )


def _walk(root: yaml.Node, place: Place) -> Iterator[tuple[str | int, int]]:
    """The parts of the place that the file has, with their lines; pydantic adds names of union members."""
    node = root
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is not None:
                yield part, pair[0].start_mark.line + 1
                node = pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            yield part, node.start_mark.line + 1


def _line(root: yaml.Node, place: Place) -> int:
    return ([line for _, line in _walk(root, place)] or [root.start_mark.line + 1])[-1]


def _name(root: yaml.Node, fault: _Fault) -> str:
    known = [str(part) for part, _ in _walk(root, fault.place)]
    missing = [str(fault.place[-1])] if fault.message == _MISSING else []
    return ".".join([*known, *missing]) or "(all)"


def _fault(error: Any) -> _Fault:
    """One of pydantic's errors in our words."""
    place, kind, message = tuple(error["loc"]), error["type"], error["msg"]
    if kind == "extra_forbidden":
        message = f"there is no such setting here{guess(str(place[-1]), known_at(Definition, place[:-1]))}"
    elif kind == "missing":
        message = _MISSING
    elif kind.startswith("union_tag"):
        message = f"`type` must be one of {error['ctx']['expected_tags']}" if "ctx" in error else message
    return _Fault(place, plain_reason(message))
