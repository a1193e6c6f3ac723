"""Finds Python functions that work as hooks: by their entry points.

A package offers one as ``tidy = "my_package.hooks:tidy"`` in the group ``towpath.hooks``. It is called with
the options that a function on an extension server gets, and returns what such a one calls back with.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from towpath.core.errors import InternalError, NotFoundError

GROUP = "towpath.hooks"
HookFunction: TypeAlias = Callable[[Mapping[str, Any]], Any]


def hook_names() -> list[str]:
    """The names of all functions that are installed, sorted."""
    return sorted(entry_points(group=GROUP).names)


def find_hook(name: str) -> HookFunction:
    """The function of that name. Raises `NotFoundError` ``hook.not_found`` with the nearest name, and
    `InternalError` ``hook.broken`` if its package is.
    """
    points = list(entry_points(group=GROUP, name=name))
    if not points:
        raise _unknown(name)
    try:
        found = points[0].load()
    except (ImportError, AttributeError) as error:
        raise _broken(name, f"cannot be imported: {error}") from error
    if not callable(found):
        raise _broken(name, f"is no function: {points[0].value}")
    function: HookFunction = found
    return function


def _unknown(name: str) -> NotFoundError:
    near = get_close_matches(name, hook_names(), n=1)
    return NotFoundError(
        "hook.not_found",
        f"There is no Python function named {name!r} for hooks.",
        hint=(f"Did you mean {near[0]!r}? " if near else "")
        + f"Install the package that has it as an entry point of the group {GROUP}, or name a stack.",
        field="function",
    )


def _broken(name: str, why: str) -> InternalError:
    return InternalError(
        "hook.broken",
        f"The Python function {name!r} for hooks {why}.",
        hint="Reinstall the package that provides it.",
        field="function",
    )
