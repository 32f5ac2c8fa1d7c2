"""`python -m tests.bench`: measure, keep what was found, write the documents."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.clients import Clients
from tests.bench.document import PAGES, rendered, shown
from tests.bench.install import FOLDER, ROOT, install
from tests.bench.machine import machine
from tests.bench.results import Results, Row, Section
from tests.bench.rounds import NotMeasuredError
from tests.bench.sections import SECTIONS

ROUNDS = 5
RESULTS = FOLDER / "results.json"
QUICK_RESULTS = FOLDER / "quick.json"  # so that a look spoils no record


def main(argv: Sequence[str]) -> None:
    """Do what the arguments say."""
    options = _options(argv)
    kept = QUICK_RESULTS if options.quick else RESULTS
    if options.render:
        found = Results.read(kept)
        if found is None:
            sys.exit(f"there is nothing to render: {kept} is made by a run")
        results = found
    else:
        results = _measured(options, shlex.join(["python", "-m", "tests.bench", *argv]), kept)
        print(shown(results, options.only))
    if options.write or options.render:
        for page in PAGES:
            _write(ROOT / page, results)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look: one round, short ones")
    sections = parser.add_mutually_exclusive_group()
    sections.add_argument(
        "--only",
        type=_names,
        default=list(SECTIONS),
        metavar="SECTION,…",
        help=f"of {', '.join(SECTIONS)}; the others stay as an earlier run found them",
    )
    sections.add_argument(
        "--profile",
        dest="only",
        action="store_const",
        const=["profile"],
        help="the same as --only profile",
    )
    measuring = parser.add_mutually_exclusive_group()
    measuring.add_argument("--rounds", type=int, help=f"{ROUNDS} unless --quick")
    parser.add_argument("--write", action="store_true", help=f"write {' and '.join(PAGES)}")
    measuring.add_argument(
        "--render", action="store_true", help="measure nothing; write what the last run found"
    )
    options = parser.parse_args(argv)
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SECTIONS]:
        raise argparse.ArgumentTypeError(
            f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}"
        )
    return [name for name in SECTIONS if name in names]


def _measured(options: argparse.Namespace, command: str, kept: Path) -> Results:
    """Measure the sections asked for; the others stay as they are in `kept`."""
    installed = install(_say)
    bench = Bench(
        installed=installed,
        clients=Clients(installed),
        rounds=options.rounds or (1 if options.quick else ROUNDS),
        quick=options.quick,
        say=_say,
    )
    before = Results.read(kept)
    results = Results(
        machine=machine(installed.versions), sections=before.sections if before else {}
    )
    for name in options.only:
        _say(f"== {name}")
        section = _section(name, bench, command)
        results = results.model_copy(update={"sections": results.sections | {name: section}})
        # after each, so that half a run that is broken off is not lost
        results.write(kept)
    return results


def _section(name: str, bench: Bench, command: str) -> Section:
    taken, load = datetime.now(UTC).date().isoformat(), os.getloadavg()[0]
    rows: list[Row] = []
    missing = None
    try:
        rows = SECTIONS[name](bench)
    except NotMeasuredError as error:
        missing = str(error)
    return Section(
        command=command, taken=taken, quick=bench.quick, load=load, rows=rows, missing=missing
    )


def _write(page: Path, results: Results) -> None:
    page.write_text(rendered(page.read_text("utf-8"), results), encoding="utf-8")
    _say(f"wrote {page.relative_to(ROOT)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
