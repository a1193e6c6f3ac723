"""What a step lends to its application."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from towpath.core.application import Escape, Now
from towpath.core.errors import DataError
from towpath.dataplane.context import Context
from towpath.dataplane.lookups import Lookups
from towpath.dataplane.paths import MISSING, compile_path
from towpath.dataplane.templates import Escape as Writing
from towpath.dataplane.templates import Template, compile_template
from towpath.dataplane.values import Refused
from towpath.engine.records.ends import End, Host
from towpath.engine.records.places import place


class StepTools:
    """`towpath.core.application.Tools` of one step. Templates are compiled once."""

    def __init__(
        self, step: str, end: End | None, host: Host, words: Mapping[str, Any], *, test: bool = False
    ) -> None:
        self._step = step
        self._end = end
        self._host = host
        self._templates: dict[tuple[str, Escape], Template] = {}
        self._lookups, self._context = Lookups({}), Context()
        self.now = Now(step=step, words=words, test=test)

    def lend(self, lookups: Lookups, context: Context) -> None:
        """Have the helper ``lookup`` of templates know these."""
        self._lookups, self._context = lookups, context

    def turn(self, page: str) -> None:
        """The records that come now are of this page: a key that is the same if they come again."""
        self.now = Now(step=self._step, words={**self.now.words, "page": page}, test=self.now.test)

    def render(self, template: str, record: Any, *, escape: Escape = Escape.NONE, **more: Any) -> str:
        """See `Tools.render`. Words win over names of the record, which ``record.x`` always reaches."""
        known = self._templates.get((template, escape))
        if known is None:
            known = compile_template(template, escape=Writing(escape))
            self._templates[template, escape] = known
        if known.constant is not None:
            return known.constant
        names = record if isinstance(record, Mapping) else {}
        seen = {"data": record, **names, **self.now.words, "record": record, **more}
        try:
            return known.render(seen, self._lookups.environment(record, self._context))
        except Refused as error:
            raise DataError(error.code, error.message, hint=error.hint, source=error.source) from error

    def value(self, path: str, record: Any) -> Any:
        found = compile_path(path).get(record)
        return None if found is MISSING else found

    def has(self, path: str, record: Any) -> bool:
        return compile_path(path).get(record) is not MISSING

    @property
    def level(self) -> int:
        return self._end.level if self._end else 1

    def slot(self) -> AbstractContextManager[None]:
        if self._end is None:
            raise RuntimeError("a step without a connection has no places")
        lane = self._end.lane or self._end.id
        return place(self._host.places, lane, self._end.level, self._host.check_wanted)

    def note(self, what: str, detail: Mapping[str, Any]) -> None:
        if self._end is not None and self._end.debugging:
            self._host.note(self._end.id, self._step, what, detail)

    @property
    def debugging(self) -> bool:
        return self._end is not None and self._end.debugging

    def token(self) -> AbstractContextManager[str]:
        return self._host.token(self._step)

    def folder(self) -> Path:
        return self._host.folder(self._step)

    def check_wanted(self) -> None:
        self._host.check_wanted()
