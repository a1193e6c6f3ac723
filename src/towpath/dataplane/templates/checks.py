"""What can be known to be wrong of a template before any record is seen."""

from difflib import get_close_matches
from typing import Final

from towpath.core.errors import ConfigError
from towpath.dataplane.regexes import compile_regex
from towpath.dataplane.templates.failures import invalid
from towpath.dataplane.templates.helpers import HELPERS, Helper
from towpath.dataplane.templates.tree import Call, Literal, Name, Place

#: Blocks that are no helpers of values.
BLOCKS: Final = frozenset({"each", "with", "filter", "if", "unless"})
#: Where a helper takes a regular expression: it is compiled with the template if it stands there as text.
_EXPRESSIONS: Final = {"regexMatch": 1, "regexSearch": 1, "regexReplace": 2}
_HINT: Final = "docs/reference/templates.md shows what each helper takes."


def find_helper(call: Call, name: str | None) -> Helper:
    """The helper called ``name``; ConfigError ``template.invalid`` if there is none."""
    head = call.head
    block = name in BLOCKS
    helper = HELPERS.get(name) if name is not None and isinstance(head, Name) else None
    if helper is not None:
        return helper
    shown = _shown(head)
    if block:
        raise invalid(call.place, f"{shown} is a block", f"Write {{{{#{shown} …}}}} … {{{{/{shown}}}}}.")
    near = get_close_matches(shown, [*HELPERS, *BLOCKS], 1)
    hint = f"Did you mean {near[0]}?" if near else "docs/reference/templates.md lists the helpers."
    raise invalid(call.place, f"there is no helper called {shown}", hint)


def find_predicate(call: Call, name: str | None) -> Helper:
    """The helper called ``name``, which must have a block form."""
    helper = find_helper(call, name)
    if not helper.predicate:
        raise invalid(call.place, f"{helper.name} has no block form", f"Write {{{{{helper.name} …}}}}.")
    return helper


def _shown(head: Name | Literal) -> str:
    return (head.source if isinstance(head, Literal) else ".".join(head.parts) or "this")[:60]


def check_helper(helper: Helper, call: Call) -> None:
    """That a helper is given what it takes."""
    given = len(call.values)
    if given < helper.least or (helper.most is not None and given > helper.most):
        raise invalid(
            call.place, f"{helper.name} takes {_range(helper.least, helper.most)}, not {given}", _HINT
        )
    _check_named(helper.name, helper.named, call)
    _check_expression(helper, call)


def check_block(call: Call, least: int, most: int, named: frozenset[str]) -> None:
    """The same of a block that is no helper."""
    name, given = _shown(call.head), len(call.values)
    if not least <= given <= most:
        raise invalid(call.place, f"{name} takes {_range(least, most)}, not {given}", _HINT)
    _check_named(name, named, call)


def _check_named(helper: str, known: frozenset[str], call: Call) -> None:
    for name, _ in call.named:
        if name not in known:
            raise invalid(call.place, f"{helper} knows no {name}=", _HINT)


def _range(least: int, most: int | None) -> str:
    if least == most:
        return f"{least} value{'s' * (least != 1)}"
    return f"{least} values or more" if most is None else f"{least} to {most} values"


def _check_expression(helper: Helper, call: Call) -> None:
    """A regular expression that stands in the template is checked with it."""
    position = _EXPRESSIONS.get(helper.name)
    if position is None:
        return
    value = call.values[position]
    if isinstance(value, Literal) and isinstance(value.value, str):
        try:
            compile_regex(value.value)
        except ConfigError as error:
            place: Place = value.place
            raise error.with_context(line=place.line, column=place.column) from None
