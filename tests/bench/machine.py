"""What is to be known of the machine that a figure was taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from tests.bench.results import Machine

__all__ = ["machine"]


def machine(versions: Mapping[str, str]) -> Machine:
    """This machine; `versions` are those of what was measured."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=pages * size,
        system=f"{platform.system()} {platform.release()}, {_distribution()}",
        versions={"Python": platform.python_version(), **versions},
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()
