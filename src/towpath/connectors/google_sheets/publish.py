"""What one batch of changes must hold to publish staged tabs, all at once or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from towpath.connectors.google_sheets import names, requests
from towpath.connectors.google_sheets.spreadsheet import Request, Spreadsheet, Tab
from towpath.sdk import IntegrityError, Receipt, Target

_WINDOW = 1000


def replacing(target: Target, tab: Tab | None, staged: Sequence[tuple[Receipt, Tab]]) -> Iterator[Request]:
    """The target holds the staged rows and nothing else. The tab itself stays, with charts and formats."""
    fields = target.schema.names
    rows, columns = 1 + sum(receipt.rows for receipt, _ in staged), max(len(fields), 1)
    id = tab.id if tab else names.fresh_id()
    # One row more than the header, for a tab whose first row is frozen must have another.
    size = (max(rows, 2), columns)
    if tab is None:
        yield requests.add_tab(id, target.name, *size)
    else:
        yield requests.clear(id)
        yield requests.resize(id, *size)
    yield requests.put(id, 0, 0, fields)
    yield from _filled(id, 1, staged, range(len(fields)))


def adding(
    spreadsheet: Spreadsheet, target: Target, tab: Tab | None, staged: Sequence[tuple[Receipt, Tab]]
) -> Iterator[Request]:
    """The staged rows come after what is there; new columns come to the right of it. # Invariant 10"""
    if tab is None:
        yield from replacing(target, None, staged)
        return
    header = [str(cell) for cell in next(iter(spreadsheet.read(tab, 1, 1)), [])]
    new = [name for name in target.schema.names if name not in header]
    known = {name: place for place, name in reversed(list(enumerate([*header, *new])))}
    last = max(_last_row(spreadsheet, tab), 1)
    rows = last + sum(receipt.rows for receipt, _ in staged)
    yield requests.resize(tab.id, max(rows, 2), max(tab.columns, len(header) + len(new)))
    if new:
        yield requests.put(tab.id, 0, len(header), new)
    yield from _filled(tab.id, last, staged, [known[name] for name in target.schema.names])


def _filled(
    id: int, row: int, staged: Sequence[tuple[Receipt, Tab]], places: Sequence[int]
) -> Iterator[Request]:
    """The staged rows from the row on; ``places`` has the target's column for each staged one."""
    for receipt, tab in staged:
        for columns in _neighbours(places):
            yield requests.copy(tab.id, id, receipt.rows, row, columns, places[columns.start])
        yield requests.delete_tab(tab.id)
        row += receipt.rows


def _neighbours(places: Sequence[int]) -> Iterator[range]:
    """Ranges of staged columns that stand side by side in the target too."""
    breaks = [at + 1 for at, (one, next_) in enumerate(pairwise(places)) if next_ != one + 1]
    for start, end in pairwise([0, *breaks, len(places)]):
        if end > start:
            yield range(start, end)


def _last_row(spreadsheet: Spreadsheet, tab: Tab) -> int:
    """How many rows there are up to the last that is not empty: looked for from the end."""
    end, window = tab.rows, _WINDOW
    while end > 0:
        first = max(end - window, 0) + 1
        found = spreadsheet.read(tab, first, end)
        filled = [place for place, row in enumerate(found) if any(cell != "" for cell in row)]
        if filled:
            return first + filled[-1]
        end, window = first - 1, window * 2
    return 0


def staged_tabs(receipts: Sequence[Receipt], tabs: Mapping[str, Tab]) -> list[tuple[Receipt, Tab]]:
    """The tabs that the receipts name, in the order of slices; receipts of no rows have none.

    Raises `IntegrityError` ``staging.lost`` if one is gone.
    """
    by_id = {tab.id: tab for tab in tabs.values()}
    found = list[tuple[Receipt, Tab]]()
    for receipt in sorted(receipts, key=lambda receipt: receipt.slice):
        if not receipt.rows:
            continue
        tab = by_id.get(receipt.detail["tab"])
        if tab is None:
            raise IntegrityError(
                "staging.lost",
                f"The hidden tab with the staged records of slice {receipt.slice} is gone.",
                hint="Somebody deleted it. Run the flow again.",
            )
        found.append((receipt, tab))
    return found
