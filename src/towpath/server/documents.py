"""The OpenAPI documents as files: `openapi/<family>.json`, which a test compares with the code."""

import json
from collections.abc import Mapping

from towpath.server.families import families
from towpath.services.context import Rooms


def documents(rooms: Rooms) -> Mapping[str, str]:
    """File name to content, for every family; nothing of the rooms is opened."""
    built = {family.name: family.build(rooms) for family in families()}
    return {
        f"{name}.json": json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
        for name, app in built.items()
    }
