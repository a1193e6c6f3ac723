"""Writing the records of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from towpath.core.application import Escape, Failure, Outcome, Sending, Tools
from towpath.core.errors import TowpathError
from towpath.sdk.sql import quote
from towpath.sdk.sqlapp.dialect import Dialect
from towpath.sdk.sqlapp.failures import failure
from towpath.sdk.sqlapp.models import Action, SqlWriting
from towpath.sdk.sqlapp.values import bound

if TYPE_CHECKING:
    from towpath.sdk.sqlapp.application import SqlApplication

_DONE = "first_page.done"


class Writing:
    """The actions of an import, over one page."""

    def __init__(
        self, application: "SqlApplication", dialect: Dialect, write: SqlWriting, tools: Tools
    ) -> None:
        self._application = application
        self._dialect = dialect
        self._write = write
        self._tools = tools

    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        outcomes = [self._decided(one) for one in sendings]
        for place, action in enumerate(self._write.actions):
            self._tools.check_wanted()
            chosen = [
                number
                for number, outcome in enumerate(outcomes)
                if not outcome.failed and not outcome.ignored and self._is_for(place, outcome)
            ]
            done = self._do(action, [sendings[number] for number in chosen])
            for number, outcome in zip(chosen, done, strict=True):
                outcomes[number] = replace(outcome, operation=outcomes[number].operation)
        return outcomes

    def _is_for(self, place: int, outcome: Outcome) -> bool:
        """With two ways of writing, the first is for what is there already."""
        if not self._write.decides or [one.kind for one in self._write.actions] != ["per_record"] * 2:
            return True
        return place == (0 if outcome.operation == "update" else 1)

    def _decided(self, sending: Sending) -> Outcome:
        """Whether the record is there already, as far as anybody asks."""
        if not self._write.decides:
            return Outcome(operation=sending.operation)
        try:
            there = sending.operation == "update" if sending.operation else self._is_there(sending)
        except TowpathError as error:
            return _failed(error, "lookup")
        unwanted = self._write.ignore_existing if there else self._write.ignore_missing
        return Outcome(operation="update" if there else "create", ignored=unwanted)

    def _is_there(self, sending: Sending) -> bool:
        if self._write.existing_extract:
            return self._tools.value(self._write.existing_extract, sending.record) not in (None, "")
        name = self._write.existing_lookup
        lookup = next(one for one in self._write.lookups if one.get("name") == name)
        return bool(self._application.look(lookup, sending.record, self._tools))

    def _do(self, action: Action, sendings: Sequence[Sending]) -> list[Outcome]:
        match action.kind:
            case "per_record":
                return [self._one(action, one) for one in sendings]
            case "per_page":
                return self._page(action, sendings)
            case "first_page":
                return self._first(action, sendings)
            case _:
                size = action.batch_size
                chunks = (sendings[start : start + size] for start in range(0, len(sendings), size))
                return [outcome for chunk in chunks for outcome in self._bulk(action, chunk)]

    def _one(self, action: Action, sending: Sending) -> Outcome:
        self._tools.check_wanted()
        try:
            sql = self._tools.render(action.query or "", sending.data, escape=Escape.SQL)
            found = self._application.run(sql, self._tools)
        except TowpathError as error:
            return _failed(error)
        first: Mapping[str, Any] = found.rows[0] if found.rows else {}
        id = first.get("id")
        return Outcome(
            id=None if id is None else str(id), json={"rows": found.rows, "affected": found.affected}
        )

    def _page(self, action: Action, sendings: Sequence[Sending]) -> list[Outcome]:
        """One statement for all of them: they are written together, or fail together."""
        if not sendings:
            return []
        batch = [{"record": one.data} for one in sendings]
        try:
            first = sendings[0].data
            sql = self._tools.render(action.query or "", first, escape=Escape.SQL, batch_of_records=batch)
            found = self._application.run(sql, self._tools)
        except TowpathError as error:
            return [_failed(error)] * len(sendings)
        return [Outcome(json={"affected": found.affected})] * len(sendings)

    def _first(self, action: Action, sendings: Sequence[Sending]) -> list[Outcome]:
        """Done once in a run; what fails here fails the run."""
        done = self._tools.folder() / _DONE
        if sendings and not done.exists():
            sql = self._tools.render(action.query or "", sendings[0].data, escape=Escape.SQL)
            self._application.run(sql, self._tools)
            done.touch()
        return [Outcome()] * len(sendings)

    def _bulk(self, action: Action, sendings: Sequence[Sending]) -> list[Outcome]:
        """All at once, or if the database refuses that, one by one: then each has its own reason."""
        self._tools.check_wanted()
        records = [one.data if isinstance(one.data, Mapping) else {} for one in sendings]
        names = list(dict.fromkeys(name for record in records for name in record))
        if not names:
            return [_refused("A record without fields is no row.")] * len(sendings)
        sql = self._insert(action, names)
        rows = [bound([record.get(name) for name in names], self._dialect.bind) for record in records]
        try:
            self._application.run_many(sql, rows, self._tools)
        except TowpathError as error:
            alone = _failed(error)
            return [alone] if len(rows) == 1 else [self._row(sql, row) for row in rows]
        return [Outcome()] * len(rows)

    def _row(self, sql: str, row: Sequence[Any]) -> Outcome:
        self._tools.check_wanted()
        try:
            self._application.run_many(sql, [row], self._tools)
        except TowpathError as error:
            return _failed(error)
        return Outcome()

    def _insert(self, action: Action, names: Sequence[str]) -> str:
        mark = self._dialect.mark
        table = ".".join(quote(part, mark) for part in (action.table or "").split("."))
        columns = ", ".join(quote(name, mark) for name in names)
        values = ", ".join([self._dialect.placeholder] * len(names))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({values})"
        if action.kind == "bulk_insert":
            return sql
        return f"{sql} {self._dialect.upsert(names, action.primary_keys)}"


def _failed(error: TowpathError, source: str = "application") -> Outcome:
    return Outcome(status=422, errors=[replace(failure(error), source=source)])


def _refused(message: str) -> Outcome:
    return Outcome(status=422, errors=[Failure(code="record.empty", message=message)])
