"""The type ``wrapper``: functions of an extension server."""

from collections.abc import Mapping
from typing import Any

from towpath.api.integrator.connection_types.kind import ConnectionType, Settings
from towpath.api.integrator.connection_types.tables import (
    Row,
    Table,
    secret_words,
    section,
    settings,
    text,
    words,
)
from towpath.api.integrator.errors import Fault, required
from towpath.core.ids import as_object_id, of_object_id


def _stack(value: Any) -> str:
    try:
        return of_object_id("con", str(value))
    except ValueError:
        raise ValueError("It is not the _id of any stack of yours.") from None


_WRAPPER: Table = (
    Row("_stackId", "stack", _stack, as_object_id),
    Row("pingFunction", "ping_function", text),
    Row("encrypted", "encrypted", secret_words),
    Row("unencrypted", "unencrypted", words),
)


def read_wrapper(document: Mapping[str, Any], faults: list[Fault]) -> Settings:
    part = document.get("wrapper")
    if not isinstance(part, Mapping):
        faults.append(required("wrapper"))
        return Settings("wrapper")
    if not part.get("pingFunction"):
        faults.append(required("wrapper.pingFunction"))
    found = settings(_WRAPPER, part, "wrapper", faults)
    if document.get("_connectorId"):
        found["app"] = str(document["_connectorId"])
    places = {row.ours: f"wrapper.{row.theirs}" for row in _WRAPPER}
    return Settings("wrapper", found, places=places)


def write_wrapper(config: Mapping[str, Any]) -> dict[str, Any]:
    return section(_WRAPPER, config)


WRAPPER = ConnectionType("wrapper", read_wrapper, write_wrapper, connectors=("wrapper",), level=5)
