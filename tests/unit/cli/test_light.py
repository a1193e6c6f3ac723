"""The command answers at once, because it imports little."""

import subprocess
import sys

import pytest

HEAVY = {
    "adbc_driver_manager",
    "alembic",
    "cryptography",
    "dbos",
    "duckdb",
    "fastapi",
    "numpy",
    "polars",
    "psycopg",
    "pyarrow",
    "sqlalchemy",
    "uvicorn",
    "yaml",
}


@pytest.mark.parametrize("words", [["--help"], ["version"], ["flows", "--help"], ["run", "--help"]])
def test_light_commands_import_nothing_heavy(words):
    program = (
        "import sys\n"
        "from towpath.cli.app import app\n"
        "try:\n"
        "    app(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()


def test_the_help_names_every_command(towpath):
    words = set(towpath("--help").stdout.split())
    assert words >= {
        *("up", "serve", "worker", "doctor", "connections", "check", "discover", "preview", "flows", "run"),
        *("runs", "logs", "state", "errors", "apply", "export", "connectors", "secrets", "audit", "keys"),
        *("users", "customers", "instances", "version"),
    }
