"""The documents that figures stand in: what is between two markers is made here.

    <!-- bench:NAME -->
    …
    <!-- /bench:NAME -->

All else in a page is written by hand and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from tests.bench.clients import (
    AIOSMTPLIB,
    LOGTO,
    MAIL_COMPOSER,
    NODEMAILER,
    OURS,
    OURS_HOST,
    OURS_WITH_TEXT,
    SMTPLIB,
)
from tests.bench.results import Results, Row, Section
from tests.bench.tables import Column, by_case, markdown, of_rows

__all__ = ["PAGES", "rendered", "shown"]

PAGES = ("docs/performance.md", "README.md")
_BLOCK = re.compile(
    r"(?P<begin><!-- bench:(?P<name>[a-z]+) -->\n).*?(?P<end><!-- /bench:(?P=name) -->)",
    re.DOTALL,
)
_SUMMARY_CASE = "5"  # connections
_SUMMARY = (OURS, OURS_WITH_TEXT, OURS_HOST, NODEMAILER, LOGTO, AIOSMTPLIB, SMTPLIB)
_RATE = Column("messages/s", "rate", NODEMAILER)
_P50 = Column("p50, ms", "p50_ms", NODEMAILER)
_SENDING = (
    _RATE,
    _P50,
    Column("p99, ms", "p99_ms", NODEMAILER),
    Column("CPU a message, µs", "cpu_us", NODEMAILER),
    Column("server busy", "server_busy", show="{:.0%}".format),
)


def rendered(page: str, results: Results) -> str:
    """The page with its blocks made anew.

    Raises:
        ValueError: it has no blocks, or one that nobody knows.
    """
    names = {found["name"] for found in _BLOCK.finditer(page)}
    if not names or not names <= set(_BLOCKS):
        raise ValueError(f"of blocks that are known, {sorted(_BLOCKS)}, it has {sorted(names)}")
    return _BLOCK.sub(
        lambda found: f"{found['begin']}{_BLOCKS[found['name']](results)}\n{found['end']}", page
    )


def shown(results: Results, sections: Collection[str]) -> str:
    """What was found in these sections, for a terminal."""
    return "\n\n".join(f"== {name}\n{_BLOCKS[name](results)}" for name in sections)


def _of_section(name: str, write: Callable[[Section], str], results: Results) -> str:
    """A section's tables, and how they came about."""
    section = results.sections.get(name)
    if section is None:
        return "Not measured yet."
    if section.missing is not None:
        return f"Not measured: {section.missing}."
    return f"{write(section)}\n\n{_how(section)}"


def _how(section: Section) -> str:
    rounds = max(row.rounds for row in section.rows)
    said = [section.taken, "one round"]
    if rounds > 1:
        apart = f"which lie {_spread(section):.0%} apart in the middle row"
        said[1] = f"medians of {rounds} rounds, {apart}"
    said.append(f"load average {section.load:.1f} when it began")
    if section.quick:
        said.append("**a quick look only: these figures are not to be quoted**")
    return f"<sub>{'; '.join(said)}.</sub>"


def _spread(section: Section) -> float:
    """How far rounds lie apart, for the median row of all that were measured."""
    spreads = sorted(
        (figure.high - figure.low) / figure.median
        for row in section.rows
        for figure in [next(iter(row.figures.values()), None)]
        if figure is not None and figure.median
    )
    return spreads[len(spreads) // 2] if spreads else 0.0


def _machine(results: Results) -> str:
    machine = results.machine
    commands = dict.fromkeys(section.command for section in results.sections.values())
    versions = ", ".join(f"{name} {found}" for name, found in machine.versions.items())
    return "\n".join(
        [
            f"- Machine: {machine.cpu}, {machine.cores} cores, "
            f"{machine.memory_bytes / 2**30:.0f} GiB; {machine.system}",
            f"- Versions: {versions}",
            f"- Commands: {', '.join(f'`{command}`' for command in commands)}",
        ]
    )


def _mail(section: Section) -> str:
    return of_rows("client", [Column("octets of one mail", "octets")], section.rows)


def _throughput(section: Section) -> str:
    return "\n\n".join(
        f"### {case} connection{'' if case == '1' else 's'}\n\n"
        + of_rows("client", _SENDING, [row for row in section.rows if row.case == case])
        for case in dict.fromkeys(row.case for row in section.rows)
    )


def _tls(section: Section) -> str:
    return of_rows("client", _SENDING, section.rows)


def _roundtrips(section: Section) -> str:
    show = "{:.1f}".format
    return "\n\n".join(
        by_case(head, Column("", figure, NODEMAILER, show), section.rows)
        for head, figure in (
            ("a message on a kept connection", "warm"),
            ("the first message, with the connection", "cold"),
        )
    )


def _composing(section: Section) -> str:
    return by_case("µs a message", Column("", "us", MAIL_COMPOSER), section.rows)


def _memory(section: Section) -> str:
    many = int(section.rows[0].case)
    columns = [
        Column("after one message, MB", "rest_mb", NODEMAILER),
        Column(f"at most, with {many:,} in flight, MB", "peak_mb", NODEMAILER),
    ]
    return of_rows("process", columns, section.rows)


def _startup(section: Section) -> str:
    columns = [
        Column("ms", "ms"),
        Column("against `import pluggy, pydantic`", "ms", "`import pluggy, pydantic`", _nothing),
        Column("against `require('nodemailer')`", "ms", "`require('nodemailer')`", _nothing),
    ]
    return of_rows("program", columns, section.rows)


def _nothing(_value: float) -> str:
    return ""


def _growth(section: Section) -> str:
    return "\n\n".join(
        _growing(head, [row for row in section.rows if row.client == kind])
        for kind, head in (
            ("templates", "templates in the config"),
            ("connectors", "connectors in the host"),
        )
    )


def _growing(head: str, rows: Sequence[Row]) -> str:
    """A line a number; sending is also told against that with the fewest."""
    numbered = [row.model_copy(update={"client": f"{int(row.case):,}"}) for row in rows]
    columns = [
        Column("configuring, ms", "configure_ms"),
        Column("p50 of a send, µs", "send_us", numbered[0].client),
        Column("CPU a message, µs", "cpu_us"),
        Column("memory, MB", "rest_mb"),
    ]
    return of_rows(head, columns, numbered)


def _profile(section: Section) -> str:
    return "\n\n".join(
        markdown(
            [head, "share"],
            [
                [row.case, f"{row.figures['share'].median:.1%}"]
                for row in section.rows
                if row.client == kind
            ],
        )
        for kind, head in (("part", "part"), ("function", "function, without what it calls"))
    )


def _summary(results: Results) -> str:
    """The README's; it shows no figures of a quick look."""
    section = results.sections.get("throughput")
    if section is None or section.quick:
        return "Not measured for the record yet."
    return _of_section("throughput", _five_connections, results)


def _five_connections(section: Section) -> str:
    rows = [row for row in section.rows if row.case == _SUMMARY_CASE and row.client in _SUMMARY]
    return of_rows("the same mail over 5 connections", [_RATE, _P50], rows)


_BLOCKS: Mapping[str, Callable[[Results], str]] = {
    "machine": _machine,
    "summary": _summary,
    **{
        name: partial(_of_section, name, write)
        for name, write in (
            ("mail", _mail),
            ("throughput", _throughput),
            ("tls", _tls),
            ("roundtrips", _roundtrips),
            ("composing", _composing),
            ("memory", _memory),
            ("startup", _startup),
            ("growth", _growth),
            ("profile", _profile),
        )
    },
}
