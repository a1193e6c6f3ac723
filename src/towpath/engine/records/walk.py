"""The way of records through the processors and routers of a flow."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from towpath.core.errors import ConfigError, TowpathError
from towpath.core.pipelines import Pipeline, Processor, Router
from towpath.dataplane.context import Context
from towpath.engine.records import hooks
from towpath.engine.records.book import Book, Item
from towpath.engine.records.functions import Functions, failures_of
from towpath.engine.records.languages import Passes, condition
from towpath.engine.records.shapes import STAGE_PAGE, STAGE_RESPONSE
from towpath.engine.records.stations import Station, Stations


@dataclass(frozen=True)
class _Fork:
    """A router, compiled."""

    router: Router
    conditions: tuple[Passes | None, ...]


@dataclass(frozen=True)
class _Chain:
    """Processors in a row, and the router that follows them."""

    stations: tuple[Station, ...]
    router: str | None


class Walk:
    """A flow's way, compiled. Raises `ConfigError` for routers that are missing, or lead in a circle."""

    def __init__(
        self, pipeline: Pipeline, stations: Stations, functions: Functions, words: Mapping[str, Any]
    ) -> None:
        self._functions = functions
        self._context = Context(words=words)
        self._stations: dict[int, Station] = {}
        self._make = stations
        self._forks = {router.id: self._fork(router) for router in pipeline.routers}
        self._chains = {
            (router.id, number): self._chain(branch.processors, branch.router)
            for router in pipeline.routers
            for number, branch in enumerate(router.branches)
        }
        first = pipeline.routers[0].id if pipeline.routers else None
        self._start = self._chain(pipeline.processors, first)
        self._generators = frozenset(generator.step for generator in pipeline.generators)
        if first is not None:
            _check_ways(self._forks, first)

    def begin(self, items: Sequence[Item], book: Book, page: str) -> None:
        """Send records as they leave a generator."""
        self._follow(self._start, 0, items, book, page)

    def enter(self, step: str, items: Sequence[Item], book: Book, page: str) -> None:
        """Send records again from a step on. Raises `ConfigError` if the flow does not have it any more."""
        for chain in (self._start, *self._chains.values()):
            for number, station in enumerate(chain.stations):
                if station.step == step:
                    self._follow(chain, number, items, book, page)
                    return
        raise ConfigError(
            "step.not_in_flow",
            f"The step {step} is not a part of the flow any more.",
            hint="Resolve its errors, or put the step back.",
            step=step,
        )

    def _follow(self, chain: _Chain, start: int, items: Sequence[Item], book: Book, page: str) -> None:
        for station in chain.stations[start:]:
            try:
                items = station.run(items, book, page)
            except TowpathError as error:
                raise error.with_context(step=station.step) from error
            if not items:
                return
        if chain.router is not None:
            self._route(self._forks[chain.router], items, book, page)

    def _route(self, fork: _Fork, items: Sequence[Item], book: Book, page: str) -> None:
        taken: list[list[Item]] = [[] for _ in fork.router.branches]
        for item in items:
            try:
                numbers = self._branches(fork, item.record)
            except TowpathError as error:
                self._lose(item, error, book)
                continue
            if not numbers:
                book.discarded[f"{fork.router.name or fork.router.id}: no branch"] += 1
            for copy, number in enumerate(numbers):
                taken[number].append(_copy(item, number) if copy else item)
        for number, branch in enumerate(fork.router.branches):
            chain = self._chains[fork.router.id, number]
            if not chain.stations and chain.router is None:
                name = f"{fork.router.name or fork.router.id}: {branch.name or number}"
                book.discarded[name] += len(taken[number])
            elif taken[number]:
                self._follow(chain, 0, taken[number], book, page)

    def _branches(self, fork: _Fork, record: Any) -> list[int]:
        router = fork.router
        if router.hook is not None:
            found = hooks.branches(self._functions, router.hook, record, len(router.branches))
        else:
            found = [n for n, passes in enumerate(fork.conditions) if passes is None or passes(record)]
        return found if router.all_branches else found[:1]

    def _lose(self, item: Item, error: TowpathError, book: Book) -> None:
        """Nobody can say where it goes: it stays at the step that it left last."""
        stage = STAGE_PAGE if item.at in self._generators else STAGE_RESPONSE
        book.lose(item, failures_of(error, "router"), stage)

    def _fork(self, router: Router) -> _Fork:
        return _Fork(
            router,
            tuple(
                condition(branch.filter, self._context, self._functions, "router")
                for branch in router.branches
            ),
        )

    def _chain(self, processors: Sequence[Processor], router: str | None) -> _Chain:
        return _Chain(tuple(self._make(processor) for processor in processors), router)


def _check_ways(forks: Mapping[str, _Fork], first: str) -> None:
    def follow(id: str, before: tuple[str, ...]) -> None:
        if id in before:
            raise _no_way(f"The routers lead in a circle: {' → '.join((*before, id))}.")
        if id not in forks:
            raise _no_way(f"There is no router {id!r}.")
        for branch in forks[id].router.branches:
            if branch.router is not None:
                follow(branch.router, (*before, id))

    follow(first, ())


def _no_way(message: str) -> ConfigError:
    return ConfigError(
        "flow.routers", message, hint="Let each branch end, or lead to a router further on.", field="routers"
    )


def _copy(item: Item, branch: int) -> Item:
    return replace(item, record=deepcopy(item.record), origin=f"{item.origin}.{branch}")
