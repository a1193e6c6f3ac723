"""Filters: rules as published, compiled once, asked for every record.

Both shapes are read: ``{"type": "expression", "expression": {"version": "1", "rules": […]}}`` and the
flattened ``{"version": "1", "rules": […]}``. A filter never fails for what is in a record: a value that
cannot be compared is simply not equal, not greater, not contained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from towpath.core.errors import ConfigError
from towpath.dataplane.context import Context
from towpath.dataplane.filters.rules import compile_rule
from towpath.dataplane.problems import Problems

__all__ = ["Filter", "Script", "compile_filter", "script_of"]

#: What problems call the document.
_ROOT = "filter"

#: Whether a record passes.
Filter: TypeAlias = Callable[[Any, Context], bool]


@dataclass(frozen=True, slots=True)
class Script:
    """A function that stands where rules could: ``{"type": "script", "script": {…}}``."""

    document: Mapping[str, Any]
    """As published: ``_scriptId`` or ``_stackId``, ``function`` …"""

    @property
    def function(self) -> str:
        return str(self.document.get("function") or "")


def script_of(document: Mapping[str, Any] | None) -> Script | None:
    """The script of a filter or transform; None if it has rules, or nothing."""
    if not document:
        return None
    script = document.get("script")
    named = isinstance(script, Mapping) and bool(script.get("function"))
    if document.get("type") == "script" or (named and document.get("type") is None):
        return Script(script if isinstance(script, Mapping) else {})
    return None


def compile_filter(document: Mapping[str, Any] | None) -> Filter:
    """The filter of a document; without one, or without rules, everything passes.

    Raises ConfigError ``filter.bad_rules`` with every problem, and for a script: see `script_of`.
    """
    if script_of(document):
        raise ConfigError(
            "filter.bad_rules",
            "This filter is a script; a script is called, not compiled.",
            hint="Give the filter rules, or call its function.",
            field="filter.type",
        )
    problems = Problems("filter.bad_rules", "The filter")
    rules = _rules(document or {}, problems)
    passes = compile_rule(rules, f"{_ROOT}.rules", problems) if rules else _everything
    problems.raise_any()
    return passes


def _everything(_record: Any, _context: Context) -> bool:
    return True


def _rules(document: Mapping[str, Any], problems: Problems) -> Any:
    holder = document.get("expression", document)
    if not isinstance(holder, Mapping):
        problems.add(f"{_ROOT}.expression", "An object with version and rules is needed here.")
        return None
    if str(holder.get("version", "1")) != "1":
        problems.add(f"{_ROOT}.version", f"Version {holder.get('version')} is not known; there is version 1.")
    rules = holder.get("rules")
    if rules is not None and not isinstance(rules, list | tuple):
        problems.add(f"{_ROOT}.rules", "Rules are a list that begins with an operator.")
        return None
    return rules
