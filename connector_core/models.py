"""The values that travel between the host, its callers and the connectors.

They are plain frozen dataclasses: listing the connectors must not cost the import of a validation
library. Of `Message` and `Receipt` one is made for every message, so they take all their fields at
once; the `__init__` that dataclass makes for a frozen class sets one after the other, each by
`object.__setattr__`, in twice the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, get_args

from connector_core.locales import is_language_tag, localised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector_core.errors import DeliveryError

__all__ = [
    "ConnectorMetadata",
    "ConnectorType",
    "ContentType",
    "Link",
    "Message",
    "Pitfall",
    "Provider",
    "Question",
    "Receipt",
    "Stage",
    "Template",
    "UsageType",
    "VerifyReport",
]

ConnectorType = Literal["Email", "Sms"]
ContentType = Literal["text/plain", "text/html"]

_IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")


class UsageType(StrEnum):
    """The usage types the sign-in flow knows; any other string is one too."""

    REGISTER = "Register"
    SIGN_IN = "SignIn"
    FORGOT_PASSWORD = "ForgotPassword"  # noqa: S105 - the name of a flow, not a password
    GENERIC = "Generic"
    ORGANIZATION_INVITATION = "OrganizationInvitation"
    USER_PERMISSION_VALIDATION = "UserPermissionValidation"
    BIND_NEW_IDENTIFIER = "BindNewIdentifier"
    MFA_VERIFICATION = "MfaVerification"
    BIND_MFA = "BindMfa"


@dataclass(frozen=True, slots=True)
class Link:
    """A link shown beside a connector or provider.

    Attributes:
        title: what is found there.
        url: an absolute `https://` URL.
    """

    title: str
    url: str

    def __post_init__(self) -> None:
        _require_text("Link.title", self.title)
        if not isinstance(self.url, str) or not self.url.startswith("https://"):
            raise ValueError("Link.url must be an absolute https:// URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorMetadata:
    """What a connector says of itself.

    Attributes:
        id: the connector's identity among all connectors, lower case: letters, digits, `.`, `_`,
            `-`.
        target: a short alias of the same form.
        name: the name by language tag (BCP 47); `en` must be there.
        description: one or two sentences by language tag; `en` must be there.
        type: the channel it sends on, `Email` or `Sms`.
        logo: the logo as inline SVG text.
        logo_dark: the same for dark backgrounds.
        readme: a guide as inline Markdown text.
        platform: where it applies, if it is bound to one platform.
        links: pages of the service behind it.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: a field has the right type and a wrong value.
    """

    id: str
    target: str
    name: Mapping[str, str]
    description: Mapping[str, str]
    type: ConnectorType = "Email"
    logo: str | None = None
    logo_dark: str | None = None
    readme: str | None = None
    platform: str | None = None
    links: Sequence[Link] = ()

    def __post_init__(self) -> None:
        for key in ("id", "target"):
            value = getattr(self, key)
            _require_text(f"metadata.{key}", value)
            if not _IDENTIFIER.fullmatch(value):
                raise ValueError(
                    f"metadata.{key} must be lower-case letters, digits, '.', '_' and '-'"
                )
        if self.type not in get_args(ConnectorType):
            raise ValueError(f"metadata.type must be one of {', '.join(get_args(ConnectorType))}")
        for key in ("name", "description"):
            _require_texts(f"metadata.{key}", getattr(self, key))
        for key in ("logo", "logo_dark", "readme", "platform"):
            value = getattr(self, key)
            if value is not None and not isinstance(value, str):
                raise TypeError(f"metadata.{key} must be text or None")
        links = self.links
        if not isinstance(links, list | tuple) or not all(isinstance(link, Link) for link in links):
            raise TypeError("metadata.links must be a sequence of Link")

    def name_in(self, locale: str | None) -> str:
        """The name in the locale (RFC 4647 lookup), else in English."""
        return localised(self.name, locale)

    def description_in(self, locale: str | None) -> str:
        """The description in the locale (RFC 4647 lookup), else in English."""
        return localised(self.description, locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What only the user knows: one value of a config that a provider leaves open.

    Attributes:
        path: the keys that lead to the value, such as `("auth", "user")`.
        title: what to enter, in a few words: `app password`.
        help: where it is found, what form it has; a sentence or two.
        example: a value of that form.
        choices: values to choose from, with what each means; others may be typed as well.
        also: the paths of values that are this answer too, unless they are asked for.
        optional: an empty answer leaves the value out, and the object around it, if any, as a
            whole: without a user name there is no `auth`, and its password is not asked for.
    """

    path: tuple[str, ...]
    title: str
    help: str = ""
    example: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    also: Sequence[tuple[str, ...]] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitfall:
    """What commonly goes wrong at one provider.

    Attributes:
        sign: how it shows, in the words of the server: a part of its reply.
        remedy: what to do.
    """

    sign: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A preset for one provider of a connector's service.

    Attributes:
        name: a short lower-case name, as in `connector sample --provider gmail`.
        title: the provider's name as people write it.
        guide: a short guide in Markdown: which values to find, and where.
        links: the provider's own pages.
        config: what it presets; merged over the connector's sample config, key by key.
        aliases: other names that people search for.
        user_name: the form of the user name there, in a few words.
        questions: what the provider leaves open, in the order in which to ask.
        pitfalls: what commonly goes wrong there.
    """

    name: str
    title: str
    guide: str
    links: Sequence[Link]
    config: Mapping[str, Any]
    aliases: Sequence[str] = ()
    user_name: str = ""
    questions: Sequence[Question] = ()
    pitfalls: Sequence[Pitfall] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a message says, before its variables are filled in.

    Attributes:
        subject: may hold variables such as `{{code}}`.
        content: the body; may hold variables.
        content_type: `text/plain` or `text/html`; in HTML the values are escaped.
        usage_type: the usage type it is for; None where a template source gave it.
        locale: the language tag (BCP 47) it is for; None serves every locale.
        send_from: a mailbox that replaces the config's sender; may hold variables.
        reply_to: a mailbox for replies; may hold variables.
        text: the plain text beside a content in HTML, in place of what a connector would make of
            it; may hold variables. None or empty has none of its own.
    """

    subject: str = field(repr=False)
    content: str = field(repr=False)
    content_type: ContentType = "text/html"
    usage_type: str | None = None
    locale: str | None = None
    send_from: str | None = None
    reply_to: str | None = None
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, init=False)
class Message:
    """What the host hands a connector: whom to tell, why, and the values to show.

    Attributes:
        type: the channel, `Email` or `Sms`.
        usage_type: why the message is sent.
        to: one recipient: an addr-spec (RFC 5322 section 3.4.1) or a telephone number.
        payload: the values a template may show.
        locale: the language tag asked for, if any.
        template: set only where the caller or the host's template source gave one; it goes before
            the connector's own.
        ip: the address of the client that asked for the message, if known.
        message_id: an id that stays the same when the host tries again: printable ASCII without
            spaces.
        deadline: when the message must be done with, in seconds of `time.monotonic()`; None means
            no deadline.
    """

    type: ConnectorType
    usage_type: str
    to: str
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    locale: str | None = None
    template: Template | None = None
    ip: str | None = None
    message_id: str
    deadline: float | None = None

    def __init__(
        self,
        *,
        type: ConnectorType,
        usage_type: str,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        template: Template | None = None,
        ip: str | None = None,
        message_id: str,
        deadline: float | None = None,
    ) -> None:
        vars(self).update(
            type=type,
            usage_type=usage_type,
            to=to,
            payload={} if payload is None else payload,
            locale=locale,
            template=template,
            ip=ip,
            message_id=message_id,
            deadline=deadline,
        )


