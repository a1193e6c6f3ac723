"""When a schedule starts its flow next: pure arithmetic on times."""

from datetime import UTC, datetime, timedelta

from croniter import croniter

from towpath.core.flows import MINIMUM_INTERVAL, Cron, Every, Schedule


def first_due(schedule: Schedule, at: datetime, minimum_interval: float = MINIMUM_INTERVAL) -> datetime:
    """When a schedule that is set or switched on at ``at`` is due for the first time (UTC, after ``at``)."""
    return next_due(schedule, at, at, minimum_interval)


def next_due(
    schedule: Schedule,
    due: datetime,
    at: datetime,
    minimum_interval: float = MINIMUM_INTERVAL,
) -> datetime:
    """The first time after ``at`` that the schedule is due, given that it was due at ``due``; in UTC.

    Times between ``due`` and ``at`` were missed while nobody looked: they coalesce into the one start that
    the caller is making now. ``every`` counts on from ``due``, so that it does not drift.
    """
    if isinstance(schedule, Cron):
        return _after_cron(schedule, max(due, at))
    return _after_every(schedule, due, at, minimum_interval)


def _after_every(schedule: Every, due: datetime, at: datetime, minimum: float) -> datetime:
    step = timedelta(seconds=max(schedule.every, minimum))
    missed = max(0, (at - due) // step)
    return (due + (missed + 1) * step).astimezone(UTC)


def _after_cron(schedule: Cron, at: datetime) -> datetime:
    """Wall-clock times of the zone, as cron means them: a time that the clocks skip in spring is due when
    they have skipped it; one that comes twice in autumn is due the first time only, unless the hour is a
    wildcard: then the schedule is one of intervals, and follows real time.
    """
    times = croniter(schedule.cron, at.astimezone(schedule.zone))
    by_interval = schedule.cron.split()[1].startswith("*")
    while True:
        found: datetime = times.get_next(datetime)
        if by_interval or not found.astimezone(UTC).astimezone(schedule.zone).fold:
            return found.astimezone(UTC)
