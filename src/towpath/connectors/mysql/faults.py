"""What can be wrong with a value or a result: said in the same words by both decoders."""

from towpath.sdk import DataError, ResourceError


def malformed(column: str = "") -> DataError:
    """The result breaks the rules of the protocol: the server, or what stands before it, is at fault."""
    where = f" in the column {column!r}" if column else ""
    return DataError(
        "protocol.malformed",
        f"The server's answer does not follow MySQL's protocol{where}.",
        hint="Read without a proxy in between; if it happens again, report it with the server's version.",
    )


def unrepresentable(column: str, value: str) -> DataError:
    return DataError(
        "value.unrepresentable",
        f"The column {column!r} holds {value}, which is no date of the calendar.",
        hint="Correct the value, leave the column out, or set special_values to null "
        "(which a key or cursor column cannot be).",
        column=column,
    )


def wrong_text(column: str) -> DataError:
    return DataError(
        "value.unrepresentable",
        f"The column {column!r} holds text that is not valid in its character set.",
        hint="Correct the value, or leave the column out.",
        column=column,
    )


def too_large() -> DataError:
    return DataError(
        "value.too_large",
        "A record holds more than 2 GB, which is more than a batch can carry.",
        hint="Leave the large column out.",
    )


def no_memory() -> ResourceError:
    return ResourceError(
        "memory.exhausted",
        "There is not enough memory for a batch of records.",
        hint="Run fewer slices at once, or on a machine with more memory.",
        retryable=True,
    )
