"""Every error the host raises, arranged by what the caller should do about it.

- `ConfigError`: fix the configuration.
- `UnknownConnectorError`, `NoConnectorForUsageError`, `TemplateNotFoundError`: fix the set-up.
- `MessageError`: fix the data of this one message; nothing was written to the network.
- `DeliveryError`: the message met the network. Its subclass says whether to try again.

No attribute, `str()` or `repr()` of these errors holds a password or token: whoever raises one
passes replies of a server through `connector_core.redaction` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


__all__ = [
    "ConfigError",
    "ConfigProblem",
    "ConnectorError",
    "DeliveryError",
    "DiscoveryError",
    "HostClosedError",
    "MessageError",
    "NoConnectorForUsageError",
    "PermanentDeliveryError",
    "PluginFailure",
    "TemplateNotFoundError",
    "TemporaryDeliveryError",
    "UncertainDeliveryError",
    "UnknownConnectorError",
]

Retry = Literal["retry", "never", "uncertain"]


class ConnectorError(Exception):
    """The base of every error of this package."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong in a config.

    Attributes:
        path: where, as a JSONPath (RFC 9535), for example `$.templates[2].subject`.
        message: what is wrong and what was expected; never the value itself.
        hint: what to do about it; may be empty.
    """

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """The problem on one line: path, message, hint."""
        return f"{self.path}: {self.message}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that could not be loaded, and why.

    Attributes:
        entry_point: the entry point's name and value, `name = module:object`.
        distribution: the distribution that declares it.
        version: that distribution's version.
        stage: `load`, `contract`, `register`, `hooks`, `metadata`, `config_schema` or `duplicate`.
        error: what went wrong, in a sentence.
        hint: what its author can do about it; may be empty.
        traceback: the formatted traceback, where an exception was the cause.
    """

    entry_point: str
    distribution: str
    version: str
    stage: str
    error: str
    hint: str = ""
    traceback: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        """The failure on one line."""
        told = f"{self.entry_point} ({self.distribution} {self.version}), {self.stage}: "
        return told + self.error + (f" ({self.hint})" if self.hint else "")

    @property
    def name(self) -> str:
        """The entry point's name, as `CONNECTOR_DISABLE` takes it."""
        return self.entry_point.partition(" = ")[0]


