"""What a finished run leaves behind: why it failed, and what became of each target."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from towpath.cli import output
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from towpath.core.records import RunStream
    from towpath.services.runs import RunDetail


def problems(detail: "RunDetail") -> None:
    """Every error of the run to stderr, those of streams under their names."""
    told = []
    for stream in detail.streams:
        if stream.error:
            output.say(f"{stream.stream}:")
            output.error(TowpathError.from_json(stream.error))
            told.append(stream.error)
    if detail.run.error and detail.run.error not in told:
        output.error(TowpathError.from_json(detail.run.error))


def unfinished(detail: "RunDetail") -> None:
    """What a run that did not succeed left in its targets, to stderr."""
    words = f"The run {detail.run.id} {'was cancelled' if detail.run.status == 'cancelled' else 'failed'}"
    fates = list(_fates(detail))
    if any(changed for _, changed in fates):
        output.say(f"{words}.")
        for said, _ in fates:
            output.say(f"  {said}")
    else:
        output.say(f"{words}; the target is as it was.")
    output.say(f"Its log: towpath logs {detail.run.id}")


def _fates(detail: "RunDetail") -> Iterator[tuple[str, bool]]:
    """A line for each stream, and whether its target has changed."""
    for stream in detail.streams:
        if stream.status == "committed":
            yield f"{stream.stream}: copied.", True
        elif _committed_in_part(stream):
            yield f"{stream.stream}: copied up to its last commit; the next run goes on there.", True
        else:
            yield f"{stream.stream}: its target is as it was.", False


def _committed_in_part(stream: "RunStream") -> bool:
    """Only an ordered stream commits piece by piece; its last commit is its state."""
    return stream.ordered and stream.state_after not in (None, stream.state_before)
