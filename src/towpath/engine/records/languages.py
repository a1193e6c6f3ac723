"""Filters and transforms of a step: rules, or a function of the user's."""

from collections.abc import Callable, Mapping
from typing import Any

from towpath.core.errors import DataError
from towpath.dataplane.context import Context
from towpath.dataplane.filters import compile_filter, script_of
from towpath.dataplane.transforms import compile_transform
from towpath.engine.records.functions import Functions, hook_of

Passes = Callable[[Any], bool]
Change = Callable[[Any], Any]


def condition(
    document: Mapping[str, Any] | None, context: Context, functions: Functions, source: str
) -> Passes | None:
    """Whether a record passes; None where everything does. What it raises is the record's own error."""
    if not document:
        return None
    script = script_of(document)
    if script is None:
        compiled = compile_filter(document)
        return lambda record: compiled(record, context)
    hook = hook_of(script.document)

    def ask(record: Any) -> bool:
        answer = functions.call(hook, {"record": record}, source)
        if not isinstance(answer, bool):
            raise DataError(
                "hook.bad_answer",
                f"The function {hook.function} must answer true or false, and did not.",
                hint="Mend the function; the record is in the error inbox.",
                source=source,
            )
        return answer

    return ask


def change(
    document: Mapping[str, Any] | None, context: Context, functions: Functions, source: str
) -> Change | None:
    """What becomes of a record; None where it stays as it is."""
    if not document:
        return None
    script = script_of(document)
    if script is None:
        compiled = compile_transform(document)
        return lambda record: compiled(record, context)
    hook = hook_of(script.document)
    return lambda record: functions.call(hook, {"record": record}, source)
