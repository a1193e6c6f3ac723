"""What the server needs stays out of commands that do not serve."""

import subprocess
import sys

HEAVY = {"anyio", "fastapi", "limits", "prometheus_client", "starlette", "uvicorn"}


def test_the_help_of_serve_imports_no_server():
    program = (
        "import sys\n"
        "from towpath.cli.app import app\n"
        "try:\n"
        "    app(['serve', '--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()
