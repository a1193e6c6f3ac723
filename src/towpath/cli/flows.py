"""``towpath flows``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, Session, Yes, confirm, session

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="What moves from where to where, and when.")
Name = Annotated[str, typer.Argument(metavar="FLOW", help="Its name, project/name or id.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All flows."""
    now = session(ctx)
    projects = now.projects
    shown = [_view(now, flow, projects) for flow in now.flows.list(now.org)]
    if as_json:
        output.data(shown)
    else:
        columns = ("name", "project", "from", "to", "enabled", "next start")
        output.table(columns, [_row(view) for view in shown], sparse=("project",))


def _view(now: Session, flow: Any, projects: "Mapping[str, str]") -> dict[str, Any]:
    from towpath.core.errors import ConflictError

    try:
        return views.flow(flow, projects, now.flows.spec(now.org, flow))
    except ConflictError:  # made through an API, with several exports or imports
        return views.flow(flow, projects)


def _row(view: dict[str, Any]) -> tuple[Any, ...]:
    spec = view["spec"]
    ends = [spec[side]["connection"] if spec else "(several)" for side in ("source", "destination")]
    return view["name"], view["project"], *ends, view["enabled"], view["next_due"]


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """One flow."""
    now = session(ctx)
    view = _view(now, now.flows.get(now.org, name), now.projects)
    if as_json:
        output.data(view)
        return
    spec = dict(view["spec"] or {})
    streams = spec.pop("streams", ())
    project = {"project": view["project"]} if view["project"] else {}
    output.fields(
        {key: view[key] for key in ("id", "name")} | project | {"next_due": view["next_due"]} | spec
    )
    if streams:
        output.text("")
        columns = ("name", "mode", "cursor", "columns", "where", "write", "target", "primary_key")
        output.table(columns, [[stream[column] for column in columns] for stream in streams])


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    source: Annotated[str, typer.Option("--from", metavar="CONNECTION", help="Where to read.")],
    destination: Annotated[str, typer.Option("--to", metavar="CONNECTION", help="Where to write.")],
    stream: Annotated[list[str] | None, typer.Option(help="A stream to move; without it, all.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Schema or database to write into.")] = None,
    cron: Annotated[str | None, typer.Option(help="Start by a cron expression, such as '0 6 * * *'.")] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of the cron expression.")] = "UTC",
    every: Annotated[float | None, typer.Option(help="Start every so many seconds.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a flow of full refreshes; `apply` takes documents that say more."""
    from pydantic import ValidationError

    from towpath.sdk.registry import config_error
    from towpath.services.documents.models import FlowSpec

    schedule = {"cron": cron, "timezone": timezone} if cron else {"every": every} if every else None
    try:
        spec = FlowSpec.model_validate(
            {
                "source": {"connection": source},
                "destination": {"connection": destination, "namespace": namespace},
                "streams": [{"name": key} for key in stream or []],
                "schedule": schedule,
            }
        )
    except ValidationError as error:
        raise config_error(error, "flow", "flow.invalid") from None
    now = session(ctx)
    flow = now.flows.create(now.org, name, spec)
    if as_json:
        output.data(views.flow(flow, now.projects, spec))
    output.done(f"Flow {flow.name} made. Run it: towpath run {flow.name}")


@app.command()
def delete(ctx: typer.Context, name: Name, yes: Yes = False) -> None:
    """Remove a flow with its history and state; what it has written stays."""
    now = session(ctx)
    flow = now.flows.get(now.org, name)
    confirm(f"Delete the flow {flow.name} with its history and state?", yes=yes)
    now.flows.delete(now.org, flow.id)
    output.done(f"Flow {flow.name} deleted.")


@app.command()
def clear(
    ctx: typer.Context,
    name: Name,
    stream: Annotated[list[str] | None, typer.Option(help="Only this stream; may be repeated.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Empty what the flow has written, and make the next run read everything again.

    Waits for its end. Without a running server or worker, this command does the work itself.
    """
    from towpath.cli import follow as following

    now = session(ctx)
    flow = now.flows.get(now.org, name)
    what = ", ".join(stream or []) or "all streams"
    confirm(f"Empty the targets of {what} of the flow {flow.name}?", yes=yes)
    started = now.runs.clear(now.org, flow.id, stream or [])
    now.container.work_if_nobody_does()
    raise typer.Exit(following.follow(now, started.id, as_json=as_json))


@app.command()
def enable(ctx: typer.Context, name: Name) -> None:
    """Let the schedule start the flow."""
    now = session(ctx)
    flow = now.flows.enable(now.org, name)
    output.done(f"Flow {flow.name} enabled." + (f" Next start: {flow.next_due}." if flow.next_due else ""))


@app.command()
def disable(ctx: typer.Context, name: Name) -> None:
    """Keep the schedule from starting the flow."""
    now = session(ctx)
    flow = now.flows.enable(now.org, name, enabled=False)
    output.done(f"Flow {flow.name} disabled.")
