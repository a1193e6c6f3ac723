"""How single settings are translated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from towpath.api.console.dialect import trees
from towpath.api.console.dialect.trees import Tree

#: How the path of a bucket begins with us.
_S3 = "s3://"


class Rule(Protocol):
    """One setting or a few that belong together. What is not there is not translated."""

    @property
    def names(self) -> Mapping[str, str]:
        """The fields of ours that it is about, and what clients call each."""
        ...

    def ours(self, config: Tree) -> dict[str, Any]:
        """What the dialect's configuration says of them."""
        ...

    def theirs(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The part of the dialect's configuration that says the same."""
        ...


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Setting:
    """One setting that both have."""

    path: str
    """Dotted, in the dialect."""
    name: str
    """In our configuration."""
    to_ours: Callable[[Any], Any] = _same
    """None for what cannot be said in our words."""
    to_theirs: Callable[[Any], Any] = _same
    secret: bool = False
    """A blank stands for none, and not for one that is blank: forms send it."""

    @property
    def names(self) -> Mapping[str, str]:
        return {self.name: self.path}

    def ours(self, config: Tree) -> dict[str, Any]:
        value = trees.at(config, self.path)
        missing = value is None or (self.secret and value == "")
        translated = None if missing else self.to_ours(value)
        return {} if translated is None else {self.name: translated}

    def theirs(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return trees.placed(self.path, self.to_theirs(config[self.name])) if self.name in config else {}


@dataclass(frozen=True)
class Constant:
    """What a type always says of itself."""

    path: str
    value: str

    @property
    def names(self) -> Mapping[str, str]:
        return {}

    def ours(self, config: Tree) -> dict[str, Any]:
        return {}

    def theirs(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return trees.placed(self.path, self.value)


@dataclass(frozen=True)
class Folder:
    """Where files are: a prefix of a bucket, or else a folder of the machine. In ours both are ``path``."""

    bucket: str
    prefix: str
    local: str
    """Of a folder of the machine."""
    at_fault: str
    """What to name where something is wrong with the path."""

    @property
    def names(self) -> Mapping[str, str]:
        return {"path": self.at_fault}

    def ours(self, config: Tree) -> dict[str, Any]:
        bucket, prefix = trees.at(config, self.bucket), trees.at(config, self.prefix)
        if bucket:
            return {"path": f"{_S3}{bucket}" + ("" if prefix is None else f"/{prefix.lstrip('/')}")}
        local = trees.at(config, self.local)
        return {"path": local} if local else {}

    def theirs(self, config: Mapping[str, Any]) -> dict[str, Any]:
        path = config.get("path", "")
        if not path.startswith(_S3):
            return trees.placed(self.local, path) if path else {}
        bucket, slash, prefix = path.removeprefix(_S3).partition("/")
        there = trees.placed(self.bucket, bucket)
        return trees.over(there, trees.placed(self.prefix, prefix)) if slash else there
