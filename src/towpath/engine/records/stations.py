"""The steps that every record of a flow passes: a lookup or an import, and what of its answer is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from towpath.core.application import Failure, Outcome
from towpath.core.errors import AuthError, TowpathError
from towpath.core.pipelines import Processor
from towpath.core.steps import PageRead
from towpath.dataplane import shaping
from towpath.dataplane.paths import set_path
from towpath.dataplane.responses import compile_response_mapping
from towpath.engine.records import hooks
from towpath.engine.records.book import Book, Item
from towpath.engine.records.crew import Crew
from towpath.engine.records.exporting import ExportStep
from towpath.engine.records.families import Folded
from towpath.engine.records.functions import Functions, failures_of
from towpath.engine.records.importing import ImportStep, failed_children, is_down, response_outcome
from towpath.engine.records.refining import failures_at
from towpath.engine.records.shapes import STAGE_DONE, STAGE_MAP, STAGE_RESPONSE, STAGE_SUBMIT

_POST_SUBMIT = "post_submit_hook"


@dataclass
class Answer:
    """What a step answered for one record."""

    item: Item
    response: Any = None
    """For the response mapping: an object, or a list of them for the children of a family. None: there is
    nothing to map.
    """
    family: bool = False
    failures: Sequence[Failure] = ()
    """Why it failed; empty if it did not."""
    told: Sequence[Failure] = ()
    """Errors beside which it got through."""
    stage: str = STAGE_MAP
    more: Mapping[str, Any] | None = None
    skipped: bool = False
    """It was left out on purpose."""
    down: str | None = None
    """Why the connection does not work any more."""


class Station(ABC):
    """One processor of a flow."""

    def __init__(
        self, processor: Processor, connection: str, functions: Functions, path: str | None, *, many: bool
    ) -> None:
        self.step = processor.step
        self.connection = connection
        self._processor = processor
        self._functions = functions
        self._path = path
        self._many = many
        self._respond = compile_response_mapping(processor.response) if processor.response else None

    @abstractmethod
    def ask(self, items: Sequence[Item], page: str) -> list[Answer]:
        """What the step answers: one for each record, in their order."""

    def run(self, items: Sequence[Item], book: Book, page: str) -> list[Item]:
        """The records that go on to the next step, in their order."""
        if not items:
            return []
        answers = self.ask(items, page)
        for answer in answers:
            self._respond_to(answer)
        self._hook(answers)
        return [answer.item for answer in answers if self._settle(answer, book)]

    def _settle(self, answer: Answer, book: Book) -> bool:
        """Count it, tell its errors; whether it goes on."""
        item, step = answer.item, self.step
        # One that had gone on in spite of its failure does not go on a second time.
        proceeded = bool(item.detail.get("proceeded"))
        if answer.down is not None:
            book.down.setdefault(self.connection, (step, answer.down))
        if answer.told:
            book.fail(step, item, answer.told, STAGE_DONE)
        if answer.failures:
            proceeds = self._processor.proceed_on_failure
            more = dict(answer.more or {}) | ({"proceeded": True} if proceeds or proceeded else {})
            book.count(step, rejected=1)
            book.fail(step, _original(item), answer.failures, answer.stage, **more)
            answer.item = replace(item, at=step, how="rejected", stage=None, detail={})
            return proceeds and not proceeded
        book.count(step, filtered=int(answer.skipped), written=int(not answer.skipped))
        if not answer.skipped:
            book.passes(step, item)
        how = "filtered" if answer.skipped else "written"
        answer.item = replace(item, at=step, how=how, stage=None, detail={})
        return not proceeded

    def _respond_to(self, answer: Answer) -> None:
        if self._respond is None or answer.response is None or not self._goes_on(answer):
            return
        before = answer.item
        try:
            record = self._responded(before.record, answer)
        except TowpathError as error:
            self._break(answer, list(failures_at(error, "response_mapping", None)))
        else:
            answer.item = replace(before, record=record, detail={**before.detail, "came": before.record})

    def _responded(self, record: Any, answer: Answer) -> Any:
        assert self._respond is not None  # noqa: S101 - the caller has looked
        if not answer.family:
            return self._respond(record, answer.response)
        children = shaping.fan_out(record, self._path)
        mapped = [self._respond(one, said) for one, said in zip(children, answer.response, strict=False)]
        mapped += children[len(mapped) :]
        if not self._path:
            return mapped
        changed = deepcopy(record)
        set_path(changed, self._path, mapped)
        return changed

    def _hook(self, answers: Sequence[Answer]) -> None:
        hook = self._processor.hook
        going = [answer for answer in answers if self._goes_on(answer) and answer.response is not None]
        if hook is None or not going:
            return
        options = {
            "postResponseMapData": [answer.item.record for answer in going],
            "responseData": [answer.response for answer in going],
            "oneToMany": self._many,
            "pathToMany": self._path,
        }
        try:
            records = hooks.post_response_map(self._functions, hook, options, len(going))
        except TowpathError as error:
            for answer in going:
                self._break(answer, failures_of(error, "post_response_map_hook"))
            return
        for answer, record in zip(going, records, strict=True):
            before = answer.item
            came = before.detail.get("came", before.record)
            answer.item = replace(before, record=record, detail={**before.detail, "came": came})

    def _break(self, answer: Answer, failures: Sequence[Failure]) -> None:
        """The step has done its work; what follows on it has failed."""
        if answer.failures:  # it proceeds in spite of an earlier failure, which is the one to be mended
            answer.failures = [*answer.failures, *failures]
            return
        answer.failures = list(failures)
        answer.stage, answer.more = STAGE_RESPONSE, {"response": answer.response, "family": answer.family}

    def _goes_on(self, answer: Answer) -> bool:
        return not answer.failures or self._processor.proceed_on_failure


class LookupStation(Station):
    """Reads an export for each record."""

    def __init__(
        self,
        processor: Processor,
        connection: str,
        spec: PageRead,
        crew: Crew[ExportStep],
        functions: Functions,
    ) -> None:
        super().__init__(processor, connection, functions, spec.path_to_many, many=spec.one_to_many)
        self._crew = crew

    def ask(self, items: Sequence[Item], page: str) -> list[Answer]:
        return self._crew.each(items, self._ask)

    def _ask(self, step: ExportStep, item: Item) -> Answer:
        if item.stage == STAGE_RESPONSE:
            return _again(item)
        answer = Answer(item, family=self._many)
        try:
            if not self._many:
                answer.skipped = not step.takes(item.record)
                answer.response = None if answer.skipped else self._found(step, item.record, answer)
                return answer
            answer.response = [
                self._found(step, child, answer) if step.takes(child) else _nothing()
                for child in shaping.fan_out(item.record, self._path)
            ]
        except TowpathError as error:
            source = "connection" if isinstance(error, AuthError) else "lookup"
            answer.failures = list(failures_at(error, source, None))
            answer.response = {
                "data": [],
                "errors": [hooks.error_json(one) for one in answer.failures],
                "ignored": False,
                "statusCode": 422,
            }
            answer.family = False
            if isinstance(error, AuthError):
                answer.down = error.message
        return answer

    def _found(self, step: ExportStep, record: Any, answer: Answer) -> dict[str, Any]:
        data: list[Any] = []
        failures: list[Failure] = []
        for page in step.pages(record=record):
            data += page.records
            failures += page.failures
        answer.told = (*answer.told, *failures)
        errors = [hooks.error_json(one) for one in failures]
        return {"data": data, "errors": errors, "ignored": False, "statusCode": 200}


class ImportStation(Station):
    """Sends each record to an import."""

    def __init__(self, processor: Processor, connection: str, step: ImportStep, functions: Functions) -> None:
        spec = step.spec
        super().__init__(processor, connection, functions, spec.path_to_many, many=spec.one_to_many)
        self._import = step

    def ask(self, items: Sequence[Item], page: str) -> list[Answer]:
        self._import.turn(page)
        items = [self._known(item) for item in items]
        answers: dict[int, Answer] = {}
        numbered = list(enumerate(items))
        fresh = [one for one in numbered if one[1].stage in (None, STAGE_MAP)]
        sent = [one for one in numbered if one[1].stage == STAGE_SUBMIT]
        answers.update({number: _again(item) for number, item in numbered if item.stage == STAGE_RESPONSE})
        if fresh:
            some = [item for _, item in fresh]
            outcomes = self._import.write(
                [item.record for item in some], [item.detail.get("children") for item in some]
            )
            answers.update(self._answers(fresh, outcomes))
        if sent:
            earlier = [response_outcome(item.detail.get("response") or {}) for _, item in sent]
            outcomes = self._import.submitted([item.record for _, item in sent], earlier)
            answers.update(self._answers(sent, outcomes))
        return [answers[number] for number in range(len(items))]

    def _known(self, item: Item) -> Item:
        """The record under the trace key of this step, if it has one."""
        trace = self._import.label(item.record)[0] if self._import.spec.trace_key else None
        return replace(item, trace_key=trace) if trace else item

    def _answers(self, items: Sequence[tuple[int, Item]], outcomes: Sequence[Outcome]) -> dict[int, Answer]:
        return {
            number: self._answer(item, outcome)
            for (number, item), outcome in zip(items, outcomes, strict=True)
        }

    def _answer(self, item: Item, outcome: Outcome) -> Answer:
        answer = Answer(item, family=isinstance(outcome, Folded), skipped=outcome.ignored)
        answer.response = hooks.response_data(outcome)
        if isinstance(outcome, Folded):
            answer.response = [hooks.response_data(child) for _, child in outcome.children]
        if outcome.data_uri:
            answer.item = replace(item, data_uri=item.data_uri)
            answer.more = {"import_data_uri": outcome.data_uri}
        if not outcome.failed:
            answer.told = outcome.errors
            return answer
        answer.failures = outcome.errors or (Failure(code=str(outcome.status), message="It was refused."),)
        if is_down(outcome):
            answer.down = answer.failures[0].message
        if answer.failures[0].source == _POST_SUBMIT and not answer.family:
            answer.stage = STAGE_SUBMIT
            answer.more = {**(answer.more or {}), "response": answer.response}
        elif (children := failed_children(outcome)) is not None:
            answer.more = {**(answer.more or {}), "children": children}
        return answer


Stations = Callable[[Processor], Station]


def _original(item: Item) -> Item:
    """The record as it came to the step."""
    if "came" not in item.detail:
        return item
    return replace(item, record=item.detail["came"])


def _again(item: Item) -> Answer:
    """The answer that the step gave in an earlier run; None of it is left if only the way on was missing."""
    return Answer(item, response=item.detail.get("response"), family=bool(item.detail.get("family")))


def _nothing() -> dict[str, Any]:
    return {"data": [], "errors": [], "ignored": True, "statusCode": 200}
