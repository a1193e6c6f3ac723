"""How errors end the command: one table from class to exit code, and one way to print them."""

import sys
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from towpath.cli import output
from towpath.core.errors import (
    AuthError,
    BusyError,
    ConfigError,
    ConflictError,
    DataError,
    IntegrityError,
    InternalError,
    NotFoundError,
    ResourceError,
    SchemaError,
    TowpathError,
    UnreachableError,
)

OK = 0
FAILED = 1
USAGE = 2
INVALID_CONFIGURATION = 3
CHECK_FAILED = 4
RECORD_ERRORS = 5
NOT_FOUND = 6
BUSY = 75
INTERRUPTED = 130
TERMINATED = 143

EXIT_CODES: Mapping[type[TowpathError], int] = {
    ConfigError: INVALID_CONFIGURATION,
    AuthError: CHECK_FAILED,
    UnreachableError: CHECK_FAILED,
    NotFoundError: NOT_FOUND,
    BusyError: BUSY,
    ConflictError: FAILED,
    SchemaError: FAILED,
    DataError: FAILED,
    ResourceError: FAILED,
    IntegrityError: FAILED,
    InternalError: FAILED,
}


def exit_code(error: TowpathError) -> int:
    return EXIT_CODES[type(error)]


class ErrorGroup(TyperGroup):
    """A group of commands whose errors are printed for people and become exit codes."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TowpathError as error:
            _reraise_if_debugging(ctx)
            output.error(error)
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            output.say("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output went away (`towpath … | head`): that is no failure.
            sys.stderr.close()
            raise typer.Exit(OK) from None
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:  # the last resort: a defect never ends in a traceback
            if _is_usage(error):
                raise
            _reraise_if_debugging(ctx)
            output.error(_defect(error))
            raise typer.Exit(FAILED) from None


def _is_usage(error: Exception) -> bool:
    """Whether it is the parser's own error about arguments, which it prints with the usage line."""
    return hasattr(error, "exit_code") and hasattr(error, "show")


def _reraise_if_debugging(ctx: Any) -> None:
    if ctx.params.get("debug"):
        raise  # noqa: PLE0704 - called while an error is handled


def _defect(error: Exception) -> InternalError:
    # The text of an unexpected error may hold anything, so only its type and place are told.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "?"
    return InternalError(
        "internal.defect",
        f"Something went wrong inside Towpath: {type(error).__name__} at {where}.",
        hint="Run it again with `towpath --debug …` and report what it prints.",
    )
