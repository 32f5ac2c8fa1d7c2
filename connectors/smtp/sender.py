"""One configured SMTP connector: from the config to the composer and the pool."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from connector_core import (
    ConfigError,
    DeliveryError,
    Message,
    Receipt,
    Stage,
    VerifyReport,
)
from connector_core.validation import model_problems
from connectors.smtp.compose.message import Composed, Composer
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.pool import Pool
from connectors.smtp.url import expand

__all__ = ["SmtpSender"]

CONNECTOR_ID = "simple-mail-transfer-protocol"
_LOG = logging.getLogger("connectors.smtp")
_SENT = "sent %(message_id)s through %(endpoint)s"
_NOT_SENT = "did not send %(message_id)s through %(endpoint)s, at %(stage)s: %(reason)s"


class SmtpSender:
    """Composes messages of one config and sends them."""

    def __init__(self, config: SmtpConfig) -> None:
        self._composer = Composer(config)
        self._endpoint = Endpoint.of(config)
        self._pool = Pool(self._endpoint, config)
        self._log_level = logging.INFO if config.logger else logging.DEBUG
        _warn(config, self._endpoint)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> SmtpSender:
        """The sender of a config that was checked.

        Raises:
            ConfigError: its shape, url or tls is wrong; the rules are not asked again.
        """
        expanded, found = expand(config)
        if found:
            raise ConfigError(found)
        try:
            return cls(SmtpConfig.model_validate(expanded))
        except ValidationError as error:
            raise ConfigError(model_problems(error)) from None

    async def send(self, message: Message) -> Receipt:
        """Compose one message and send it.

        Raises:
            MessageError, TemplateNotFoundError, DeliveryError: see the `send_message` hook.
        """
        started = time.perf_counter()
        composed = self._composer.compose(message)
        seconds = {"compose": time.perf_counter() - started}
        try:
            sent = await self._pool.send(
                composed.envelope, composed.content, message.deadline, seconds
            )
        except DeliveryError as error:
            self._log_failure(composed, message, error)
            raise
        if _LOG.isEnabledFor(self._log_level):
            self._log(_SENT, composed, message, {"response": sent.response})
        return Receipt(
            message_id=composed.message_id,
            connector_id=CONNECTOR_ID,
            accepted=(composed.envelope.recipient,),
            response=sent.response,
            enhanced_code=sent.enhanced_code,
            seconds=seconds,
        )

    def preview(self, message: Message) -> bytes:
        """The message as `send` would send it, by DATA and before dots are doubled.

        Raises:
            MessageError, TemplateNotFoundError: see the `preview` hook.
        """
        return self._composer.compose(message).content

    def _log(
        self, text: str, composed: Composed, message: Message, facts: Mapping[str, object]
    ) -> None:
        told = {
            "message_id": composed.message_id,
            "usage_type": message.usage_type,
            "connector": CONNECTOR_ID,
            "endpoint": str(self._endpoint),
            **facts,
        }
        _LOG.log(self._log_level, text, told, extra=told)

    def _log_failure(self, composed: Composed, message: Message, error: DeliveryError) -> None:
        facts = {
            "reason": str(error),
            "stage": error.stage,
            "code": error.code,
            "enhanced_code": error.enhanced_code,
            "retry": error.retry,
            "hint": error.hint,
        }
        self._log(_NOT_SENT, composed, message, facts)

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        """Open a connection as far as authentication and close it again."""
        return await self._pool.verify(on_stage)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()


def _warn(config: SmtpConfig, endpoint: Endpoint) -> None:
    if config.tls and config.tls.reject_unauthorized is False:
        _LOG.warning(
            "tls.rejectUnauthorized is false: the certificate of %s is not verified, so anybody on "
            "the way can read the mails and the password; give its authority in tls.ca instead",
            endpoint,
        )
    for key, value in (
        ("disableFileAccess", config.disable_file_access),
        ("disableUrlAccess", config.disable_url_access),
    ):
        if value is False:
            _LOG.warning("%s is false, and has no effect: a config never names what is read", key)
