"""Where streams are written to: ``destination_database`` and ``destination_table``, both ways.

A flow writes into one namespace. The text is ``<namespace>:<the stream's own namespace>``; the second part
says nothing new and may be missing. Nothing at all is the destination's own default.
"""


def namespace_of(database: str, own: str) -> str | None:
    """The namespace to write into; ``own`` is the one that the stream lives in, empty if there is none.

    >>> namespace_of("lake:public", "public"), namespace_of("lake", "public"), namespace_of("", "public")
    ('lake', 'lake', None)
    """
    text = database.removesuffix(f":{own}") if own else database
    return text or None


def database_of(namespace: str | None, own: str) -> str:
    """The text that `namespace_of` makes the namespace of."""
    if namespace is None:
        return ""
    return f"{namespace}:{own}" if own else namespace


def target_of(table: str, name: str) -> str | None:
    """The target's name; None if it is the stream's own ``name``."""
    return table if table not in ("", name) else None
