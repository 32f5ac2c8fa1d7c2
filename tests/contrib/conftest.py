"""A Django project set up once, an inbox, and a host file that leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostfile.files import connector, write
from tests.inboxes import ThreadedInbox, threaded_inbox


@pytest.fixture
def inbox() -> Iterator[ThreadedInbox]:
    with threaded_inbox() as opened:
        yield opened


@pytest.fixture
def host_file(tmp_path: Path, inbox: ThreadedInbox) -> Path:
    return write(tmp_path / "connectors.toml", connector("main", inbox.port))


@pytest.fixture(scope="session")
def django_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Django is set up once a process: its settings cannot be taken back."""
    import django
    from django.core.management import call_command
    from django.db import connections

    folder = tmp_path_factory.mktemp("django")
    os.environ["DJANGO_PROJECT_FOLDER"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.contrib.django_project.settings"
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    yield folder
    connections.close_all()


@pytest.fixture
def project(django_folder: Path, host_file: Path) -> Iterator[Path]:
    """The project, with a host file of the test's own; the folder of that file."""
    from django.test import override_settings

    with override_settings(CONNECTORS={"FILE": host_file}):
        yield host_file.parent
