"""Whatever moment a run dies at: no record is lost, and each is counted once."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from support.lab import Lab, laboratory
from towpath.core.pipelines import Branch, Generator, Pipeline, Processor, Router

FATES = ("ok", "left out", "unknown", "refused", "ignored", "second", "lost", "nowhere")


def is_not(field: str, value: str) -> dict[str, object]:
    return {"version": "1", "rules": ["notequals", ["extract", field], value]}


def is_(field: str, value: str) -> dict[str, object]:
    return {"version": "1", "rules": ["equals", ["extract", field], value]}


PIPELINE = Pipeline(
    generators=(Generator(step="left"), Generator(step="right")),
    routers=(
        Router(
            id="main",
            branches=(
                Branch(name="bin", filter=is_("fate", "lost")),
                Branch(
                    name="all",
                    filter=is_not("fate", "nowhere"),
                    processors=(
                        Processor(
                            step="who",
                            kind="lookup",
                            response={"fields": [{"extract": "data[0].name", "generate": "name"}]},
                        ),
                        Processor(
                            step="first",
                            kind="import",
                            response={"fields": [{"extract": "id", "generate": "written"}]},
                        ),
                    ),
                    router="rest",
                ),
            ),
        ),
        Router(
            id="rest",
            all_branches=True,
            branches=(
                Branch(processors=(Processor(step="second", kind="import"),)),
                Branch(name="audit", processors=(Processor(step="third", kind="import"),)),
            ),
        ),
    ),
)


def record(number: int, fate: str) -> dict[str, object]:
    made: dict[str, object] = {"id": number, "fate": fate, "who": "broken" if fate == "unknown" else "1"}
    return made | {"refused": {"refuse": True}, "ignored": {"ignore": True}}.get(fate, {})


def built(lab: Lab, left: Sequence[str], right: Sequence[str], size: int, *, held: bool) -> Lab:
    lab.fill("left", [record(number, fate) for number, fate in enumerate(left)])
    lab.fill("right", [record(1000 + number, fate) for number, fate in enumerate(right)])
    lab.fill("people", [{"id": 1, "name": "Ada"}])
    for name in ("left", "right"):
        lab.export(name, page_size=size, trace_key="{{id}}", filter=is_not("fate", "left out"))
    lab.export("who", {"name": "people", "match": ["id", "{{who}}"]}, lookup=True)
    lab.import_("first")
    lab.import_("second", {"name": "second", "held": held}, filter=is_not("fate", "second"))
    lab.import_("third")
    return lab


@settings(max_examples=60, deadline=None)
@given(
    left=st.lists(st.sampled_from(FATES), max_size=9),
    right=st.lists(st.sampled_from(FATES), max_size=5),
    size=st.integers(1, 4),
    together=st.booleans(),
    held=st.booleans(),
    kills=st.lists(st.integers(0, 60), max_size=8),
)
def test_nothing_is_lost_and_the_sums_hold(
    left: list[str], right: list[str], size: int, together: bool, held: bool, kills: list[int]
) -> None:
    with laboratory(PIPELINE.model_copy(update={"parallel_generators": together})) as lab:
        built(lab, left, right, size, held=held)
        result = lab.run(kills)
        fates = [*left, *right]
        numbers = {*range(len(left)), *range(1000, 1000 + len(right))}
        by_number = dict(zip(sorted(numbers), fates, strict=True))

        def those(*chosen: str) -> set[int]:
            return {number for number, fate in by_number.items() if fate in chosen}

        assert all(counters.balanced for counters in lab.counters.values())

        def counted(step: str) -> tuple[int, int, int]:
            counters = lab.counters.get(step)
            return (counters.written, counters.filtered, counters.rejected) if counters else (0, 0, 0)

        for step, its in (("left", left), ("right", right)):
            assert counted(step) == (len(its) - its.count("left out"), its.count("left out"), 0)
        assert result["discarded"].get("main: bin", 0) == len(those("lost"))
        assert result["discarded"].get("main: no branch", 0) == len(those("nowhere"))
        asked = those("ok", "unknown", "refused", "ignored", "second")
        unknown, refused, ignored, second = map(those, ("unknown", "refused", "ignored", "second"))
        assert counted("who") == (len(asked - unknown), 0, len(unknown))
        left_over = asked - unknown
        assert counted("first") == (len(left_over - refused - ignored), len(ignored), len(refused))
        left_over -= refused
        # The memory refuses and ignores what says so wherever it comes.
        assert counted("second") == (len(left_over - second - ignored), len(second | ignored), 0)
        assert counted("third") == (len(left_over - ignored), len(ignored), 0)
        assert {one["id"] for one in lab.sink("first")} == left_over - ignored
        assert {one["id"] for one in lab.sink("second")} == left_over - second - ignored
        assert all(one["name"] == "Ada" and one["written"] for one in lab.sink("third"))
        if held:  # it was published as a whole, without anything twice
            assert len(lab.sink("second")) == len(left_over - second - ignored)
        failed = sorted((stream, error["record"]["id"]) for (stream, _), error in lab.errors.items())
        assert failed == sorted([("who", id) for id in unknown] + [("first", id) for id in refused])

        # All that failed is mended, and sent again.
        again = lab.kept()
        for error in again:
            error["record"] = {**error["record"], "who": "1", "refuse": False}
        before = lab.counters
        lab.forget()
        lab.run(kills, again)
        assert lab.sent == {error["id"] for error in again}
        assert lab.errors == {}
        assert {one["id"] for one in lab.sink("third")} == asked - ignored
        totals = lab.counters.get("first", before.get("first"))
        assert totals is None or totals.balanced
