"""Checks of messages: sent, refused with the reason, and shown before they are sent."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from email import message_from_bytes
from typing import Any

from connector_core.configured import AsyncConfiguredConnector
from connector_core.errors import (
    ConnectorError,
    MessageError,
    TemplateNotFoundError,
    UncertainDeliveryError,
)
from connector_core.models import Receipt, UsageType
from connector_core.samplepayload import PAYLOAD
from connector_core.testing.checks import Checks, check
from connector_core.testing.secrecy import require_hidden
from connector_core.testing.subject import Subject
from connector_core.testing.verdicts import BreachError, blocked, not_implemented
from connector_core.testing.watching import watched

__all__ = ["SendingChecks", "is_broken", "require_receipt", "sent"]

_ID = "conformance.7f3a9c"
_CANARY = "conformance.cAnArY"
_CONTROLS = ("\r\nBcc: {}@example.org", "\n", "\r", "\x00", "\x0b", "\x7f", "\x85", "\u2028")


class SendingChecks(Checks):
    """What comes of messages by which the server has nothing to find fault with, and of others."""

    @check
    async def test_send(self) -> None:
        """A message that is taken gives a Receipt with its id, recipient and the connector's id.

        `accepted` has the recipient and `rejected` nothing. The receipt's `message_id` has the
        message's in it, unless the service gives ids of its own (`assigns_ids=True`).
        """
        async with self.subject.serving_host() as connector:
            try:
                receipt = await connector.send_message(**self.subject.sending, message_id=_ID)
            except ConnectorError as error:
                raise BreachError(f"the message is not taken: {_told(error)}") from error
            require_receipt(self.subject, receipt, _ID)

    @check
    async def test_usage_types(self) -> None:
        """For every usage type there is a receipt, or TemplateNotFoundError; any text is one."""
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            for usage in (*UsageType, "ConformanceKit", "a b", "é" * 300):
                arguments = {**self.subject.sending, "usage_type": str(usage)}
                try:
                    await connector.send_message(**arguments)
                except (TemplateNotFoundError, MessageError):
                    continue
                except ConnectorError as error:
                    raise BreachError(f"the usage type {usage[:20]!r}: {_told(error)}") from error

    @check
    async def test_bad_recipients(self) -> None:
        """A recipient that is none is refused with MessageError, which does not show it.

        The host passes any text. One with a line break or another control character is never
        taken: it would be a header, or a command, of somebody else's making. Others may also be
        refused by the server, or be delivered.
        """
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            good = self.subject.recipient
            for bad in _with_controls(good):
                await self._require_refused(connector, {"to": bad}, "a recipient with a control")
            for bad in (f"{_CANARY} {good}", f"{good}, {_CANARY}", f"<{_CANARY}", "é" * 5000):
                await self._require_known(connector, {"to": bad}, "a recipient that is none")

    @check
    async def test_bad_payloads(self) -> None:
        """A payload is delivered, whatever is in it, or refused with MessageError naming the field.

        It may lack what a template shows, and hold control characters, half of a surrogate pair,
        a megabyte, lists and objects.
        """
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            for payload in _payloads(self.subject.payload or PAYLOAD):
                await self._require_known(connector, {"payload": payload}, "a payload")

    @check
    async def test_bad_message_ids(self) -> None:
        """A message id is used as it is, or refused with MessageError; it comes from a caller."""
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            for bad in ("<>", "@", "a@b@c", "<a@b>,<c@d>", "'", "a/b", "%0d%0a", "x" * 900):
                await self._require_known(connector, {"message_id": bad}, "a message id")

    @check
    async def test_preview(self) -> None:
        """The hook `preview` gives the message's bytes (RFC 5322), opens nothing and sends nothing.

        It refuses what `send_message` refuses.
        """
        if not self.subject.connector.implements("preview"):
            raise not_implemented("preview")
        async with self.subject.serving_host() as connector:
            with watched() as offences:
                try:
                    content = await connector.preview(**self.subject.sending, message_id=_ID)
                except ConnectorError as error:
                    raise BreachError(f"the preview fails: {_told(error)}") from error
            if offences:
                raise BreachError(f"preview {offences[0]}", "compose the message and no more")
            mail = message_from_bytes(content)
            if connector.type == "Email" and not (mail["From"] and mail["To"]):
                raise BreachError("the preview is no message of RFC 5322: it has no From or no To")
            for bad in _with_controls(self.subject.recipient):
                arguments = {**self.subject.sending, "to": bad}
                refused = await _refuses(connector.send_message, arguments)
                if refused and not await _refuses(connector.preview, arguments):
                    raise BreachError(
                        "preview takes a recipient that send_message refuses",
                        "compose both by one function",
                    )

    async def _require_refused(
        self, connector: AsyncConfiguredConnector, changed: dict[str, Any], what: str
    ) -> None:
        try:
            await connector.send_message(**{**self.subject.sending, **changed})
        except MessageError as error:
            require_hidden({what: _CANARY}, "MessageError", str(error), repr(error))
        except ConnectorError as error:
            raise BreachError(f"{what} is not foreseen: {_told(error)}") from error
        else:
            raise BreachError(
                f"{what} is taken", 'raise MessageError("to", …) before anything is written'
            )

    async def _require_known(
        self, connector: AsyncConfiguredConnector, changed: dict[str, Any], what: str
    ) -> None:
        try:
            await connector.send_message(**{**self.subject.sending, **changed})
        except MessageError as error:
            require_hidden({what: _CANARY}, "MessageError", str(error), repr(error))
            if not error.field:
                raise BreachError(
                    f"{what} is refused without its name", "name it in `field`"
                ) from None
        except ConnectorError as error:
            if is_broken(error):
                raise BreachError(
                    f"{what} is not foreseen: {_told(error)}",
                    "raise MessageError for data that cannot become a message",
                ) from error


async def _refuses(call: Callable[..., Awaitable[object]], arguments: dict[str, Any]) -> bool:
    try:
        await call(**arguments)
    except MessageError:
        return True
    except ConnectorError:
        return False
    return False


def is_broken(error: ConnectorError) -> bool:
    """Whether it is the host's own error, for a connector that broke or did not come to an end."""
    return isinstance(error, UncertainDeliveryError) and error.stage == "connector"


