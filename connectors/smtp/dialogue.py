"""Commands and replies over one connection, each with a time limit and an error of its own."""

from __future__ import annotations

import time

from connector_core import DeliveryError
from connectors.smtp import diagnose
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.i18n import _, mark
from connectors.smtp.protocol import ProtocolError, Reply
from connectors.smtp.transaction import Flight
from connectors.smtp.wire import ConnectionLost, Wire

__all__ = ["BROKEN_OFF", "LOST", "Dialogue", "left"]

LOST = (ConnectionLost, OSError)
BROKEN_OFF = (*LOST, ProtocolError)


def left(deadline: float | None) -> float:
    """The seconds up to a deadline of `time.monotonic()`; without one, for ever."""
    return float("inf") if deadline is None else max(deadline - time.monotonic(), 0.0)


class Dialogue:
    """One command at a time.

    Attributes:
        endpoint: the other side.
        wire: the connection.
    """

    def __init__(self, endpoint: Endpoint, wire: Wire) -> None:
        self.endpoint = endpoint
        self.wire = wire

    async def ask(
        self,
        data: bytes,
        stage: str,
        timeout: float | None = None,
        shown: str | None = None,
        *,
        deadline: float | None = None,
    ) -> Reply:
        """Write, and wait for one reply; whatever goes wrong ends the connection.

        Args:
            data: the command; empty to wait for the greeting.
            stage: the stage to name in an error.
            timeout: seconds to wait; the endpoint's `socket_timeout` where absent.
            shown: what a log may say of the command, where it holds a secret.
            deadline: when to give up at the latest, in seconds of `time.monotonic()`.

        Raises:
            DeliveryError: there was no reply, or none that can be one.
        """
        own = self.endpoint.socket_timeout if timeout is None else timeout
        limit = time.monotonic() + min(own, left(deadline))
        try:
            if data:
                self.require_quiet()
                self.wire.write(Flight(data, data if shown is None else shown.encode()))
            return await self.wire.reply(limit)
        except TimeoutError:
            self.wire.abort()
            raise diagnose.timed_out(stage, self.endpoint) from None
        except LOST:
            self.wire.abort()
            if self.wire.alert is not None:
                raise diagnose.tls_failed(self.endpoint, self.wire.alert) from None
            encrypted = self.wire.encrypted
            raise diagnose.lost(stage, self.endpoint, encrypted=encrypted) from None
        except ProtocolError as error:
            self.wire.abort()
            other = None
            if stage == "greeting":
                other = diagnose.other_protocol(self.endpoint, error.seen)
            raise (other or diagnose.broken(stage, str(error))) from None
        except BaseException:
            # Called off: the reply is still to come, and would pass for that to the next command.
            self.wire.abort()
            raise

    def require_quiet(self) -> None:
        """Raise if the server spoke before it was asked, or went."""
        if self.wire.ready:
            return
        if self.wire.unread:
            raise ProtocolError(mark("the server replied before it was asked"))
        raise ConnectionLost

    def refused(
        self,
        stage: str,
        verb: str,
        reply: Reply,
        what: str | None = None,
        *,
        by_token: bool = False,
    ) -> DeliveryError:
        """The error for a reply that refuses.

        Args:
            stage: where.
            verb: the command it replied to.
            reply: what it replied.
            what: what it refused, in words.
            by_token: whether it was an OAuth2 token that it refused.
        """
        if reply.code < 400:
            return diagnose.broken(
                stage,
                _("the server replied {code} to {command}").format(
                    code=reply.code, command=_(verb or str(what))
                ),
            )
        text = self.wire.mask(str(reply))
        return diagnose.refused(stage, verb, what or verb, reply, text, by_token=by_token)
