from hypothesis import given
from hypothesis import strategies as st

from towpath.api.partners import directory
from towpath.api.partners.directory import _numbered, timer_name

names = st.sets(st.text("abc", min_size=1, max_size=3), max_size=20)


@given(names, st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(1, 9999), max_size=5))
def test_numbers_are_unique_and_follow_from_the_names(found, known):
    known = dict(zip(known, range(1, 99), strict=False))
    numbers = _numbered(found, known)
    assert set(numbers) == found
    assert len(set(numbers.values())) == len(found)
    assert all(numbers[name] == known[name] for name in found & set(known))
    assert numbers == _numbered(sorted(found, reverse=True), known)
    assert all(0 < number < 2**31 for number in numbers.values())


def test_names_that_meet_are_told_apart_always_alike(monkeypatch):
    monkeypatch.setattr(directory, "_hashed", lambda _: directory._HIGHEST)
    numbers = _numbered({"c", "a", "b"}, {})
    assert numbers == {"a": directory._HIGHEST, "b": directory._LOWEST, "c": directory._LOWEST + 1}


def test_timers_are_called_by_their_largest_unit():
    seconds = (1, 2, 60, 90, 300, 600, 3600, 7200, 86_400, 604_800)
    assert [timer_name(number) for number in seconds] == [
        "Every second",
        "Every 2 seconds",
        "Every minute",
        "Every 90 seconds",
        "Every 5 minutes",
        "Every 10 minutes",
        "Every hour",
        "Every 2 hours",
        "Every day",
        "Every 7 days",
    ]
