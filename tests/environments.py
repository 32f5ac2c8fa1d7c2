"""Virtual environments in which distributions are installed, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Environment"]


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees the packages of the tests' own, and installs into itself.

    Attributes:
        folder: where it is.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Environment:
        """A new one in this folder."""
        venv.EnvBuilder(symlinks=True).create(folder)
        made = cls(folder)
        [packages] = folder.glob("lib/python*/site-packages")
        # As a line of code, so that the .pth files there count too: of editable installations.
        seen = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        (packages / "tests.pth").write_text(seen, "utf-8")
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(
        self, *arguments: str, cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a module or program with its interpreter; in English, with no colours."""
        environ = {**os.environ, "LANG": "C", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a new project has none
        for name in ("PYTHONPATH", "LC_ALL", "CONNECTOR_FILE", "PYTEST_ADDOPTS", "COLUMNS"):
            environ.pop(name, None)
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env=environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def connector(
        self, *arguments: str, cwd: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command `connector` in it."""
        return self.run("-P", "-m", "connector_core.cli", *arguments, cwd=cwd, **environment)

    def install(self, project: Path) -> None:
        """Install a project, editable, with the packages that are there already."""
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        done = subprocess.run(
            [*pip, "install", *options, "--editable", str(project)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
