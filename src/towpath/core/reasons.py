"""What pydantic says is wrong, in words for people."""

_PREFIX = "Value error, "


def plain_reason(message: str) -> str:
    """Without the word that it puts before the texts of our own checks.

    >>> plain_reason("Value error, give both or neither")
    'give both or neither'
    """
    return message.removeprefix(_PREFIX)
