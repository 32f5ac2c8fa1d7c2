"""What stands in for `pip install`: nothing is installed; what would be must be there already."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

PROJECT = "connector-core"


def _problem(argument: str) -> str:
    """What is wrong with something to install; empty where it is there, extras and all."""
    if argument == "." or argument.startswith(".["):
        argument = PROJECT + argument.removeprefix(".")
    try:
        wanted = Requirement(argument)
        found = metadata.metadata(wanted.name)
    except InvalidRequirement:
        return "is no requirement"
    except metadata.PackageNotFoundError:
        return "is not in the environment of the tests"
    known = {extra.lower() for extra in found.get_all("Provides-Extra") or ()}
    unknown = sorted(wanted.extras - known)
    return f"has no extra {', '.join(unknown)}" if unknown else ""


def main(arguments: list[str]) -> str:
    """Check `install` and what it is given; the problem, if any."""
    command, *rest = arguments or [""]
    wanted = [argument for argument in rest if not argument.startswith("-")]
    if command != "install" or not wanted:
        return f"{Path(__file__).name}: of pip, stories have `pip install REQUIREMENT…` alone"
    problems = ((argument, _problem(argument)) for argument in wanted)
    return "\n".join(f"{argument}: {problem}" for argument, problem in problems if problem)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
