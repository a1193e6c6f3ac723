"""``towpath apply``, ``export``, ``schema`` and ``openapi``: documents."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from towpath.cli import output
from towpath.cli.session import AsJson, session


def apply(
    ctx: typer.Context,
    path: Annotated[Path, typer.Option("--file", "-f", metavar="FILE|DIR", help="YAML documents.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make connections and flows as the documents say: all of them, or nothing."""
    from towpath.bootstrap.settings import variable
    from towpath.services.documents import files as yamlfiles

    now = session(ctx)
    applied = now.documents.apply(now.org, yamlfiles.read(path), variable, dry_run=dry_run)
    if as_json:
        output.data([asdict(one) for one in applied])
    else:
        for one in applied:
            output.text(f"{one.kind} {f'{one.project}/' if one.project else ''}{one.name}: {one.action}")
    if dry_run:
        output.say("Nothing was changed (dry run).")


def export(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Print all connections and flows as documents; secrets as ${env:…} placeholders."""
    from towpath.services.documents import files as yamlfiles

    now = session(ctx)
    documents, left_out = now.documents.export(now.org)
    if as_json:
        output.data(documents)
    elif documents:
        output.text(yamlfiles.write(documents))
    for reason in left_out:
        output.say(f"Left out: {reason}")


def schema(
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the files into this folder.")
    ] = None,
) -> None:
    """Print the JSON Schema of the documents, for editors."""
    from towpath.sdk.registry import Registry
    from towpath.services.documents import schemas

    files = schemas.published(Registry.installed())
    if write is None:
        output.text(files["towpath.json"])
        return
    write.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (write / name).write_text(content)
    output.done(f"{len(files)} files written to {write}.")


def openapi(
    ctx: typer.Context,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the files into this folder.")
    ] = None,
) -> None:
    """Print the OpenAPI documents of the API families as one JSON object."""
    from towpath.server.documents import documents

    files = documents(session(ctx).container)
    if write is None:
        output.data({name.removesuffix(".json"): json.loads(text) for name, text in files.items()})
        return
    write.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (write / name).write_text(content)
    output.done(f"{len(files)} files written to {write}.")
