"""``towpath state``: where flows go on."""

import json
from typing import Annotated

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, Yes, confirm, session

app = typer.Typer(help="Where flows go on.")
Flow = Annotated[str, typer.Argument(metavar="FLOW", help="Its name, project/name or id.")]
Stream = Annotated[str, typer.Argument(metavar="STREAM", help="Key of the stream.")]


@app.command()
def get(
    ctx: typer.Context,
    flow: Flow,
    stream: Annotated[str | None, typer.Argument(metavar="[STREAM]", help="Key of the stream.")] = None,
    as_json: AsJson = False,
) -> None:
    """The saved states of a flow."""
    now = session(ctx)
    rows = [now.states.get(now.org, flow, stream)] if stream else now.states.list(now.org, flow)
    if as_json:
        output.data([views.state(row) for row in rows])
        return
    output.table(
        ("stream", "generation", "state", "saved by"),
        [(row.stream, row.generation, json.dumps(row.state), row.run) for row in rows],
    )


@app.command("set")
def set_(
    ctx: typer.Context,
    flow: Flow,
    stream: Stream,
    state: Annotated[str, typer.Argument(metavar="JSON", help='Such as {"cursor": "2024-01-31"}.')],
    yes: Yes = False,
) -> None:
    """Make the next run go on from a state of your own."""
    try:
        value = json.loads(state)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise typer.BadParameter('the state is a JSON object, such as {"cursor": 17}', param_hint="JSON")
    now = session(ctx)
    confirm(f"Replace the state of {stream} in {flow}?", yes=yes)
    now.states.set(now.org, flow, stream, value)
    output.done(f"The next run of {flow} reads {stream} from there.")


@app.command()
def reset(
    ctx: typer.Context,
    flow: Flow,
    stream: Annotated[str | None, typer.Option(help="Only this stream.")] = None,
    yes: Yes = False,
) -> None:
    """Make the next run read everything again."""
    now = session(ctx)
    now.flows.get(now.org, flow)
    confirm(f"Forget where {flow} was in {stream or 'every stream'}?", yes=yes)
    now.states.reset(now.org, flow, stream)
    output.done(f"The next run of {flow} reads {stream or 'every stream'} from the beginning.")
