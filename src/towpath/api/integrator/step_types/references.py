"""Ids of other resources in documents."""

from typing import Any

from towpath.api.integrator.errors import Refused
from towpath.api.integrator.ids import Reference, referred
from towpath.api.integrator.step_types.words import Reading
from towpath.services.pipelines.drafts import Mention


def mention(reading: Reading, digits: Any, field: str, kind: str) -> Mention | None:
    """What the field means; None for nothing, and with a fault for what cannot be an id. ``kind`` is the
    word in paths: ``connections``.
    """
    if digits is None:
        return None
    try:
        id = referred(Reference(field, kind), digits)
    except Refused as error:
        reading.faults += error.faults
        return None
    return Mention(field=field, kind=kind.removesuffix("s"), id=id)