@dataclass(frozen=True, kw_only=True, init=False)
class Receipt:
    """What came of one accepted message.

    Attributes:
        message_id: the Message-ID under which it went out (RFC 5322 section 3.6.4).
        connector_id: the id of the connector that sent it.
        accepted: the recipients the server took responsibility for.
        rejected: the recipients it refused.
        response: the server's last reply.
        enhanced_code: the enhanced status code in it (RFC 3463), if any.
        seconds: time spent, in seconds by stage.
    """

    message_id: str
    connector_id: str
    accepted: tuple[str, ...]
    rejected: tuple[str, ...] = ()
    response: str = ""
    enhanced_code: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __init__(
        self,
        *,
        message_id: str,
        connector_id: str,
        accepted: tuple[str, ...],
        rejected: tuple[str, ...] = (),
        response: str = "",
        enhanced_code: str | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        vars(self).update(
            message_id=message_id,
            connector_id=connector_id,
            accepted=accepted,
            rejected=rejected,
            response=response,
            enhanced_code=enhanced_code,
            seconds={} if seconds is None else seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a verification.

    Attributes:
        name: the step, in the words of `DeliveryError.stage`.
        ok: whether it succeeded.
        seconds: how long it took.
        detail: what was found, for example the TLS version.
        error: why it failed, where it did.
        facts: what was found, for programs. Of `tls`: `version`, `issuer` (whoever signed the
            certificate) and `expires` (when it ends, ISO 8601), as far as they are known.
    """

    name: str
    ok: bool
    seconds: float
    detail: str = ""
    error: DeliveryError | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The steps of one verification, in order; the last one is the one that failed, if any."""

    stages: tuple[Stage, ...]

    @property
    def ok(self) -> bool:
        """Whether every step succeeded."""
        return all(stage.ok for stage in self.stages)


def _require_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} must not be empty")


def _require_texts(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must map language tags to texts, not be {type(value).__name__}")
    for tag, text in value.items():
        _require_text(f"{name}[{tag!r}]", text)
        if not isinstance(tag, str) or not is_language_tag(tag):
            raise ValueError(f"{name}: {tag!r} is not a language tag")
    if "en" not in value:
        raise ValueError(f"{name} must have an 'en' text")
