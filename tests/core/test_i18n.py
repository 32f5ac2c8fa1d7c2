"""Texts in the reader's language: catalogs, the language of a context, and what carries it."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import io
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import babel.messages.catalog
import pytest
from babel.messages.mofile import write_mo

from connector_core import AsyncHost, Host, MessageError, Receipt, Stage, VerifyReport, hookimpl
from connector_core.i18n import (
    Catalog,
    environment_language,
    gettext,
    in_language,
    language,
    mark,
    ngettext,
    system_reason,
    use_language,
)
from connector_core.models import Message
from tests.core.plugins import Plugin, registry_of

Texts = Mapping[Any, Any]  # a text, or a singular with its plural, to its forms


def catalog_of(folder: Path, **languages: Texts) -> Catalog:
    """A catalog with these translations, by language as its folder is called."""
    for name, texts in languages.items():
        made = babel.messages.catalog.Catalog(locale=name)
        for message, translation in texts.items():
            made.add(message, translation)
        file = folder / name / "LC_MESSAGES" / "test.mo"
        file.parent.mkdir(parents=True)
        written = io.BytesIO()
        write_mo(written, made)
        file.write_bytes(written.getvalue())
    return Catalog("test", folder)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    mails = ("{n} mail", "{n} mails")
    return catalog_of(
        tmp_path,
        fr={"yes": "oui", "no": "non", mails: ("{n} e-mail", "{n} e-mails")},
        fr_CA={"yes": "ouais"},
        zh_Hant={"yes": "是"},
    )


@pytest.mark.parametrize(
    ("tag", "yes"),
    [
        ("en", "yes"),
        ("en-GB", "yes"),
        ("fr", "oui"),
        ("FR", "oui"),
        ("fr-FR", "oui"),
        ("fr_FR", "oui"),
        ("fr-CA", "ouais"),
        ("fr-CA-x-test", "ouais"),
        ("zh-Hant-TW", "是"),
        ("zh-Hans", "yes"),
        ("de", "yes"),
        ("", "yes"),
        ("../fr", "yes"),
        ("f r", "yes"),
        ("x" * 100, "yes"),
    ],
)
def test_a_text_is_looked_up_by_language(catalog: Catalog, tag: str, yes: str) -> None:
    with in_language(tag):
        assert catalog.gettext("yes") == yes


def test_what_a_region_lacks_its_language_has(catalog: Catalog) -> None:
    with in_language("fr-CA"):
        assert catalog.gettext("no") == "non"


def test_english_ends_the_search(tmp_path: Path) -> None:
    """It stands in the code: nothing behind it may be found."""
    catalog = catalog_of(tmp_path, en_GB={"color": "colour"})
    with in_language("en-GB"):
        assert catalog.gettext("color") == "colour"
        assert catalog.gettext("yes") == "yes"
    with in_language("en-US"):
        assert catalog.gettext("color") == "color"


def test_what_has_no_translation_stays(catalog: Catalog) -> None:
    with in_language("fr"):
        assert catalog.gettext("perhaps") == "perhaps"
        assert catalog.gettext("") == ""


@pytest.mark.parametrize(
    ("tag", "number", "told"),
    [
        ("en", 0, "{n} mails"),
        ("en", 1, "{n} mail"),
        ("fr", 0, "{n} e-mail"),
        ("fr", 1, "{n} e-mail"),
        ("fr", 2, "{n} e-mails"),
        ("de", 2, "{n} mails"),
    ],
)
def test_a_plural_follows_the_rules_of_its_language(
    catalog: Catalog, tag: str, number: int, told: str
) -> None:
    with in_language(tag):
        assert catalog.ngettext("{n} mail", "{n} mails", number) == told


def test_a_catalog_says_which_languages_it_has(catalog: Catalog) -> None:
    assert catalog.languages == ("en", "fr", "fr-ca", "zh-hant")
    assert catalog.speaks("fr-BE")
    assert catalog.speaks("en-US")
    assert not catalog.speaks("de")
    assert not catalog.speaks("no tag")


def test_a_folder_that_is_not_there_is_english(tmp_path: Path) -> None:
    with in_language("fr"):
        assert Catalog("test", tmp_path / "locale").gettext("yes") == "yes"


def test_the_language_belongs_to_its_block() -> None:
    assert language() == "en"
    with in_language("fr"):
        with in_language("de"):
            assert language() == "de"
        assert language() == "fr"
        with pytest.raises(ZeroDivisionError), in_language("de"):
            _ = 1 / 0
        assert language() == "fr"
    assert language() == "en"


def test_a_language_that_is_used_lasts_for_its_context() -> None:
    def within() -> str:
        use_language("fr")
        return gettext("none")

    assert contextvars.copy_context().run(within) == "aucun"
    assert gettext("none") == "none"


def test_threads_do_not_share_a_language() -> None:
    seen: list[str] = []
    with in_language("fr"):
        thread = threading.Thread(target=lambda: seen.append(language()))
        thread.start()
        thread.join()
    assert seen == ["en"]


async def test_tasks_have_each_their_own() -> None:
    both = asyncio.Barrier(2)

    async def told(tag: str) -> str:
        use_language(tag)
        await both.wait()
        return gettext("none")

    french, english = await asyncio.gather(told("fr"), told("en"))
    assert (french, english) == ("aucun", "none")


@pytest.mark.parametrize(
    ("environ", "tag"),
    [
        ({}, None),
        ({"LANG": "C"}, None),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "POSIX"}, None),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_FR.UTF-8"}, "fr-FR"),
        ({"LANG": "fr_FR@euro"}, "fr-FR"),
        ({"LANG": "sr_RS.UTF-8@latin"}, "sr-RS"),
        ({"LANG": "de_DE", "LC_MESSAGES": "fr_FR"}, "fr-FR"),
        ({"LANG": "fr_FR", "LC_ALL": "C"}, None),
        ({"LANG": "fr_FR", "LC_ALL": ""}, "fr-FR"),
        ({"LANG": "fr_FR", "LC_CTYPE": "de_DE"}, "fr-FR"),
    ],
)
def test_the_environment_asks_for_a_language(environ: dict[str, str], tag: str | None) -> None:
    assert environment_language(environ) == tag


def test_what_is_marked_is_translated_where_it_is_used() -> None:
    text = mark("none")
    assert text == "none"
    with in_language("fr"):
        assert gettext(text) == "aucun"


def test_the_core_counts_in_french() -> None:
    with in_language("fr"):
        told = ngettext("the config has {count} problem:", "the config has {count} problems:", 2)
    assert told.format(count=2) == "la configuration présente 2 problèmes\u00a0:"


def test_the_system_speaks_the_language_too() -> None:
    refused = OSError(errno.ECONNREFUSED, "Connect call failed ('192.0.2.1', 25)")
    assert system_reason(refused) == os.strerror(errno.ECONNREFUSED)
    with in_language("fr"):
        assert system_reason(refused) == "connexion refusée"
        assert system_reason(OSError("the socket is odd")) == "OSError"
        assert system_reason(OSError(-2, "Name or service not known")) == "nom ou service inconnu"


class Refusing(Plugin):
    """A connector that refuses every message, and tells which language it did so in."""

    @hookimpl
    async def send_message(self, state: object, message: Message) -> Receipt:
        raise MessageError("to", gettext("none"))


class Blocking(Plugin):
    """The same in functions that are not asynchronous, which run in threads."""

    @hookimpl
    def send_message(self, state: object, message: Message) -> Receipt:  # type: ignore[override]
        raise MessageError("to", gettext("none"))

    @hookimpl
    def verify(self, state: object, on_stage: object) -> VerifyReport:
        return VerifyReport((Stage(name="test", ok=True, seconds=0.0, detail=gettext("none")),))


@pytest.mark.parametrize("plugin", [Refusing, Blocking])
def test_the_language_of_a_caller_reaches_the_loop_of_a_host(plugin: type[Plugin]) -> None:
    with Host(registry_of(plugin())) as host:
        configured = host.configure("test", {})
        for tag, reason in (("fr", "aucun"), ("en", "none")):
            with in_language(tag), pytest.raises(MessageError) as failed:
                configured.send_message("SignIn", to="ann@example.org")
            assert failed.value.reason == reason


@pytest.mark.parametrize("plugin", [Refusing, Blocking])
async def test_each_task_gets_its_errors_in_its_language(plugin: type[Plugin]) -> None:
    async with AsyncHost(registry_of(plugin())) as host:
        configured = host.configure("test", {})

        async def refused(tag: str) -> str:
            use_language(tag)
            with pytest.raises(MessageError) as failed:
                await configured.send_message("SignIn", to="ann@example.org")
            return failed.value.reason

        french, english = await asyncio.gather(refused("fr"), refused("en"))
    assert (french, english) == ("aucun", "none")


def test_a_verification_speaks_the_language_of_who_asked() -> None:
    with Host(registry_of(Blocking())) as host, in_language("fr"):
        [stage] = host.configure("test", {}).verify().stages
    assert stage.detail == "aucun"
