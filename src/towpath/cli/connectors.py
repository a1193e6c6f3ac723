"""``towpath connectors``: what can be connected."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from towpath.cli import output
from towpath.cli.session import AsJson

if TYPE_CHECKING:
    from towpath.core.ports import Connector
    from towpath.sdk.registry import Registry

app = typer.Typer(help="The kinds of systems that can be connected.")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The connectors that are installed."""
    registry = ctx.obj.registry
    found = [_try(registry, name) for name in registry.names()]
    if as_json:
        output.data(found)
        return
    output.table(
        ("name", "title", "version", "reads", "writes"),
        [
            (one["name"], one["title"], one["version"], ", ".join(one["reads"]), ", ".join(one["writes"]))
            for one in found
        ],
    )


def _try(registry: "Registry", name: str) -> dict[str, Any]:
    """One broken plug-in or file must not hide the others."""
    from towpath.core.errors import ConfigError, InternalError

    try:
        return _view(registry.get(name))
    except (ConfigError, InternalError) as error:
        output.error(error)
        empty = {"title": "(broken)", "version": "", "summary": error.message}
        return {"name": name, **empty, "categories": [], "reads": [], "writes": []}


def _view(connector: "Connector[Any]") -> dict[str, Any]:
    return {
        "name": connector.name,
        "title": connector.title,
        "version": connector.version,
        "summary": connector.summary,
        "categories": [str(category) for category in connector.categories],
        "reads": sorted(map(str, connector.read_modes)),
        "writes": sorted(map(str, connector.write_modes)),
    }


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="Name of the connector.")],
    as_json: AsJson = False,
) -> None:
    """One connector with its settings."""
    connector = ctx.obj.registry.get(name)
    schema = connector.config.model_json_schema()
    if as_json:
        output.data(_view(connector) | {"config": schema})
        return
    output.fields(_view(connector))
    output.text("")
    required = schema.get("required", [])
    output.table(
        ("setting", "required", "default", "meaning"),
        [
            (field, field in required, _default(about), about.get("description", about.get("title", "")))
            for field, about in schema.get("properties", {}).items()
        ],
    )


def _default(about: dict[str, Any]) -> str:
    return "" if about.get("default") is None else str(about["default"])
