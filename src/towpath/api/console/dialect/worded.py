"""Types whose settings this dialect words in its own way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from towpath.api.console.dialect import trees
from towpath.api.console.dialect.draft import draft07
from towpath.api.console.dialect.forms import laid_out_spec
from towpath.api.console.dialect.kind import Spec, Translated
from towpath.api.console.dialect.rules import Rule
from towpath.api.console.dialect.settings import Settings, check
from towpath.api.console.dialect.trees import Tree
from towpath.core.ports import Connector


def _nothing(config: Tree) -> None:
    """Refuses nothing."""


@dataclass(frozen=True)
class Worded:
    """A `Kind` over one connector. Settings of the connector that no rule is about keep their own names."""

    name: str
    plugin: Connector[Any]
    form: type[Settings]
    rules: tuple[Rule, ...]
    refuse: Callable[[Tree], None] = _nothing
    """Raises for what we cannot honour."""
    own_below: str = ""
    """Where the connector's other settings stand: a path, or empty for the top."""

    def to_ours(self, config: Mapping[str, Any]) -> Translated:
        self.refuse(config)
        check(self.form, trees.told(self._without_own(config)))
        ours = self._ours(config)
        return Translated(self.plugin.name, ours, trees.beyond(config, self._theirs(ours)))

    def from_ours(
        self, connector: str, config: Mapping[str, Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        theirs, ours = self._theirs(config), dict(config)
        # As it was sent, while that still says what is so; else what is so counts.
        ways = (trees.over(extra, theirs), trees.over(theirs, extra))
        found = next((way for way in ways if self._ours(way) == ours), theirs)
        # In the order of the form, for who reads it.
        names = [field.alias or name for name, field in self.form.model_fields.items()]
        return {name: found[name] for name in names if name in found} | found

    def spec(self) -> Spec:
        schema = draft07(self.form.model_json_schema(), self.plugin.title)
        target = schema["properties"][self.own_below] if self.own_below else schema
        target["properties"] |= self.own()
        return laid_out_spec(schema)

    def place(self, field: str) -> str:
        name, dot, rest = field.partition(".")
        known = {ours: theirs for rule in self.rules for ours, theirs in rule.names.items()}
        own = f"{self.own_below}.{name}" if self.own_below else name
        return known.get(name, own) + dot + rest

    def own(self) -> dict[str, Any]:
        """What the form asks for beyond the dialect's own settings: fields of draft 07, by name."""
        schema = draft07(self.plugin.config.model_json_schema(by_alias=True), "")
        return {name: schema["properties"][name] for name in self._own}

    @cached_property
    def _own(self) -> tuple[str, ...]:
        """The settings of the connector that no rule is about."""
        ruled = {name for rule in self.rules for name in rule.names}
        fields = self.plugin.config.model_fields.items()
        return tuple(field.alias or name for name, field in fields if name not in ruled)

    def _ours(self, config: Tree) -> dict[str, Any]:
        found: dict[str, Any] = reduce(lambda so_far, rule: so_far | rule.ours(config), self.rules, {})
        there = trees.at(config, self.own_below) if self.own_below else config
        own = {name: trees.at(there, name) for name in self._own} if isinstance(there, Mapping) else {}
        return found | {name: value for name, value in own.items() if value is not None}

    def _theirs(self, config: Mapping[str, Any]) -> dict[str, Any]:
        parts = [rule.theirs(config) for rule in self.rules]
        own = {name: config[name] for name in self._own if name in config}
        if own:
            parts.append(trees.placed(self.own_below, own) if self.own_below else own)
        return reduce(trees.over, parts, {})

    def _without_own(self, config: Tree) -> Tree:
        if not self.own_below:
            return {name: value for name, value in config.items() if name not in self._own}
        there = config.get(self.own_below)
        if not isinstance(there, Mapping):
            return config
        return {**config, self.own_below: {key: item for key, item in there.items() if key not in self._own}}
