"""One table from error to exit code."""

import pytest
import typer
from typer.testing import CliRunner

from towpath.cli import exits
from towpath.core import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("ConfigError", 3),
        ("AuthError", 4),
        ("UnreachableError", 4),
        ("NotFoundError", 6),
        ("BusyError", 75),
        ("ConflictError", 1),
        ("SchemaError", 1),
        ("DataError", 1),
        ("ResourceError", 1),
        ("IntegrityError", 1),
        ("InternalError", 1),
    ],
)
def test_an_error_is_printed_and_becomes_its_exit_code(kind, code):
    result = run(getattr(errors, kind)("family.reason", "It [bold]failed[/bold].", hint="Do that."))
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "✗ It [bold]failed[/bold].",
        "  Do that.",
        "  family.reason (docs/reference/errors/family.reason.md)",
    ]


def test_every_class_of_errors_has_an_exit_code():
    assert set(exits.EXIT_CODES) == set(errors.TowpathError.__subclasses__())


def test_ctrl_c_is_130():
    assert run(KeyboardInterrupt()).exit_code == 130


def test_a_defect_is_no_traceback_and_does_not_repeat_what_it_says():
    result = run(ValueError("canary"))
    assert result.exit_code == 1
    assert "canary" not in result.stderr
    assert "Traceback" not in result.stderr
    assert "ValueError" in result.stderr
    assert "internal.defect" in result.stderr


def test_debug_shows_the_traceback():
    result = run(ValueError("canary"), "--debug")
    assert isinstance(result.exception, ValueError)


def test_wrong_usage_is_2(towpath):
    assert "No such command" in towpath("flwos", code=2).stderr
    towpath("flows", "list", "--limit", "x", code=2)


def run(error, *words):
    app = typer.Typer(cls=exits.ErrorGroup)

    @app.callback()
    def root(debug: bool = typer.Option(False, "--debug")):
        pass

    @app.command()
    def fail():
        raise error

    return CliRunner().invoke(app, [*words, "fail"])
