"""The errors of templates."""

from towpath.core.errors import ConfigError, DataError
from towpath.dataplane.templates.tree import Place


class HelperError(ValueError):
    """A helper cannot do what was asked with these values; the text says why, as the end of a sentence."""


def invalid(place: Place, what: str, hint: str) -> ConfigError:
    """The template cannot be understood: a ConfigError ``template.invalid``."""
    return ConfigError(
        "template.invalid",
        f"{place} of the template: {what}.",
        hint=hint,
        line=place.line,
        column=place.column,
    )


def failed(cause: Exception, helper: str, line: int, column: int) -> DataError:
    """A helper could not do it with the values of this record: a DataError ``template.failed``."""
    return DataError(
        "template.failed",
        f"{Place(line, column)} of the template: {helper} {_reason(cause)}.",
        hint="Mend the value, or guard the expression with #if.",
        line=line,
        column=column,
    )


def _reason(cause: Exception) -> str:
    if isinstance(cause, HelperError):
        return str(cause)
    if isinstance(cause, ArithmeticError):
        return "comes to no number that can be written"
    return f"cannot do it: {str(cause).removesuffix('.')}"


def too_deep() -> DataError:
    """A value with too many levels in each other to be written: a DataError ``template.failed``."""
    return DataError(
        "template.failed",
        "A value has too many levels in each other to be written by the template.",
        hint="Write a part of it.",
    )


def too_large(what: str) -> DataError:
    """The output, or the work for it, grows beyond bounds: a DataError ``template.too_large``."""
    return DataError(
        "template.too_large",
        f"The template {what}.",
        hint="Split the record into smaller ones, or use less of it in the template.",
    )
