"""What `manage.py check` tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.test import override_settings

from connector_core.contrib.django.checks import check_connectors

pytestmark = pytest.mark.usefixtures("project")


def told() -> list[tuple[str | None, str]]:
    return [(message.id, message.msg) for message in check_connectors()]


def test_nothing_where_all_is_well() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("value", "places"),
    [
        (None, ["CONNECTORS"]),
        ("connectors.toml", ["CONNECTORS"]),
        ({}, ["CONNECTORS['FILE']"]),
        ({"FILE": "connectors.toml"}, ["CONNECTORS['FILE']"]),
        ({"FILE": 5}, ["CONNECTORS['FILE']"]),
        ({"FILE": ""}, ["CONNECTORS['FILE']"]),
        (
            {"FIEL": "/a", "USAGE_TYPE": ""},
            ["CONNECTORS['FIEL']", "CONNECTORS['FILE']", "CONNECTORS['USAGE_TYPE']"],
        ),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_its_remedy(value: Any, places: list[str]) -> None:
    with override_settings(CONNECTORS=value):
        found = check_connectors()
        with pytest.raises(ImproperlyConfigured) as caught:
            get_connection().open()
    assert [message.id for message in found] == ["connectors.E001"] * len(places)
    assert [message.msg.split()[0] for message in found] == places
    assert all(message.hint for message in found)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == places


def test_each_problem_of_the_host_file_is_told_by_its_place(project: Path) -> None:
    file = project / "connectors.toml"
    file.write_text(file.read_text().replace("fromEmail", "fromMail"))
    found = check_connectors()
    assert {message.id for message in found} == {"connectors.E002"}
    assert any("$.connectors.main.config.fromMail" in message.msg for message in found)
    assert all(str(file) in message.msg for message in found)


def test_settings_of_djangos_own_backend_are_told_to_be_unused() -> None:
    with override_settings(EMAIL_HOST="mail.example.com", EMAIL_USE_TLS=True):
        assert [name for name, _ in told()] == ["connectors.W001"] * 2


def test_a_project_that_does_not_use_it_is_not_looked_at() -> None:
    other = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=other, EMAIL_HOST="a.example"):
        from django.conf import settings

        assert told() == []  # the host file is well
        del settings.CONNECTORS
        assert told() == []


def test_mailers_of_newer_versions_are_looked_at_in_its_place() -> None:
    from django.conf import settings

    ours = {"BACKEND": "connector_core.contrib.django.EmailBackend"}
    with override_settings(MAILERS={"default": ours}):
        assert told() == []
        del settings.CONNECTORS
        assert [name for name, _ in told()] == ["connectors.E001"]
    other = {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}
    with override_settings(MAILERS={"default": other}):
        del settings.CONNECTORS
        assert told() == []


def test_manage_py_check_tells_it(project: Path) -> None:
    """The app brings the checks; the folder has no host file by the name in the settings."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "check"],
        env={**os.environ, "DJANGO_PROJECT_FOLDER": str(project / "elsewhere")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "connectors.E002" in done.stderr
    assert "connector setup makes one" in done.stderr
