"""The reference page of the command line, in Markdown: ``python -m towpath.cli.reference``.

``docs/reference/cli.md`` is `page`, and a test compares the two.
"""

import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args, get_type_hints

import typer.main

from towpath.cli import exits
from towpath.cli.app import app

_INTRODUCTION = """\
# Command line

Data goes to stdout, talk to stderr. Whatever lists or shows takes `--json`, with stable keys. Secrets are
never arguments. [Settings](settings.md) come from flags, variables or a file.

Things are called by their name or their id. Flows and connections of a project are called `project/name`, or
just by their name if nothing else has it. What belongs to no project comes first: its name alone means it,
whatever projects hold, and so does `/name`. A name of several things is refused, with what to say instead.
"""
EXITS = (
    (exits.OK, "all is well"),
    (exits.FAILED, "failed"),
    (exits.USAGE, "wrong use of the command"),
    (exits.INVALID_CONFIGURATION, "invalid configuration"),
    (exits.CHECK_FAILED, "a check failed: the other system does not answer, or refused the credentials"),
    (exits.RECORD_ERRORS, "finished, with records in the error inbox"),
    (exits.NOT_FOUND, "not found"),
    (exits.BUSY, "busy: somebody else is at it, try again"),
    (exits.INTERRUPTED, "interrupted with Ctrl-C"),
    (exits.TERMINATED, "ended by SIGTERM"),
)
_VALUES = {"int": "NUMBER", "float": "NUMBER", "Path": "PATH"}


def page() -> str:
    """All commands with their arguments, options and exit codes."""
    root = typer.main.get_command(app)
    parts = [
        _INTRODUCTION,
        "## Options of every command\n\nThey stand before the command: `towpath --home DIR run shop`.\n",
        _table(root),
        *_commands(root, "towpath"),
        "## Exit codes\n\n| code | meaning |\n|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in EXITS),
    ]
    return "\n".join(parts) + "\n"


def _commands(group: Any, path: str) -> Iterator[str]:
    """Single commands under one heading first, then each group under its own."""
    single = {name: found for name, found in group.commands.items() if not hasattr(found, "commands")}
    groups = {name: found for name, found in group.commands.items() if hasattr(found, "commands")}
    if path == "towpath":
        yield "## Commands\n"
    for name, command in single.items():
        yield from _command(command, f"{path} {name}")
    for name, found in groups.items():
        yield f"## towpath {name}\n\n{found.help}\n"
        yield from _commands(found, f"{path} {name}")


def _command(command: Any, path: str) -> Iterator[str]:
    yield f"### {path}\n\n{command.help}\n"
    arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
    options = ["[OPTIONS]"] if len(arguments) < len(command.params) else []
    yield f"```\n{' '.join([path, *options, *arguments])}\n```\n"
    if command.params:
        yield _table(command)


def _table(command: Any) -> str:
    hints = get_type_hints(command.callback)
    rows = [_row(one, hints[one.name]) for one in command.params if one.name in hints]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


def _row(parameter: Any, hint: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"| `{_argument(parameter)}` | {parameter.help or ''} |"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    value = "" if parameter.is_flag else f" `{parameter.metavar or _value(hint)}`"
    return f"| {names}{_cell(value)} | {_cell(' '.join(_meaning(parameter)))} |"


def _meaning(parameter: Any) -> Iterator[str]:
    yield parameter.help or ""
    if parameter.required:
        yield "Required."
    if parameter.multiple and "repeated" not in (parameter.help or ""):
        yield "May be given several times."
    if not (parameter.is_flag or parameter.required or parameter.default in (None, ())):
        yield f"Default: `{parameter.default}`."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _argument(parameter: Any) -> str:
    name: str = (parameter.metavar or parameter.name.upper()).strip("[]")
    return name if parameter.required else f"[{name}]"


def _value(hint: Any) -> str:
    """What stands for the value: the choices, or a word for the type."""
    inner = [one for one in get_args(hint) if one is not type(None)]
    if inner:
        return _value(inner[0])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "|".join(str(one.value) for one in hint)
    return _VALUES.get(getattr(hint, "__name__", ""), "TEXT")


if __name__ == "__main__":
    sys.stdout.write(page())
