"""Other tools doing the same work, installed on request into a folder of their own.

Run as a script inside that installation it is the peer itself: ``peers.py dlt-connectorx parquet …``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGES = [
    "dlt[postgres,parquet,filesystem,sql_database]==1.31.0",
    "connectorx==0.4.6",
    "psycopg2-binary",
    "sqlalchemy<2.1",
    "numpy",
    "sling-linux-amd64==1.4.11",
]
NAMES = ("dlt-connectorx", "dlt-pyarrow", "sling")


def install(folder: Path) -> Path:
    """Install the peers into a virtual environment; returns its folder of commands."""
    commands = folder / "bin"
    if not (commands / "dlt").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(commands / "pip"), "install", "-q", *PACKAGES], check=True)
    return commands


def command(commands: Path, name: str, source: str, tables: list[str], target: str) -> list[str]:
    """The command line of one peer. ``target`` is a PostgreSQL URL or a folder for Parquet files."""
    return [str(commands / "python"), __file__, name, source, target, *tables]


def run_dlt(backend: str, source: str, target: str, tables: list[str]) -> None:
    import dlt
    from dlt.sources.sql_database import sql_database

    to_files = not target.startswith("postgresql")
    destination = (
        dlt.destinations.filesystem(bucket_url=f"file://{target}")
        if to_files
        else dlt.destinations.postgres(credentials=target)
    )
    pipeline = dlt.pipeline(
        "bench",
        destination=destination,
        dataset_name="peer",
        pipelines_dir=str(Path.home() / "dlt"),
        dev_mode=True,
    )
    data = sql_database(
        source,
        schema="public",
        table_names=tables,
        backend=backend,
        chunk_size=100_000,
        reflection_level="full",
    )
    format_ = {"loader_file_format": "parquet"} if to_files else {}
    print(pipeline.run(data, write_disposition="replace", **format_))


def run_sling(source: str, target: str, tables: list[str]) -> None:
    sling = next(str(path) for path in Path(sys.prefix).rglob("sling-linux-amd64") if path.is_file())
    for table in tables:
        line = [
            sling,
            "run",
            "--src-conn",
            source,
            "--src-stream",
            f"public.{table}",
            "--mode",
            "full-refresh",
        ]
        if target.startswith("postgresql"):
            line += ["--tgt-conn", target, "--tgt-object", f"public.{table}"]
        else:
            line += ["--tgt-object", f"file://{target}/{table}.parquet"]
        # Its usual way to Parquet needs another program that it would fetch when it runs.
        subprocess.run(line, check=True, env=os.environ | {"SLING_DUCKDB_COMPUTE": "FALSE"})


def run_dlt_normalize(records: str) -> None:
    """Prints the CPU seconds in which the JSON lines of a file become rows; reading them is not counted."""
    import dlt

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "records",
            destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/out"),
            dataset_name="peer",
            pipelines_dir=folder,
        )
        lines = Path(records).read_text().splitlines()
        pipeline.extract([json.loads(line) for line in lines], table_name="orders")
        before = time.process_time()
        pipeline.normalize()
        print(time.process_time() - before)


if __name__ == "__main__":
    name, source, target, *tables = sys.argv[1:]
    if name == "dlt-normalize":
        run_dlt_normalize(source)
    elif name == "sling":
        run_sling(
            source + "?sslmode=disable", target + "?sslmode=disable" if "://" in target else target, tables
        )
    else:
        run_dlt(name.removeprefix("dlt-"), source, target, tables)
