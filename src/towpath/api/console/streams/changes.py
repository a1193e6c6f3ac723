"""What lies between a job's saved streams and their update."""

from collections.abc import Mapping
from typing import Any


def difference(
    saved: str | Mapping[str, Any] | None, updated: str | Mapping[str, Any] | None
) -> dict[str, Any]:
    """``{"selected_streams": {namespace: […]}, "streams": […]}``: the streams, as updated, that stay selected
    and whose data already written would be wrong, so that it must be cleared. Both empty if there are none.
    """
    raise NotImplementedError
