"""Templates that may name nothing that is not there."""

import re
from collections.abc import Mapping
from typing import Any

from towpath.sdk import DataError, Tools

_NAME = re.compile(r"\{\{\{?\s*([A-Za-z_][\w.\[\]]*)\s*\}?\}\}")


def check_names(template: str, record: Any, more: Mapping[str, Any], tools: Tools) -> None:
    """Raises `DataError` ``template.missing`` for the first plain name that nothing stands for."""
    if "{{" not in template:
        return
    known = record if isinstance(record, Mapping) else {}
    context = {**known, **tools.now.words, "record": record, **more}
    for name in _NAME.findall(template):
        if not tools.has(name, context):
            raise DataError(
                "template.missing",
                f"The template names {name!r}, and the record has nothing of that name.",
                hint="Map the field, or allow templates to name what is not there.",
            )
