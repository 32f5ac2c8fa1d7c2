"""Real mail servers for the tests, each on free loopback ports and in a folder of the test's own.

`tests/servers/install` puts their programs into `.servers/`; a test whose server is not there is
skipped, or fails where REQUIRE_SERVERS=1. Starting and waiting block: a test that runs an event
loop calls `wait_for_messages` through `asyncio.to_thread`.
"""

from __future__ import annotations

from tests.servers.dovecot import Dovecot, start_dovecot
from tests.servers.exim import Exim, start_exim
from tests.servers.opensmtpd import OpenSmtpd, start_opensmtpd
from tests.servers.postfix import Postfix, start_postfix
from tests.servers.process import ServerError
from tests.servers.require import require_server
from tests.servers.smtp_server import ReceivedMail, SmtpServer, start_smtp_server
from tests.servers.tls import ServerTls

__all__ = [
    "Dovecot",
    "Exim",
    "OpenSmtpd",
    "Postfix",
    "ReceivedMail",
    "ServerError",
    "ServerTls",
    "SmtpServer",
    "require_server",
    "start_dovecot",
    "start_exim",
    "start_opensmtpd",
    "start_postfix",
    "start_smtp_server",
]
