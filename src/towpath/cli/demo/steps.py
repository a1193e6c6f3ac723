"""Steps that are ticked off, each with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from towpath.cli import output


@contextmanager
def step(text: str) -> Iterator[list[str]]:
    """Do one step; the block may add words to what is printed when it is done."""
    began = time.perf_counter()
    more: list[str] = []
    yield more
    output.done(" ".join([text, *more, f"({time.perf_counter() - began:.1f} s)"]))
