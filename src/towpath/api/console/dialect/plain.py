"""Types that are ours alone: their settings are the connector's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.api.console.dialect.forms import spec_of
from towpath.api.console.dialect.kind import Spec, Translated
from towpath.core.ports import Connector


@dataclass(frozen=True)
class Plain:
    """A `Kind` in which nothing is translated."""

    name: str
    connector: Connector[Any]

    def to_ours(self, config: Mapping[str, Any]) -> Translated:
        return Translated(self.connector.name, dict(config), {})

    def from_ours(
        self, connector: str, config: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        return dict(config)

    def spec(self) -> Spec:
        return spec_of(self.connector.config.model_json_schema(by_alias=True), self.connector.title)

    def place(self, field: str) -> str:
        return field
