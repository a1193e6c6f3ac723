"""``towpath run``, ``runs`` and ``logs``."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from towpath.cli import output, views
from towpath.cli.session import AsJson, Session, session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.core.records import Level, LogLine
    from towpath.services.runs import RunDetail

app = typer.Typer(help="Executions of flows.")
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Id of the run, or a flow (name, project/name or id): its newest run."
    ),
]


def run(
    ctx: typer.Context,
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="Its name, project/name or id.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show its progress until it ends.")] = False,
    stream: Annotated[list[str] | None, typer.Option(help="Only this stream; may be repeated.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a flow now. Without a running server or worker, this command does the work itself."""
    from towpath.cli import follow as following

    now = session(ctx)
    started = now.runs.start(now.org, flow, streams=stream or [], full=full)
    here = now.container.work_if_nobody_does()
    if not (follow or here):
        if as_json:
            output.data({"id": started.id})
        else:
            output.text(started.id)
        return
    raise typer.Exit(following.follow(now, started.id, as_json=as_json))


@app.command("list")
def list_(
    ctx: typer.Context,
    flow: Annotated[str | None, typer.Option(help="Only of this flow.")] = None,
    status: Annotated[
        str | None, typer.Option(help="queued, running, succeeded, failed or cancelled.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The newest runs first."""
    from towpath.core.records import RunStatus

    if status is not None and status not in list(RunStatus):
        raise typer.BadParameter(f"choose one of {', '.join(RunStatus)}", param_hint="--status")
    now = session(ctx)
    chosen = RunStatus(status) if status else None
    details = now.runs.list(now.org, flow=flow, status=chosen, limit=limit)
    if as_json:
        output.data([views.run(detail) for detail in details])
    else:
        columns = ("id", "flow", "project", "status", "cause", "written", "started")
        output.table(columns, map(_row, details), sparse=("project",))


def _row(detail: "RunDetail") -> tuple[object, ...]:
    written = sum(stream.counters.written for stream in detail.streams)
    run = detail.run
    return run.id, detail.flow, detail.project, str(run.status), run.cause, written, run.started_at


@app.command()
def show(ctx: typer.Context, name: Run, as_json: AsJson = False) -> None:
    """One run with its streams."""
    from towpath.cli.ending import problems
    from towpath.cli.follow import summary

    now = session(ctx)
    detail = now.runs.show(now.org, name)
    view = views.run(detail)
    if as_json:
        output.data(view)
        return
    kept = {key: value for key, value in view.items() if key not in ("error", "streams")}
    output.fields({key: value for key, value in kept.items() if value or key != "project"})
    summary(detail)
    problems(detail)


@app.command()
def cancel(ctx: typer.Context, name: Run) -> None:
    """Ask for the end of a run; what it has not committed stays invisible."""
    now = session(ctx)
    run = now.runs.cancel(now.org, name)
    output.done(f"The run {run.id} is {'cancelled' if run.status.final else 'being cancelled'}.")


def logs(
    ctx: typer.Context,
    name: Run,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.")] = None,
    level: Annotated[str, typer.Option(help="debug, info, warning or error: nothing below it.")] = "debug",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """The log of a run."""
    from towpath.core.records import Level

    if level not in list(Level):
        raise typer.BadParameter(f"choose one of {', '.join(Level)}", param_hint="--level")
    now = session(ctx)
    run = now.runs.show(now.org, name).run.id
    seen = _print_log(now, run, Level(level), tail, as_json=as_json)
    while follow:
        # Look before printing: what a run logs last is there when it is final.
        final = now.runs.show(now.org, run).run.status.final
        seen = _print_rest(now, run, Level(level), seen, as_json=as_json)
        if final:
            return
        time.sleep(0.5)


def _print_log(now: Session, run: str, level: "Level", tail: int | None, *, as_json: bool) -> int:
    if tail is None:
        return _print_rest(now, run, level, 0, as_json=as_json)
    lines = now.runs.log(now.org, run, limit=tail, tail=True, minimum=level)
    return _print_lines(lines, 0, as_json=as_json)


def _print_rest(now: Session, run: str, level: "Level", seen: int, *, as_json: bool) -> int:
    while lines := now.runs.log(now.org, run, after=seen, minimum=level):
        seen = _print_lines(lines, seen, as_json=as_json)
    return seen


def _print_lines(lines: "Sequence[LogLine]", seen: int, *, as_json: bool) -> int:
    import json

    for line in lines:
        if as_json:
            output.text(json.dumps(views.log_line(line), ensure_ascii=False, default=str))
        else:
            stream = f" [{line.stream}]" if line.stream else ""
            output.text(f"{line.at:%Y-%m-%dT%H:%M:%S.%fZ} {line.level:7}{stream} {line.message}")
        seen = line.seq
    return seen
