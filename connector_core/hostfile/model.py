"""What a host file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector_core.routes import ANY_USAGE

__all__ = ["ConfiguredEntry", "FileTemplate", "HostFile"]


@dataclass(frozen=True, slots=True)
class ConfiguredEntry:
    """One configured connector of a host file.

    Attributes:
        name: its name.
        connector: the connector's id or target.
        config: its config as written, references unresolved.
        provider: the preset that it was made from, if known.
    """

    name: str
    connector: str
    config: Mapping[str, Any] = field(repr=False)
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class FileTemplate:
    """One template that the connectors of a host file share.

    Attributes:
        place: where it stands: a JSONPath in the host file, or the name of a template file.
        keys: the template, by the keys of a config template.
    """

    place: str
    keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HostFile:
    """A host file that was read.

    Attributes:
        path: where it is.
        data: all that it says, as written.
        connectors: the configured connectors, by name, in the order of the file.
        routes: by usage type, or `ANY_USAGE`, the names of those that serve it, in order; None
            where the file has no routes, so that each serves every usage type.
        default_locale: the language tag whose templates also serve where none fits better.
        template_folder: where the template files are.
        templates: the shared templates: those of the file itself, then the template files.
    """

    path: Path
    data: Mapping[str, Any] = field(repr=False)
    connectors: Mapping[str, ConfiguredEntry] = field(default_factory=dict)
    routes: Mapping[str, Sequence[str]] | None = None
    default_locale: str | None = None
    template_folder: Path = Path("templates")
    templates: Sequence[FileTemplate] = ()

    def candidates(self, usage_type: str) -> Sequence[str]:
        """The names of the connectors that serve a usage type, in the order to try them."""
        if self.routes is None:
            return tuple(self.connectors)
        return self.routes.get(usage_type, self.routes.get(ANY_USAGE, ()))
