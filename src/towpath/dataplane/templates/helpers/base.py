"""What a helper is, and what helpers share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from towpath.dataplane.paths import MISSING
from towpath.dataplane.templates.failures import HelperError, too_large
from towpath.dataplane.templates.values import Number, number, text

#: Characters that one template may write, and one helper may make.
LARGEST: Final = 5 << 20


@dataclass(frozen=True)
class Helper:
    """A function that templates call by ``name`` with ``least`` to ``most`` values (None: any number).

    ``named``: the names of ``name=value`` it takes. ``run``: its first argument is the `Run`; ``here``: then
    comes the context around the call. ``predicate``: it answers true or false and has a block form.
    ``paths``: positions where a bare name stands for its own text.
    """

    name: str
    function: Callable[..., Any]
    least: int
    most: int | None
    named: frozenset[str] = frozenset()
    run: bool = False
    here: bool = False
    predicate: bool = False
    paths: frozenset[int] = frozenset()


def table(*helpers: Helper) -> dict[str, Helper]:
    """The helpers by name."""
    return {helper.name: helper for helper in helpers}


def absent(value: Any) -> bool:
    """Whether there is no value: missing, null or an empty text."""
    return value is None or value is MISSING or (value.__class__ is str and not value)


def numeric(value: Any) -> Number:
    """The number that ``value`` is; raises HelperError."""
    found = number(value)
    if found is None:
        raise HelperError(f"needs a number, not {shown(value)}")
    return found


def count(value: Any, default: int, most: int = LARGEST) -> int:
    """A whole number from 0 to ``most``; ``default`` if there is no value."""
    if absent(value):
        return default
    found = int(numeric(value))
    return max(0, min(found, most))


def shown(value: Any) -> str:
    """``value`` for a message: its kind, or the beginning of it."""
    plain = text(value)
    return repr(plain if len(plain) <= 40 else plain[:39] + "…")  # noqa: PLR2004 - what fits a message


def fits(size: int) -> None:
    """Refuses a text of more than `LARGEST` characters before it is made."""
    if size > LARGEST:
        raise too_large(f"makes a text of more than {LARGEST >> 20} MB")


def elements(value: Any) -> Sequence[Any]:
    """``value`` if it is a list, else a list of none or of it alone."""
    if isinstance(value, (list, tuple)):
        return value
    return [] if absent(value) else [value]
