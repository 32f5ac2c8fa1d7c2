"""The benchmark's own sums and words; nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench.answer import Answer, BadAnswerError
from tests.bench.clients import LOGTO, NODEMAILER, OURS, SMTP_SOURCE
from tests.bench.document import PAGES, rendered, shown
from tests.bench.mail import CODE, composed
from tests.bench.results import Figure, Machine, Results, Row, Section
from tests.bench.rounds import Job, NotMeasuredError, in_turns
from tests.bench.sections import SECTIONS
from tests.bench.stacks import shares
from tests.bench.tables import number
from tests.bench.task import CLIENT_NAME, SENDER, VARIABLE, Mail, Task, recipient

ROOT = Path(__file__).parent.parent
ANSWER: Mapping[str, Any] = {
    "messages": 1000,
    "seconds": 2.0,
    "cpu_seconds": 1.5,
    "warmup_messages": 10,
    "latencies_ms": {"first": 9.0, "p50": 0.5, "p99": 2.5},
    "rss_bytes": 30_000_000,
    "peak_rss_bytes": 40_000_000,
}


def row(client: str, case: str, rounds: int = 5, **figures: float) -> Row:
    made = {
        name: Figure(median=value, low=value * 0.9, high=value * 1.1)
        for name, value in figures.items()
    }
    return Row(client=client, case=case, figures=made, rounds=rounds)


def missing(client: str, case: str, reason: str) -> Row:
    return Row(client=client, case=case, figures={}, rounds=0, missing=reason)


def section(*rows: Row, quick: bool = False) -> Section:
    command = "python -m tests.bench --write"
    return Section(command=command, taken="2026-01-31", quick=quick, load=0.25, rows=list(rows))


def sending(client: str, case: str, rate: float, p50: float) -> Row:
    more: dict[str, Any] = {"p99_ms": p50 * 4, "cpu_us": 100.0, "server_busy": 0.375}
    return row(client, case, rate=rate, p50_ms=p50, **more)


THROUGHPUT = section(
    sending(OURS, "1", 4000.0, 0.25),
    sending(NODEMAILER, "1", 500.0, 2.0),
    sending(OURS, "5", 12345.6, 0.4),
    sending(NODEMAILER, "5", 1234.56, 4.0),
    missing(LOGTO, "5", "npm | is not\non this machine"),
    row(SMTP_SOURCE, "5", rate=20_000.0, cpu_us=40.0, server_busy=0.9),
)


@pytest.fixture
def results() -> Results:
    return Results(
        machine=Machine(
            cpu="A processor",
            cores=2,
            memory_bytes=8 << 30,
            system="Linux 6.1, Debian",
            versions={"Python": "3.11.7", "nodemailer": "10.0.0"},
        ),
        sections={
            "mail": section(row(OURS, "", octets=1638.0)),
            "throughput": THROUGHPUT,
            "tls": Section(
                command="", taken="2026-01-31", quick=False, load=0.0, rows=[], missing="no HAProxy"
            ),
            "roundtrips": section(
                row(OURS, "PIPELINING", warm=2.04, cold=5.0),
                row(NODEMAILER, "PIPELINING", warm=4.08, cold=5.0),
            ),
            "memory": section(
                row("Python alone", "10000", rest_mb=9.0),
                row(OURS, "10000", rest_mb=40.0, peak_mb=90.0),
                row(NODEMAILER, "10000", rest_mb=50.0, peak_mb=180.0),
            ),
            "startup": section(
                row("`import pluggy, pydantic`", "", ms=100.0),
                row("`import connector_core`", "", ms=50.0),
            ),
            "growth": section(
                row("templates", "4", configure_ms=1.0, send_us=80.0, cpu_us=70.0, rest_mb=40.0),
                row("templates", "1000", configure_ms=9.0, send_us=88.0, cpu_us=70.0, rest_mb=41.0),
                missing("connectors", "1", "it failed"),
            ),
            "profile": section(
                row("part", "composing", 1, share=0.25),
                row("function", "write(2) in the event loop", 1, share=0.125),
                quick=True,
            ),
        },
    )


def page(*names: str) -> str:
    blocks = (f"<!-- bench:{name} -->\nold\n<!-- /bench:{name} -->\n" for name in names)
    return "By hand, before.\n" + "By hand, between.\n".join(blocks) + "By hand, after.\n"


def test_the_pages_have_a_place_for_every_section(results: Results) -> None:
    performance, readme = (rendered((ROOT / name).read_text("utf-8"), results) for name in PAGES)
    for name in SECTIONS:
        assert f"<!-- bench:{name} -->" in performance
    assert "| connector-core, uvloop | 12,346 (10.0×) |" in performance
    assert "| connector-core, uvloop | 12,346 (10.0×) | 0.400 (0.100×) |" in readme


def test_what_is_written_by_hand_stays(results: Results) -> None:
    made = rendered(page("summary", "mail"), results)
    assert "old" not in made
    assert [line for line in made.splitlines() if "hand" in line] == [
        "By hand, before.",
        "By hand, between.",
        "By hand, after.",
    ]
    assert rendered(made, results) == made


@pytest.mark.parametrize("text", ["no blocks", page("mail", "nonsense")])
def test_a_page_without_known_blocks_is_refused(results: Results, text: str) -> None:
    with pytest.raises(ValueError, match="blocks"):
        rendered(text, results)


def test_sending_is_told_with_ratios_of_the_same_case(results: Results) -> None:
    assert shown(results, ["throughput"]).splitlines()[1:16] == [
        "### 1 connection",
        "",
        "| client | messages/s | p50, ms | p99, ms | CPU a message, µs | server busy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| connector-core, uvloop | 4,000 (8.00×) | 0.250 (0.125×) | 1.00 (0.125×)"
        " | 100 (1.00×) | 38% |",
        "| nodemailer, pooled | 500 (1.00×) | 2.00 (1.00×) | 8.00 (1.00×) | 100 (1.00×) | 38% |",
        "",
        "### 5 connections",
        "",
        "| client | messages/s | p50, ms | p99, ms | CPU a message, µs | server busy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| connector-core, uvloop | 12,346 (10.0×) | 0.400 (0.100×) | 1.60 (0.100×)"
        " | 100 (1.00×) | 38% |",
        "| nodemailer, pooled | 1,235 (1.00×) | 4.00 (1.00×) | 16.0 (1.00×) | 100 (1.00×) | 38% |",
        "| Logto's connector | not measured: npm / is not on this machine |  |  |  |  |",
        "| smtp-source (C) | 20,000 (16.2×) | – | – | 40.0 (0.400×) | 90% |",
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mail", "| connector-core, uvloop | 1,638 |"),
        ("tls", "Not measured: no HAProxy."),
        ("roundtrips", "| connector-core, uvloop | 2.0 (0.500×) |"),
        ("composing", "Not measured yet."),
        ("memory", "| Python alone | 9.00 (0.180×) | – |"),
        ("memory", "| process | after one message, MB | at most, with 10,000 in flight, MB |"),
        ("memory", "| connector-core, uvloop | 40.0 (0.800×) | 90.0 (0.500×) |"),
        ("startup", "| `import connector_core` | 50.0 | 0.500× |  |"),
        ("growth", "| 1,000 | 9.00 | 88.0 (1.10×) | 70.0 | 41.0 |"),
        ("growth", "| 1 | not measured: it failed |  |  |  |"),
        ("profile", "| composing | 25.0% |"),
        ("profile", "| write(2) in the event loop | 12.5% |"),
    ],
)
def test_each_section_has_its_table(results: Results, name: str, line: str) -> None:
    assert line in shown(results, [name]).splitlines()


def test_how_figures_came_about_stands_below_them(results: Results) -> None:
    [said] = [line for line in shown(results, ["throughput"]).splitlines() if "<sub>" in line]
    assert "2026-01-31; medians of 5 rounds, which lie 20% apart" in said
    assert "load average 0.2" in said
    assert "not to be quoted" not in said
    assert "not to be quoted" in shown(results, ["profile"])


def test_the_readme_shows_no_figures_of_a_quick_look(results: Results) -> None:
    quick = THROUGHPUT.model_copy(update={"quick": True})
    results.sections["throughput"] = quick
    made = rendered(page("summary"), results)
    assert "Not measured for the record yet." in made
    assert "12,346" not in made


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert Results.read(file) is None
    results.write(file)
    assert Results.read(file) == results


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0675, "0.068"), (4.2, "4.20"), (42.0, "42.0"), (1234.5, "1,234")],
)
def test_numbers_show_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_an_answer_is_found_among_what_a_peer_prints() -> None:
    answer = Answer.of(f"sampling\n{json.dumps(ANSWER)}\nwritten\n")
    assert answer.messages == 1000
    assert answer.latencies_ms is not None
    assert answer.latencies_ms.p99 == 2.5
    less = {key: ANSWER[key] for key in ("messages", "seconds", "cpu_seconds", "warmup_messages")}
    assert Answer.of(json.dumps(less)).latencies_ms is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"messages": 0}, r"\$\.messages"),
        ({"messages": 1.5}, r"\$\.messages"),
        ({"messages": "1000"}, r"\$\.messages"),
        ({"seconds": -1.0}, r"\$\.seconds"),
        ({"seconds": float("nan")}, r"\$\.seconds"),
        ({"cpu_seconds": None}, r"\$\.cpu_seconds"),
        ({"warmup_messages": -1}, r"\$\.warmup_messages"),
        ({"latencies_ms": {"first": 1.0, "p50": 3.0, "p99": 2.0}}, "p50 is above p99"),
        ({"latencies_ms": {"p50": 1.0, "p99": 2.0}}, r"\$\.latencies_ms\.first"),
        ({"rate": 500.0}, r"\$\.rate"),
    ],
)
def test_a_broken_answer_is_refused_by_its_field(change: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(BadAnswerError, match=problem):
        Answer.of(json.dumps({**ANSWER, **change}))


@pytest.mark.parametrize("name", ["messages", "seconds", "cpu_seconds", "warmup_messages"])
def test_an_answer_lacks_nothing(name: str) -> None:
    lacking = {key: value for key, value in ANSWER.items() if key != name}
    with pytest.raises(BadAnswerError, match=rf"\$\.{name}"):
        Answer.of(json.dumps(lacking))


@pytest.mark.parametrize(
    "output", ["", "not JSON", "[1]", '{"messages": 1', f"{json.dumps(ANSWER)}\n" * 2]
)
def test_one_line_of_json_is_an_answer_and_nothing_else(output: str) -> None:
    with pytest.raises(BadAnswerError):
        Answer.of(output)


def test_a_task_arrives_as_it_was_sent() -> None:
    task = Task(mail=Mail("é", "{{code}}"), port=25, seconds=1.5, options={"host": "Host"})
    assert Task.from_json(task.to_json()) == task
    with pytest.raises(ValueError, match="seconds, messages"):
        Task(mail=CODE)


def test_node_peers_are_told_the_same_as_the_others() -> None:
    common = (ROOT / "tests/bench/peers/common.cjs").read_text("utf-8")
    for constant in (SENDER, CLIENT_NAME, VARIABLE):
        assert f'"{constant}"' in common
    assert f"`{recipient('${code}')}`" in common


def test_every_mail_has_one_place_for_the_code() -> None:
    assert len(composed()) == 4
    for mail in (CODE, *composed().values()):
        assert mail.content.count(VARIABLE) == 1
        assert VARIABLE not in mail.filled("123456")


def test_jobs_take_turns_and_medians_are_kept() -> None:
    asked: list[str] = []

    def job(name: str, *values: float) -> Job:
        left = iter(values)

        def measure() -> Mapping[str, float]:
            asked.append(name)
            return {"rate": next(left)}

        return Job(name, "5", measure)

    one, other = in_turns([job("one", 3, 1, 2), job("other", 9, 9, 9)], 3, lambda _: None)
    assert asked == ["one", "other"] * 3
    assert one.figures == {"rate": Figure(median=2, low=1, high=3)}
    assert (one.client, one.case, one.rounds, one.missing) == ("one", "5", 3, None)
    assert other.figures["rate"].median == 9


def test_what_cannot_be_measured_is_asked_once_and_keeps_the_reason() -> None:
    asked = []

    def measure() -> Mapping[str, float]:
        asked.append(1)
        raise NotMeasuredError("it is not there")

    said: list[str] = []
    rows = in_turns([Job("one", "5", measure)], 3, said.append)
    assert [(row.figures, row.rounds, row.missing) for row in rows] == [({}, 0, "it is not there")]
    assert len(asked) == len(said) == 1


def _stack(*frames: str) -> str:
    return ";".join(("Runner.run (/x/lib/python3.11/asyncio/runners.py:118)", *frames))


@pytest.mark.parametrize(
    ("frames", "part", "function"),
    [
        (
            ["Wire.write (/src/connectors/smtp/wire.py:186)", "write (libc.so.6)"],
            "writing (kernel)",
            "write(2) in `Wire.write` (connectors/smtp/wire.py)",
        ),
        (
            ["epoll_wait (libc.so.6)"],
            "asking for events (kernel)",
            "epoll_wait(2) in the event loop",
        ),
        (["uv_run (core.c:452)"], "event loop", "the event loop"),
        (
            [
                "Composer.compose (/src/connectors/smtp/compose/message.py:9)",
                "formatdate (/x/lib/python3.11/email/utils.py:3)",
            ],
            "composing",
            "`formatdate` (email/utils.py)",
        ),
        (["Pool.send (/src/connectors/smtp/pool.py:9)"], "pool", None),
        (["Guard.deliver (/src/connector_core/guard.py:80)"], "host", None),
        (["Session.send (/src/connectors/smtp/session.py:1)"], "session and protocol", None),
    ],
)
def test_a_sampled_stack_counts_for_what_it_was_busy_with(
    frames: list[str], part: str, function: str | None
) -> None:
    found = shares([f"{_stack(*frames)} 7"], "/src")
    assert found.parts == {part: 7}
    assert found.samples == 7
    if function:
        assert found.functions == {function: 7}


def test_what_is_imported_or_configured_first_is_no_part_of_sending() -> None:
    importing = _stack("_find_and_load (<frozen importlib._bootstrap>:1)")
    configuring = _stack("AsyncHost.configure (/src/connector_core/host.py:1)")
    starting = "<module> (/src/tests/bench/peers/ours.py:88)"
    assert shares([f"{line} 3" for line in (importing, configuring, starting)], "/src").samples == 0