def _told(error: ConnectorError) -> str:
    notes = "\n".join(getattr(error, "__notes__", ()))  # where a connector broke
    return f"{type(error).__name__}: {error}\n{notes}".rstrip()


async def sent(subject: Subject, connector: AsyncConfiguredConnector) -> None:
    """Send a message that arrives; where it does not, or not rightly, the check is skipped."""
    try:
        receipt = await connector.send_message(**subject.sending, message_id=_ID)
        require_receipt(subject, receipt, _ID)
    except (ConnectorError, BreachError):
        raise blocked("a message that should arrive does not, or has a wrong receipt") from None


def require_receipt(subject: Subject, receipt: Receipt, message_id: str) -> None:
    """Raise BreachError if it is not the receipt of this message."""
    if receipt.connector_id != subject.connector.id:
        raise BreachError(
            f"the receipt has the connector_id {receipt.connector_id!r}",
            f"give the id of the metadata, {subject.connector.id!r}",
        )
    if receipt.accepted != (subject.recipient,) or receipt.rejected != ():
        raise BreachError(
            "the receipt does not say that the recipient was accepted",
            "accepted=(message.to,); where it is refused, raise PermanentDeliveryError",
        )
    own = subject.assigns_ids
    if not re.fullmatch(r"[!-~]+", receipt.message_id) or not (
        own or message_id in receipt.message_id
    ):
        raise BreachError(
            "the receipt has not the id of the message",
            "message_id=message.message_id; or, where the service behind it gives ids of its own, "
            "assigns_ids=True",
        )


def _with_controls(recipient: str) -> Iterator[str]:
    for control in _CONTROLS:
        yield recipient + control.format(_CANARY)
        yield control.format(_CANARY) + recipient


def _payloads(usual: Any) -> Iterator[dict[str, Any]]:
    yield {}
    odd: tuple[Any, ...] = (
        *(
            "",
            "\r\nBcc: eve@example.org",
            "\x00\x1b[2J",
            "\ud800",
            "{{code}}",
            "<b>&\"'",
            "a" * 2**20,
        ),
        *(None, True, 0.1, 10**40, [], ["a", {"b": None}], {"code": {"code": "1"}}),
    )
    for value in odd:
        yield dict.fromkeys(usual, value)
