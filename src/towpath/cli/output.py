"""What the command prints: data to stdout, talk to stderr."""

import json
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from rich.console import Console

#: Columns of a table when nobody's window limits it: nothing is cut in pipes and files.
_WIDE = 1000


def stdout() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for people."""
    stderr().print(text, markup=False)


def done(text: str) -> None:
    """One line for people, about something that went well."""
    console = stderr()
    console.print("[green]✓[/green] ", end="")
    console.print(text, markup=False)


def error(problem: TowpathError) -> None:
    """Message, hint and code; the code is also the name of the page that explains it."""
    console = stderr()
    console.print("[red]✗[/red] ", end="")
    console.print(problem.message, markup=False)
    if problem.hint:
        console.print(f"  {problem.hint}", markup=False)
    console.print(f"  {problem.code} (docs/reference/errors/{problem.code}.md)", style="dim", markup=False)


def data(value: Any) -> None:
    """A JSON document to stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")


def text(value: str) -> None:
    """A text to stdout, as it is."""
    sys.stdout.write(value if value.endswith("\n") else value + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], sparse: Collection[str] = ()) -> None:
    """A table to stdout; numbers to the right. Columns in ``sparse`` that no row fills are left out."""
    from rich.table import Table

    listed = [list(row) for row in rows]
    kept = [
        index for index, name in enumerate(columns) if name not in sparse or any(row[index] for row in listed)
    ]
    columns, listed = [columns[index] for index in kept], [[row[index] for index in kept] for row in listed]
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in listed)
        grid.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in listed:
        grid.add_row(*map(_cell, row))
    stdout().print(grid, markup=False)


def fields(pairs: dict[str, Any]) -> None:
    """Names and values to stdout, one a line."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, show_header=False)
    for name, value in pairs.items():
        grid.add_row(name, _cell(value), style=None)
    stdout().print(grid, markup=False)


def _cell(value: Any) -> Any:
    from rich.text import Text

    return Text(_words(value))


def _words(value: Any) -> str:
    match value:
        case None | True | False:
            return {None: "", True: "yes", False: "no"}[value]
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)
