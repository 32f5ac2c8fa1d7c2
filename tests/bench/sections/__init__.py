"""The parts of the benchmark: each a function that measures and returns its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.bench.bench import Bench
from tests.bench.results import Row
from tests.bench.sections.composing import composing
from tests.bench.sections.growth import growth
from tests.bench.sections.memory import memory
from tests.bench.sections.profiling import profiling
from tests.bench.sections.roundtrips import roundtrips
from tests.bench.sections.sameness import sameness
from tests.bench.sections.sending import throughput, tls
from tests.bench.sections.startup import startup

__all__ = ["SECTIONS"]

# in the order in which they are measured
SECTIONS: Mapping[str, Callable[[Bench], list[Row]]] = {
    "mail": sameness,
    "throughput": throughput,
    "tls": tls,
    "roundtrips": roundtrips,
    "composing": composing,
    "memory": memory,
    "startup": startup,
    "growth": growth,
    "profile": profiling,
}
