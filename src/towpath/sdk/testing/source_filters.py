"""What every source must do with row filters: push them down, and judge as SQL does."""

from typing import Any

import pytest

from towpath.core.filters import AnyOf, Clause, Condition, Operator
from towpath.core.model import Selection
from towpath.sdk.testing.source_harness import EVENTS, SourceHarness, event

_A = Condition("kind", Operator.EQ, "a")
_B = Condition("kind", Operator.LIKE, "b%")
_NOT_A = Condition("kind", Operator.NE, "a")
_NO_KIND = Condition("kind", Operator.IS_NULL)
_FIRST = Condition("id", Operator.EQ, 1)
_LAST = Condition("id", Operator.EQ, 5)
_DEAR = Condition("amount", Operator.GE, "2.25")
_LATE = Condition("at", Operator.GE, "2024-01-03 00:00:00")


class FilterContract(SourceHarness):
    """Part of the `SourceContract`."""

    @pytest.mark.parametrize(
        ("condition", "ids"),
        [
            (Condition("id", Operator.EQ, 2), [2]),
            (Condition("id", Operator.NE, 2), [1, 3, 4, 5]),
            (Condition("id", Operator.LT, 2), [1]),
            (Condition("id", Operator.LE, 2), [1, 2]),
            (Condition("id", Operator.GT, 4), [5]),
            (Condition("id", Operator.GE, 4), [4, 5]),
            (Condition("id", Operator.IN, [1, 5, 77]), [1, 5]),
            (Condition("kind", Operator.EQ, "a"), [1, 3]),
            (Condition("kind", Operator.LIKE, "a%"), [1, 3]),
            (Condition("kind", Operator.IS_NULL), [4]),
            (Condition("kind", Operator.NOT_NULL), [1, 2, 3, 5]),
            (Condition("kind", Operator.EQ, "a' or '1'='1"), []),
            (Condition("amount", Operator.GE, "2.25"), [2, 5]),
            (Condition("at", Operator.GE, "2024-01-03 00:00:00"), [4, 5]),
        ],
        ids=lambda value: str(value.operator) + str(value.value) if isinstance(value, Condition) else "",
    )
    def test_row_filters(self, config: Any, condition: Condition, ids: list[int]) -> None:
        rows, _ = self.read(config, Selection(self.loaded(config), where=(condition,)))
        assert sorted(row["id"] for row in rows) == ids

    def test_all_conditions_must_hold(self, config: Any) -> None:
        where = (Condition("id", Operator.GT, 1), Condition("kind", Operator.EQ, "a"))
        rows, _ = self.read(config, Selection(self.loaded(config), where=where, columns=("kind", "id")))
        assert [row["id"] for row in rows] == [3]

    def test_a_filter_may_use_a_column_that_is_not_selected(self, config: Any) -> None:
        where = (Condition("id", Operator.EQ, 5),)
        rows, _ = self.read(config, Selection(self.loaded(config), where=where, columns=("kind",)))
        assert rows == [{"kind": "c"}]

    @pytest.mark.parametrize(
        ("where", "ids"),
        [
            ((AnyOf((_FIRST, _LAST)),), [1, 5]),
            ((AnyOf((_FIRST,)),), [1]),
            ((AnyOf((_A, _NO_KIND)),), [1, 3, 4]),
            ((AnyOf((_NOT_A, _DEAR)),), [2, 5]),
            ((AnyOf((_NOT_A, _LATE)),), [2, 4, 5]),
            ((AnyOf((Condition("id", Operator.IN, []), _LAST)),), [5]),
            (
                (AnyOf((_B, Condition("id", Operator.IN, [3, 4]))),),
                [2, 3, 4],
            ),
            ((AnyOf((_FIRST, _LATE)), _DEAR), [5]),
            ((_LATE, AnyOf((_DEAR, _NO_KIND)), AnyOf((_FIRST, _NO_KIND))), [4]),
            ((AnyOf((_FIRST, _LAST)), AnyOf((_A, _NO_KIND))), [1]),
        ],
        ids=str,
    )
    def test_one_of_several_conditions_is_enough(
        self, config: Any, where: tuple[Clause, ...], ids: list[int]
    ) -> None:
        """What is neither true nor false, a comparison with null, does not spoil what is true."""
        rows, _ = self.read(config, Selection(self.loaded(config), where=where))
        assert sorted(row["id"] for row in rows) == ids

    def test_alternatives_may_use_columns_that_are_not_selected(self, config: Any) -> None:
        where = (AnyOf((Condition("id", Operator.EQ, 5), _NO_KIND)),)
        rows, _ = self.read(config, Selection(self.loaded(config), where=where, columns=("amount",)))
        self.assert_same(rows, EVENTS.slice(3).select(["amount"]))

    def test_alternatives_may_be_many(self, config: Any) -> None:
        where = (AnyOf(tuple(Condition("id", Operator.EQ, number) for number in range(2, 3_000))),)
        rows, _ = self.read(config, Selection(self.loaded(config), where=where))
        assert sorted(row["id"] for row in rows) == [2, 3, 4, 5]

    def test_alternatives_hold_for_what_follows_a_cursor(self, config: Any) -> None:
        self.needs_cursor()
        selection = self.by_cursor(self.loaded(config), where=(AnyOf((_A, _LAST)),))
        rows, state = self.read(config, selection)
        assert sorted(row["id"] for row in rows) == [1, 3, 5]
        self.add(config, "events", event(6, 3, "a"))
        self.add(config, "events", event(7, 4, "b"))
        rows, state = self.read(config, selection, state)
        self.assert_same(rows, event(6, 3, "a"))
