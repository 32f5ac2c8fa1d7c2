"""What a plugin's import does, in a process that nothing else was done in, and without network."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib import metadata as distributions
from types import ModuleType

from connector_core.discovery import registry_of
from connector_core.hookspecs import PROJECT_NAME
from connector_core.testing.verdicts import BreachError
from connector_core.testing.watching import is_network, offence

__all__ = ["findings", "main"]

_PROGRAM = "from connector_core.testing.fresh import main; main()"
_SECONDS = 120  # after which an import counts as hung


def findings(plugin: object, entry_point: str) -> list[str]:
    """What the import of a plugin does that it must not, and `metadata` and `config_schema`.

    Of an instance only the import of its class is looked at: nobody knows how to make another.

    Args:
        plugin: the plugin; or a text, where `entry_point` names it.
        entry_point: the name of its entry point.

    Raises:
        BreachError: it cannot be imported in a process of its own.
    """
    done = subprocess.run(  # noqa: S603 - this interpreter, and a program of our own
        [sys.executable, "-P", "-c", _PROGRAM],
        input=json.dumps(_named(plugin, entry_point)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BreachError("the plugin cannot be imported in a process of its own", done.stderr)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])  # a plugin may print as well
    return found


def _named(plugin: object, entry_point: str) -> dict[str, str]:
    if isinstance(plugin, str):
        return {"entry_point": entry_point}
    module = plugin if isinstance(plugin, ModuleType) else sys.modules[type(plugin).__module__]
    whole = "yes" if module is plugin else ""
    return {
        "module": module.__name__,
        "file": getattr(module, "__file__", "") or "",
        "whole": whole,
    }


def main() -> None:
    """Import what standard input names, and print what that did, as JSON."""
    wanted: dict[str, str] = json.load(sys.stdin)
    before, found = set(threading.enumerate()), []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if told := offence(event, arguments):
            found.append(told)
        if is_network(event):
            raise PermissionError("no network while a plugin is imported")

    sys.addaudithook(note)
    plugin = _imported(wanted)
    if "entry_point" in wanted or wanted["whole"]:
        registry_of(plugin)
    found += [f"leaves the thread {item.name!r}" for item in set(threading.enumerate()) - before]
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def _imported(wanted: Mapping[str, str]) -> object:
    if "entry_point" in wanted:
        points = distributions.entry_points(group=PROJECT_NAME, name=wanted["entry_point"])
        return next(iter(points)).load()
    try:
        return importlib.import_module(wanted["module"])
    except ModuleNotFoundError as error:
        if not wanted["file"] or not wanted["module"].startswith(error.name or " "):
            raise
    # A test module that pytest imported by its file, say.
    spec = importlib.util.spec_from_file_location(wanted["module"], wanted["file"])
    if spec is None or spec.loader is None:
        raise ImportError(f"{wanted['file']} cannot be imported")
    module = sys.modules[wanted["module"]] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
