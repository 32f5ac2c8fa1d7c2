"""Checks of what discovery asks: the plugin loads, keeps the contract, and says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from unicodedata import category
from xml.etree import ElementTree as ET

from connector_core.i18n import SOURCE, Catalog, in_language
from connector_core.testing.checks import Checks, check
from connector_core.testing.fresh import findings
from connector_core.testing.verdicts import BreachError, not_implemented
from connector_core.translation import descriptions, provider_in

__all__ = ["IdentityChecks"]

_PROSE = re.compile(r"\b[a-z]{2,} [a-z]{2,}\b")
_SVG = "{http://www.w3.org/2000/svg}"


class IdentityChecks(Checks):
    """What the host learns of a connector before anybody configures it."""

    @check
    def test_it_loads(self) -> None:
        """Discovery finds the plugin and can import it.

        An entry point of the group `connector_core` names a module or an instance; id and target
        are no other connector's.
        """
        self.subject.require_loading("load", "duplicate")
        if self.subject.found is None and not self.subject.failures:
            known = ", ".join(f"{item.target} ({item.id})" for item in self.subject.registry)
            raise BreachError(
                f"no connector is called {self.subject.wanted!r}; there are: {known or 'none'}",
                "install the distribution (pip install -e .), and look at its entry point: "
                "[project.entry-points.connector_core]",
            )

    @check
    def test_contract_version(self) -> None:
        """The plugin was written for a version of the contract that the host knows.

        The attribute `HOOK_API` of the module or instance says which; absent it is 1.
        """
        self.subject.require_loading("contract")

    @check
    def test_hooks(self) -> None:
        """Hooks have the names and arguments of `connector_core.hookspecs`.

        `metadata`, `config_schema` and `send_message` are there; arguments are plain ones; only
        `send_message`, `verify` and `close` are asynchronous.
        """
        self.subject.require_loading("register", "hooks")

    @check
    def test_metadata(self) -> None:
        """The hook `metadata` gives the same ConnectorMetadata each time, as a constant would be.

        Name and description are texts by language tag (BCP 47), `en` among them.
        """
        self.subject.require_loading("metadata")
        again = self.subject.connector.hook.metadata()
        if again != self.subject.connector.metadata:
            raise BreachError("metadata() gives something else when it is called again")

    @check
    def test_languages(self) -> None:
        """Name and description are there in the same languages, each once, and say something.

        Whoever reads in French must not meet a French name with an English description.
        """
        metadata = self.subject.connector.metadata
        for key in ("name", "description"):
            texts: Mapping[str, str] = getattr(metadata, key)
            tags = [tag.lower() for tag in texts]
            if len(set(tags)) < len(tags):
                raise BreachError(
                    f"metadata.{key} has one language twice: case does not count in tags"
                )
            for tag, text in texts.items():
                if not text.strip() or any(category(char) == "Cc" for char in text):
                    raise BreachError(
                        f"metadata.{key}[{tag!r}] must be one line that says something"
                    )
        odd = set(metadata.name) ^ set(metadata.description)
        if odd:
            raise BreachError(
                f"name and description are not both there in {', '.join(sorted(odd))}"
            )

    @check
    def test_readme_and_logos(self) -> None:
        """The readme is Markdown that says something; logos are SVG that loads and runs nothing.

        They are shown in consoles, so a script or a reference to elsewhere in a logo is a hole.
        """
        metadata = self.subject.connector.metadata
        given = {key: getattr(metadata, key) for key in ("readme", "logo", "logo_dark")}
        if not any(text is not None for text in given.values()):
            raise not_implemented("metadata` with `readme=`, `logo=` or `logo_dark=")
        if metadata.readme is not None and len(metadata.readme.split()) < 2:
            raise BreachError("metadata.readme is empty", "write a guide, or leave it out")
        for key in ("logo", "logo_dark"):
            if given[key] is not None:
                _require_plain_svg(f"metadata.{key}", str(given[key]))

    @check
    def test_translations(self) -> None:
        """What `catalog` gives has every text of the schema and the providers in its languages.

        A text that is missing stays in English, in the middle of the others.
        """
        connector = self.subject.connector
        if not connector.implements("catalog"):
            raise not_implemented("catalog")
        catalog = connector.hook.catalog()
        if not isinstance(catalog, Catalog):
            raise BreachError(f"catalog() must return a Catalog, not {type(catalog).__name__}")
        languages = [tag for tag in catalog.languages if tag != SOURCE]
        if not languages:
            raise BreachError(
                "the catalog has no language: no .mo file is where it looks",
                "compile the .po files, and have the wheel bring the .mo files",
            )
        texts = list(descriptions(connector.schema))

        def note(text: str) -> str:
            texts.append(text)
            return text

        for provider in connector.hook.providers() or ():
            provider_in(provider, note)
        _require_translated(catalog, languages, texts)

    @check
    def test_import_is_quiet(self) -> None:
        """Import, `metadata` and `config_schema` compute and no more: every listing runs them.

        In a fresh process, with the network cut off: no connection and no look-up, no file
        written, no thread, no process.
        """
        found = findings(self.subject.wanted, self.subject.connector.entry_point)
        if found:
            raise BreachError(
                f"the import of the plugin, or metadata() or config_schema(), {found[0]}",
                "leave it to the hook that needs it; what is for all messages of a config belongs "
                "into the state that `configure` makes, and begins with the first message",
            )


def _require_plain_svg(name: str, text: str) -> None:
    if "<!" in text.replace("<!--", ""):
        raise BreachError(f"{name} declares a document type or entities", "leave them out")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without declarations nothing expands
    except ET.ParseError as error:
        raise BreachError(f"{name} is no SVG: {error}") from None
    if root.tag not in (f"{_SVG}svg", "svg"):
        raise BreachError(f"{name} is no SVG: its first element is {root.tag}")
    for told in _active(root):
        raise BreachError(f"{name} {told}", "draw it with shapes alone")


def _active(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        tag = element.tag.rpartition("}")[2].lower()
        if tag in ("script", "foreignobject", "iframe"):
            yield f"has a {tag} element"
        for attribute, value in element.attrib.items():
            key = attribute.rpartition("}")[2].lower()
            if key.startswith("on"):
                yield f"has the event handler {key}"
            if key in ("href", "src") and not value.startswith(("#", "data:image/")):
                yield f"refers to something elsewhere ({key})"


def _require_translated(catalog: Catalog, languages: list[str], texts: list[str]) -> None:
    for tag in languages:
        with in_language(tag):
            missing = [text for text in texts if text and catalog.gettext(text) == text]
        # Names are the same in every language.
        sentences = [text for text in missing if _PROSE.search(text)]
        if sentences:
            raise BreachError(
                f"the catalog has no text in {tag} for:\n"
                + "\n".join(f"  {text!r}" for text in sentences),
                "add them to the .po file and compile it",
            )