class ConfigError(ConnectorError):
    """A config cannot be used; `problems` has every reason, not only the first."""

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems: tuple[ConfigProblem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """All problems, one a line."""
        if len(self.problems) == 1:
            return _("the config has a problem at {problem}").format(problem=self.problems[0])
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        count = len(self.problems)
        told = ngettext(
            "the config has {count} problem:", "the config has {count} problems:", count
        )
        return told.format(count=count) + lines


class UnknownConnectorError(ConnectorError):
    """No connector is known by this id, target or name.

    Attributes:
        wanted: what was asked for.
        known: what there is.
        failures: the plugins of this name that could not be loaded.
    """

    def __init__(
        self, wanted: str, known: Sequence[str], failures: Sequence[PluginFailure] = ()
    ) -> None:
        self.wanted = wanted
        self.known = tuple(known)
        self.failures = tuple(failures)
        super().__init__(wanted, self.known, self.failures)

    def __str__(self) -> str:
        """What was asked for, and why it is not there, or what there is."""
        if self.failures:
            return _("the connector {wanted!r} could not be loaded: {reason}").format(
                wanted=self.wanted, reason="; ".join(map(str, self.failures))
            )
        there = ", ".join(self.known) or _("none")
        return _("no connector is called {wanted!r}; there are: {there}").format(
            wanted=self.wanted, there=there
        )


class NoConnectorForUsageError(ConnectorError):
    """No configured connector serves this usage type.

    Attributes:
        usage_type: the usage type asked for.
        type: `Email` or `Sms`.
        configured: for each configured connector, by name, its type and the usage types it
            serves; `None` stands for every usage type.
    """

    def __init__(
        self,
        usage_type: str,
        type: str,
        configured: dict[str, tuple[str, tuple[str, ...] | None]],
    ) -> None:
        self.usage_type = usage_type
        self.type = type
        self.configured = configured
        super().__init__(usage_type, type, configured)

    def __str__(self) -> str:
        """The usage type, and what is configured."""
        serving = "; ".join(
            _("{name} ({type}) serves {usage_types}").format(
                name=name,
                type=kind,
                usage_types=_("every usage type")
                if served is None
                else ", ".join(served) or _("none"),
            )
            for name, (kind, served) in self.configured.items()
        )
        return _("no {type} connector serves the usage type {usage_type!r}: {reason}").format(
            type=self.type,
            usage_type=self.usage_type,
            reason=serving or _("nothing is configured; call host.configure(...) first"),
        )


class TemplateNotFoundError(ConnectorError):
    """A connector has no template for this usage type, nor a `Generic` one."""

    def __init__(self, usage_type: str, locale: str | None, known: Sequence[str]) -> None:
        self.usage_type = usage_type
        self.locale = locale
        self.known = tuple(known)
        super().__init__(usage_type, locale, self.known)

    def __str__(self) -> str:
        """The usage type and locale, and which templates there are."""
        told = (
            _(
                "there is no template for {usage_type!r} in {locale}, nor a Generic one; "
                "there are: {there}"
            )
            if self.locale
            else _("there is no template for {usage_type!r}, nor a Generic one; there are: {there}")
        )
        there = ", ".join(self.known) or _("none")
        return told.format(usage_type=self.usage_type, locale=self.locale, there=there)


class MessageError(ConnectorError):
    """The caller's data cannot become a message; nothing was written to the network.

    Attributes:
        field: which datum, for example `to`, `subject` or `payload.code`.
        reason: what is wrong with it; never the value itself.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(field, reason)

    def __str__(self) -> str:
        """The field and what is wrong with it."""
        return f"{self.field}: {self.reason}"


class DeliveryError(ConnectorError):
    """The message met the network, and was not (or not surely) delivered.

    Raise one of the three subclasses; this class is for catching.

    Attributes:
        reason: what happened, in a sentence without secrets.
        stage: where: `resolve`, `connect`, `greeting`, `tls`, `ehlo`, `auth`, `sender`,
            `recipient`, `content`, `pool`, or a connector's own word.
        code: the server's reply code (RFC 5321 section 4.2), if it replied.
        enhanced_code: its enhanced status code (RFC 3463) such as `5.1.1`, if it gave one.
        response: the text of its reply, secrets masked.
        command: the command it replied to, without arguments.
        hint: a sentence a person can act on; may be empty.
        failover: whether the next connector may try this message at once.
        operator: whether a person must act before this connector can work again.
        retry: `retry` (certainly not sent, may work later), `never` (certainly not sent, will not
            work unchanged) or `uncertain` (may have been sent).
    """

    retry: ClassVar[Retry]

    def __init__(
        self,
        reason: str,
        *,
        stage: str,
        code: int | None = None,
        enhanced_code: str | None = None,
        response: str = "",
        command: str = "",
        hint: str = "",
        failover: bool = False,
        operator: bool = False,
    ) -> None:
        self.reason = reason
        self.stage = stage
        self.code = code
        self.enhanced_code = enhanced_code
        self.response = response
        self.command = command
        self.hint = hint
        self.failover = failover
        self.operator = operator
        super().__init__(reason)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep every attribute through `pickle` and `copy`."""
        return (_rebuild, (type(self), self.reason, dict(self.__dict__)))

    def __str__(self) -> str:
        """What happened and at which stage; the hint is apart, in `hint`."""
        return _("{reason} (stage: {stage})").format(reason=self.reason, stage=self.stage)


def _rebuild(cls: type[DeliveryError], reason: str, state: dict[str, object]) -> DeliveryError:
    error = cls(reason, stage="")
    error.__dict__.update(state)
    return error


class TemporaryDeliveryError(DeliveryError):
    """Certainly not sent; may work later."""

    retry = "retry"


class PermanentDeliveryError(DeliveryError):
    """Certainly not sent; will not work unchanged."""

    retry = "never"


class UncertainDeliveryError(DeliveryError):
    """The connection was lost after the last byte of the message: it may have been sent."""

    retry = "uncertain"


class DiscoveryError(ConnectorError):
    """Plugins failed to load, and the caller asked for `strict=True`."""

    def __init__(self, failures: Sequence[PluginFailure]) -> None:
        self.failures = tuple(failures)
        super().__init__(self.failures)

    def __str__(self) -> str:
        """Every failure, one a line."""
        return _("plugins failed to load:") + "".join(f"\n  {failure}" for failure in self.failures)


class HostClosedError(ConnectorError):
    """The host was closed; make a new one."""

    def __str__(self) -> str:
        """What to do about it."""
        return _("the host is closed; make a new one")
