"""One template, prepared: what does not change from mail to mail is worked out once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from connector_core import MessageError, Template
from connector_core.mail.headers import MAX_HEADER_VALUE, bare_header, header, header_problem
from connector_core.mail.mailboxes import MailboxFieldTemplate
from connector_core.templates import CompiledText, Variables
from connectors.smtp.compose.body import Body
from connectors.smtp.compose.content import Content, Options
from connectors.smtp.compose.limits import MAX_BODY_VALUE, MAX_MESSAGE
from connectors.smtp.compose.text import encoded
from connectors.smtp.i18n import _, mark

__all__ = ["PreparedTemplate", "UnusableTemplateError"]

_LOG = logging.getLogger("connectors.smtp")


class UnusableTemplateError(Exception):
    """Why a template cannot become mails.

    Attributes:
        key: of the template, as a config has it.
        reason: what is wrong with it.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key, self.reason = key, reason
        super().__init__(f"{key} {reason}")


class _Limit(NamedTuple):
    """What is allowed of one value.

    Attributes:
        path: the value's.
        most: characters it may have.
        place: where it would be too long.
        uses: how often it stands in the text or in the HTML, whichever has it more often.
    """

    path: str
    most: int
    place: str
    uses: int


class PreparedTemplate:
    """A template whose mails are made by filling in values.

    Attributes:
        sender: From in place of the config's, if it has one.
        reply_to: Reply-To in place of the config's, if it has one.
        body: what its mails have behind their header.

    Raises:
        UnusableTemplateError: no mail can be made of it.
    """

    def __init__(self, template: Template, options: Options) -> None:
        self.sender = _mailbox("From", "sendFrom", template.send_from)
        self.reply_to = _mailbox("Reply-To", "replyTo", template.reply_to)
        self._subject = CompiledText(template.subject)
        if problem := header_problem(template.subject):
            raise UnusableTemplateError("subject", problem)
        with _faults_of("text"):
            encoded(template.text or "")
        with _faults_of("content"):
            content = Content.of(template, options)
            # The part that has it more often decides: the texts say the same twice.
            uses = Counter(CompiledText(content.html or "").paths)
            uses |= Counter(CompiledText(content.text or "").paths)
            self._variables = Variables([*self._subject.paths, *uses])
            self.body = Body(content.entity(self._variables.paths))
        in_subject = set(self._subject.paths)
        self._limits = [
            _Limit(path, MAX_HEADER_VALUE, mark("the subject"), uses[path])
            if path in in_subject
            else _Limit(path, MAX_BODY_VALUE, mark("the content"), uses[path])
            for path in self._variables.paths
        ]
        # So many characters in all values together break no limit.
        self._harmless = min(MAX_HEADER_VALUE, MAX_MESSAGE // max(uses.values(), default=1))
        places = {path: place for place, path in enumerate(self._variables.paths)}
        self._in_subject = [places[path] for path in self._subject.paths]
        self._constant = None if self._in_subject else _written(template.subject)
        self._warned = False

    def values(self, usage_type: str, payload: Mapping[str, Any]) -> list[str | None]:
        """The values for `subject` and `body`; None where the payload has none.

        Raises:
            MessageError: a value is too long, or all of them are.
        """
        values = self._variables.values(payload)
        if sum(map(len, filter(None, values))) > self._harmless:
            self._check_lengths(values)
        if None in values:
            self._warn_of_gaps(usage_type, values)
        return values

    def _check_lengths(self, values: Sequence[str | None]) -> None:
        total = 0
        for value, limit in zip(values, self._limits, strict=True):
            if value is None:
                continue
            if len(value) > limit.most:
                reason = _("has more than {limit} characters, too many for {place}").format(
                    limit=limit.most, place=_(limit.place)
                )
                raise MessageError(f"payload.{limit.path}", reason)
            total += len(value) * limit.uses
        if total > MAX_MESSAGE:
            reason = _("its values have more than {size} MiB together").format(
                size=MAX_MESSAGE >> 20
            )
            raise MessageError("content", reason)

    def _warn_of_gaps(self, usage_type: str, values: Sequence[str | None]) -> None:
        """Tell once that a variable stays as it stands: recipients will read its braces."""
        if self._warned:
            return
        self._warned = True
        named = zip(self._variables.paths, values, strict=True)
        _LOG.warning(
            "the payload for %r has no value for %s, so the mail shows the variable itself",
            usage_type,
            ", ".join(f"{{{{{path}}}}}" for path, value in named if value is None),
        )

    def subject(self, values: Sequence[str | None]) -> bytes:
        """The field Subject, with its CRLF.

        Raises:
            MessageError: with these values it cannot stand in a header.
        """
        if self._constant:
            return self._constant
        text = self._subject.fill(map(values.__getitem__, self._in_subject))
        if bare := bare_header("Subject", text):
            return bare.encode()
        if problem := header_problem(text):
            raise MessageError("subject", problem)
        return _written(text)


def _written(subject: str) -> bytes:
    return header("Subject", subject).encode("ascii")


def _mailbox(name: str, key: str, text: str | None) -> MailboxFieldTemplate | None:
    with _faults_of(key):
        return MailboxFieldTemplate(name, key, text) if text else None


@contextmanager
def _faults_of(key: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UnusableTemplateError(key, str(error)) from None
