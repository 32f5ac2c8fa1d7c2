"""The catalogs are complete, fit the sources, and can be filled in."""

from __future__ import annotations

import io
import re
from collections import Counter
from gettext import GNUTranslations
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

from tests.i18n.messages import (
    DOMAINS,
    LANGUAGES,
    Domain,
    Found,
    compiled,
    forms,
    po_text,
    read,
    untranslated,
    updated,
)

MEND = "say: make messages"
EACH = pytest.mark.parametrize(
    ("domain", "language"),
    [(domain, language) for domain in DOMAINS for language in LANGUAGES],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
# What a value is put into: `{name}`, `{name!r}`, `%(name)s`; `{{` and `}}` are braces themselves.
_PLACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|%\([a-z_]+\)s")


@EACH
def test_a_catalog_fits_the_sources(domain: Domain, language: str) -> None:
    catalog = updated(domain, language)
    if domain.keeps:  # which file of the library has a message may change with its version
        assert not untranslated(catalog), MEND
    else:
        assert po_text(catalog) == domain.po(language).read_text("utf-8"), MEND


@EACH
def test_every_message_is_translated(domain: Domain, language: str) -> None:
    assert not untranslated(read(domain, language))


@EACH
def test_what_gettext_reads_is_what_translators_wrote(domain: Domain, language: str) -> None:
    def messages(data: bytes) -> object:
        return vars(GNUTranslations(io.BytesIO(data)))["_catalog"]

    stored = domain.mo(language).read_bytes()
    assert messages(stored) == messages(compiled(domain, language)), MEND


@EACH
def test_a_translation_has_the_places_of_its_message(domain: Domain, language: str) -> None:
    """A name that is not given would raise KeyError just where something has failed already."""
    catalog = read(domain, language)
    assert not [(message.id, message.string) for message in catalog if not _same_places(message)]


def _same_places(message: Message) -> bool:
    originals, translations = forms(message.id), forms(message.string)
    if len(originals) == 1:
        return _places(originals[0]) == _places(translations[0])
    # A singular may say "one" in place of the number; what it has, the plural has, too.
    plural = _places(originals[-1])
    allowed = plural | _places(originals[0])
    return _places(translations[-1]) == plural and all(
        _places(form) <= allowed for form in translations
    )


def _places(text: str) -> Counter[str]:
    return Counter(_PLACES.findall(text))


@pytest.mark.parametrize(
    ("original", "translation", "same"),
    [
        ("{name} is away", "{name} est absent", True),
        ("{name} is away", "{nom} est absent", False),
        ("{name!r} is away", "{name} est absent", False),
        ("{name} is away", "il est absent", False),
        ("write t={{token}}", "écrivez t={{token}}", True),
        ("write t={{token}}", "écrivez t={token}", False),
        (("a mail", "{count} mails"), ("un e-mail", "{count} e-mails"), True),
        (("a mail", "{count} mails"), ("{count} e-mail", "{count} e-mails"), True),
        (("a mail", "{count} mails"), ("un e-mail", "des e-mails"), False),
        (("a mail", "{count} mails"), ("{n} e-mail", "{count} e-mails"), False),
    ],
)
def test_places_are_compared(original: str, translation: str, same: bool) -> None:
    assert _same_places(Message(original, translation)) == same


@EACH
def test_every_text_with_braces_can_be_filled_in(domain: Domain, language: str) -> None:
    for message in read(domain, language):
        for text in (*forms(message.id), *forms(message.string)):
            fields = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
            assert all(field.isidentifier() for field in fields), text


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_french_has_its_spaces(domain: Domain) -> None:
    """A no-break space (U+00A0) before `: ; ! ? »` and behind `«`, wherever there is one at all."""
    bare = re.compile("[ \u202f][:;!?»]|«[^\u00a0]|[^\u00a0]»")
    found = [
        text
        for message in read(domain, "fr")
        for text in forms(message.string)
        if message.id and bare.search(text)
    ]
    assert not found


# One word for one thing; CONTRIBUTING.md has the list.
FALSE_FRIENDS = re.compile(
    r"(?<!e-)\b(?:emails?|mails?|courriels?|template|payload|password|token|provider|login"
    r"|supporter|digital|spam)\b"
)


def test_french_uses_the_words_agreed_on() -> None:
    for domain in DOMAINS:
        for message in read(domain, "fr"):
            for text in forms(message.string) if message.id else ():
                quoted = re.sub(
                    r"`[^`]*`|\*[^*]*\*|\{[^}]*\}|«[^»]*»|--\w+|\S*[./:=_]\S*", "", text
                )
                assert not FALSE_FRIENDS.search(quoted), text


def test_an_update_keeps_what_was_translated(tmp_path: Path) -> None:
    """Nothing is lost where a message goes and comes back, and what is new is seen."""
    known, new = Found("none", "a.py"), Found("a text that is like no other", "a.py")
    found = [known]
    domain = Domain("test", tmp_path, lambda: found)
    file = domain.po("fr")
    file.parent.mkdir(parents=True)

    def update() -> Catalog:
        catalog = updated(domain, "fr")
        file.write_text(po_text(catalog), "utf-8")
        return catalog

    assert untranslated(update()) == ["none"]
    catalog = read(domain, "fr")
    message = catalog["none"]
    assert message is not None
    message.string = "aucun"
    file.write_text(po_text(catalog), "utf-8")
    assert not untranslated(update())
    found[:] = [new]
    for _ in range(2):
        assert untranslated(update()) == [new.message]
        assert b"aucun" not in compiled(domain, "fr")
    found[:] = [known]
    catalog = update()
    assert not untranslated(catalog)
    assert [item.string for item in catalog if item.id] == ["aucun"]
