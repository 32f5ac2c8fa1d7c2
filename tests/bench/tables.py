"""Markdown tables of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tests.bench.results import Row

__all__ = ["Column", "by_case", "markdown", "number", "of_rows"]

_NONE = "–"


def number(value: float) -> str:
    """Three digits that count, thousands apart."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}"
    digits = 0
    while value < 100 / 10**digits and digits < 3:
        digits += 1
    return f"{value:.{digits}f}"


class Column(NamedTuple):
    """A figure of each row, as a column.

    Attributes:
        head: what stands above it.
        figure: its name in the row.
        reference: the client whose figure in the same case it is told against, as a ratio.
        show: writes it.
    """

    head: str
    figure: str
    reference: str | None = None
    show: Callable[[float], str] = number


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are figures."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def of_rows(head: str, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """A table with a line a client; all rows are of one case."""
    return markdown([head, *(column.head for column in columns)], _lines(columns, rows))


def _lines(columns: Sequence[Column], rows: Sequence[Row]) -> Iterable[Sequence[str]]:
    for row in rows:
        if row.missing is not None:
            yield [row.client, f"not measured: {_plain(row.missing)}", *[""] * (len(columns) - 1)]
        else:
            yield [row.client, *(_cell(row, column, rows) for column in columns)]


def by_case(head: str, column: Column, rows: Sequence[Row]) -> str:
    """A table of one figure, with a line a client and a column a case."""
    cases, clients = _unique(row.case for row in rows), _unique(row.client for row in rows)
    found = {(row.client, row.case): row for row in rows}
    return markdown(
        [head, *cases],
        [
            [client, *(_case(found.get((client, case)), column, rows) for case in cases)]
            for client in clients
        ],
    )


def _case(row: Row | None, column: Column, rows: Sequence[Row]) -> str:
    if row is None:
        return _NONE
    if row.missing is not None:
        return f"not measured: {_plain(row.missing)}"
    return _cell(row, column, [other for other in rows if other.case == row.case])


def _cell(row: Row, column: Column, rows: Sequence[Row]) -> str:
    figure = row.figures.get(column.figure)
    if figure is None:
        return _NONE
    text = column.show(figure.median)
    if column.reference is None:
        return text
    reference = next(
        (
            other.figures[column.figure].median
            for other in rows
            if other.client == column.reference and column.figure in other.figures
        ),
        None,
    )
    if not reference:
        return text
    ratio = f"{number(figure.median / reference)}×"
    return f"{text} ({ratio})" if text else ratio


def _plain(text: str) -> str:
    """Text that is one cell, whatever is in it."""
    return " ".join(text.replace("|", "/").split())


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
