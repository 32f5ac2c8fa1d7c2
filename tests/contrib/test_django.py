"""A Django project's mails, from what Django offers to an inbox."""

from __future__ import annotations

import io
import logging
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.core.mail import (
    EmailMessage,
    EmailMultiAlternatives,
    get_connection,
    mail_admins,
    send_mail,
)
from django.core.management import call_command
from django.test import AsyncClient, Client, override_settings
from django.utils import translation
from django.utils.translation import gettext_lazy

from connector_core import (
    NoConnectorForUsageError,
    PermanentDeliveryError,
    Receipt,
    TemporaryDeliveryError,
)
from connector_core.contrib.django import EmailBackend, get_host
from tests.contrib.apps import source
from tests.hostfile.files import connector, write
from tests.inboxes import ThreadedInbox

pytestmark = pytest.mark.usefixtures("project")

TO = "ann@example.org"


def test_send_mail_arrives(inbox: ThreadedInbox) -> None:
    assert send_mail("Grüße", "Hello\n", "Zoé <zoe@example.com>", [TO]) == 1
    [received] = inbox.mails
    assert (received.sender, received.recipients) == ("zoe@example.com", (TO,))
    assert received.message["Subject"] == "Grüße"
    assert received.message["From"] == "Zoé <zoe@example.com>"
    assert received.message["To"] == TO
    assert received.message.get_content_type() == "text/plain"
    assert received.body == "Hello\r\n"


def test_html_has_the_text_that_the_connector_makes_of_it(inbox: ThreadedInbox) -> None:
    html = '<p>Open <a href="https://example.com/x?a=1&amp;b=2">the page</a></p>'
    send_mail("Hello", "", None, [TO], html_message=html)
    message = inbox.mails[0].message
    shown, text = message.get_body(("html",)), message.get_body(("plain",))
    assert shown is not None
    assert text is not None
    assert shown.get_content().strip() == html
    assert text.get_content().strip() == "Open the page (https://example.com/x?a=1&b=2)"


def test_nothing_in_a_mail_is_a_variable(inbox: ThreadedInbox) -> None:
    body = "{{code}} {{ user.name }} {{0}} {% now %} {{{locale}}}\n"
    message = EmailMultiAlternatives("{{code}}", body, '"{{code}}" <a@example.com>', [TO])
    with translation.override("fr"):
        message.send()
    received = inbox.mails[0].message
    assert received["Subject"] == "{{code}}"
    assert received["From"].addresses[0].display_name == "{{code}}"
    assert inbox.mails[0].body == body.replace("\n", "\r\n")


def test_without_a_sender_in_the_settings_it_is_that_of_the_config(inbox: ThreadedInbox) -> None:
    mail_admins("Hello", "Text")  # from SERVER_EMAIL, which the project does not set
    with override_settings(SERVER_EMAIL="mine@example.com"):
        mail_admins("Hello", "Text")
    senders = [received.sender for received in inbox.mails]
    assert senders == ["app@example.com"] * 2 + ["mine@example.com"] * 2


def test_lazy_texts_are_in_the_language_of_the_time(inbox: ThreadedInbox) -> None:
    with translation.override("fr"):
        send_mail(gettext_lazy("Yes"), gettext_lazy("No"), None, [TO])
    assert inbox.mails[0].message["Subject"] == "Oui"
    assert inbox.mails[0].body == "Non\r\n"


def test_a_link_resets_the_password_in_the_language_of_the_user(inbox: ThreadedInbox) -> None:
    from django.contrib.auth.models import User

    User.objects.all().delete()
    User.objects.create_user("ann", TO, "the old password")
    client = Client(headers={"accept-language": "fr"})
    client.post("/accounts/password_reset/", {"email": TO})
    [received] = inbox.mails
    assert received.message["Subject"] == "Réinitialisation du mot de passe sur testserver"
    assert received.sender == "no-reply@example.com"
    link = re.search(r"http://testserver\S+", received.body)
    assert link is not None
    form = client.get(urlsplit(link[0]).path, follow=True).request["PATH_INFO"]
    new = {"new_password1": "correct horse 9", "new_password2": "correct horse 9"}
    assert client.post(form, new).status_code == 302
    assert client.login(username="ann", password="correct horse 9")


def test_the_documented_form_mails_the_link_by_a_template(
    project: Path, inbox: ThreadedInbox, caplog: pytest.LogCaptureFixture
) -> None:
    from django.contrib.auth.models import User

    template = project / "templates" / "ForgotPassword.fr.txt"
    template.write_text("---\nsubject: Nouveau mot de passe\n---\n{{link}}\n")
    names: dict[str, Any] = {"__name__": "shop.forms"}
    exec(source("docs/embedding/django.md", "shop/forms.py"), names)
    User.objects.all().delete()
    User.objects.create_user("ann", TO, "the old password")

    def reset(address: str) -> None:
        form = names["MailedPasswordResetForm"]({"email": address})
        assert form.is_valid()
        with translation.override("fr"):
            form.save(domain_override="shop.example.com", use_https=True)

    reset(TO)
    assert inbox.mails[0].message["Subject"] == "Nouveau mot de passe"
    assert inbox.mails[0].body.startswith("https://shop.example.com/accounts/reset/")
    User.objects.update(email=TO.replace("ann", "later"))
    reset("later@example.org")
    assert "a password reset was not sent" in caplog.text


def test_sendtestemail(inbox: ThreadedInbox) -> None:
    call_command("sendtestemail", TO, "bob@example.org", stdout=io.StringIO())
    assert [received.recipients for received in inbox.mails] == [(TO,), ("bob@example.org",)]


def test_mail_admins_reaches_each(inbox: ThreadedInbox) -> None:
    mail_admins("Disk", "It is full.", html_message="<p>It is full.</p>")
    assert [received.message["To"] for received in inbox.mails] == [TO, "bob@example.org"]
    assert {received.message["Subject"] for received in inbox.mails} == {"[Django] Disk"}


def test_an_error_in_a_view_is_mailed_by_logging(inbox: ThreadedInbox) -> None:
    client = Client(raise_request_exception=False)
    assert client.get("/failing/").status_code == 500
    assert len(inbox.mails) == 2
    assert "/failing/" in inbox.mails[0].message["Subject"]
    assert "ZeroDivisionError" in inbox.mails[0].body


@override_settings(EMAIL_TIMEOUT=30)
def test_an_error_is_mailed_with_its_page_in_html(inbox: ThreadedInbox) -> None:
    from django.utils.log import AdminEmailHandler

    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "Wrong", (), sys.exc_info())
    AdminEmailHandler(include_html=True).emit(record)
    assert "ZeroDivisionError" in str(inbox.mails[0].message.get_body(("html",)))


def test_one_connection_serves_many_mails_and_outlives_close(inbox: ThreadedInbox) -> None:
    with get_connection() as connection:
        assert connection.open() is False  # it was made as the block began
        messages = [
            EmailMultiAlternatives(f"Number {index}", "Text", None, [TO]) for index in range(3)
        ]
        assert connection.send_messages(messages) == 3
    assert messages[0].outcomes[TO].response.startswith("250")  # type: ignore[attr-defined]
    assert get_connection().send_messages([]) == 0
    assert EmailMultiAlternatives("To nobody", "Text", None, []).send() == 0
    assert EmailBackend().send_messages([EmailMultiAlternatives("To nobody", "Text")]) == 0
    send_mail("After it", "Text", None, [TO], connection=connection)
    assert len(inbox.mails) == 4


def test_many_threads_share_one_host(inbox: ThreadedInbox) -> None:
    connection = get_connection()

    def send(index: int) -> int:
        get_host()
        return send_mail(f"Number {index}", "Text", None, [TO], connection=connection)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(40))) == 40
        assert len({id(host) for host in pool.map(lambda _: get_host(), range(40))}) == 1
    assert len({received.message["Subject"] for received in inbox.mails}) == 40


def test_a_failure_is_raised_unless_it_shall_be_silent(
    project: Path, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    write(project / "connectors.toml", connector("main", unused_tcp_port))
    with pytest.raises(TemporaryDeliveryError):
        send_mail("Hello", "Text", None, [TO])
    with caplog.at_level("INFO", "connector_core"):
        assert send_mail("Hello", "Text", None, [TO], fail_silently=True) == 0
    assert "a mail was not sent" in caplog.text


def test_one_who_is_refused_keeps_no_other_from_getting_the_mail(inbox: ThreadedInbox) -> None:
    message = EmailMultiAlternatives("Hello", "Text", None, ["refused@example.org", TO])
    with pytest.raises(PermanentDeliveryError) as caught:
        message.send()
    assert caught.value.__notes__ == ["sent to 1 of 2 recipients"]
    outcomes = message.outcomes  # type: ignore[attr-defined]
    assert outcomes["refused@example.org"] is caught.value
    assert isinstance(outcomes[TO], Receipt)
    assert len(inbox.mails) == 1
    again = EmailMultiAlternatives("Hello", "Text", None, ["refused@example.org", TO])
    assert again.send(fail_silently=True) == 0


def test_a_server_that_is_away_is_not_tried_for_each_recipient(
    project: Path, unused_tcp_port: int
) -> None:
    write(project / "connectors.toml", connector("main", unused_tcp_port))
    message = EmailMultiAlternatives("Hello", "Text", None, [TO, "bob@example.org"])
    with pytest.raises(TemporaryDeliveryError):
        message.send()
    assert list(message.outcomes) == [TO]  # type: ignore[attr-defined]


def test_the_usage_type_chooses_the_connector(project: Path, inbox: ThreadedInbox) -> None:
    routes = '[routes]\nAlert = ["alerts"]\n"*" = ["main"]\n'
    parts = [connector(name, inbox.port, f"{name}@example.com") for name in ("main", "alerts")]
    write(project / "connectors.toml", *parts, routes)

    def send(message: EmailMultiAlternatives) -> None:
        message.send()

    send(EmailMultiAlternatives("a", "Text", None, [TO]))
    named = EmailMultiAlternatives("b", "Text", None, [TO])
    named.usage_type = "Alert"  # type: ignore[attr-defined]
    send(named)
    header = {"X-Connector-Usage-Type": "Alert"}
    send(EmailMultiAlternatives("c", "Text", None, [TO], headers=header))
    with override_settings(CONNECTORS={"FILE": project / "connectors.toml", "USAGE_TYPE": "Alert"}):
        send(EmailMultiAlternatives("d", "Text", None, [TO]))
    assert "X-Connector-Usage-Type" not in inbox.mails[2].message


def test_a_mailer_may_have_a_usage_type_and_a_timeout(project: Path, inbox: ThreadedInbox) -> None:
    """As Django 6.1 makes one of `MAILERS`."""
    routes = '[routes]\nAlert = ["main"]\n"*" = []\n'
    write(project / "connectors.toml", connector("main", inbox.port), routes)
    message = EmailMultiAlternatives("Hello", "Text", None, [TO])
    assert (
        EmailBackend(alias="alerts", usage_type="Alert", timeout=30).send_messages([message]) == 1
    )
    with pytest.raises(NoConnectorForUsageError):
        EmailBackend(alias="default").send_messages([message])
    with pytest.raises(ImproperlyConfigured, match="host"):
        EmailBackend(alias="default", host="mail.example.com")


@pytest.mark.parametrize(("settings", "seconds"), [({}, None), ({"EMAIL_TIMEOUT": 5}, 5)])
def test_the_timeout_is_that_of_the_settings(
    settings: dict[str, float], seconds: float | None
) -> None:
    with override_settings(**settings):
        assert EmailBackend().timeout == seconds
    with override_settings(MAILERS={}):
        assert EmailBackend().timeout is None


async def test_an_asynchronous_view_sends_by_a_thread(inbox: ThreadedInbox) -> None:
    client = AsyncClient()
    assert (await client.get("/by-mail/")).content == b"1"
    assert (await client.get("/by-usage/")).content.startswith(b"250")
    subjects = [received.message["Subject"] for received in inbox.mails]
    assert subjects == ["Hello", "SignIn : 123456"]


async def test_an_asynchronous_view_that_would_block_its_loop_is_told_how_not_to() -> None:
    with pytest.raises(SynchronousOnlyOperation, match="sync_to_async"):
        await AsyncClient().get("/blocking/")


async def test_whoever_logs_an_error_in_an_event_loop_does_not_fail_by_it(
    inbox: ThreadedInbox,
) -> None:
    logging.getLogger("django.request").error("wrong")
    assert [received.recipients for received in inbox.mails] == [(TO,), ("bob@example.org",)]


def test_a_host_file_that_is_wrong_is_told_whole_and_never_in_silence(project: Path) -> None:
    (project / "connectors.toml").write_text('[connectors.main]\nconnector = "smtp"\n')
    with pytest.raises(ImproperlyConfigured, match=r"CONNECTORS\['FILE'\].*config"):
        send_mail("Hello", "Text", None, [TO], fail_silently=True)


def test_a_host_file_by_which_every_mail_would_be_lost_is_told_as_well(project: Path) -> None:
    (project / "connectors.toml").write_text("")
    message = EmailMessage("Hello", "Text", None, [TO])
    with pytest.raises(NoConnectorForUsageError):
        message.send(fail_silently=True)
    assert isinstance(message.outcomes[TO], NoConnectorForUsageError)  # type: ignore[attr-defined]


def test_options_of_other_backends_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="username, password"):
        send_mail("Hello", "Text", None, [TO], auth_user="ann", auth_password="secret")


def test_djangos_tests_put_their_own_backend_in_its_place(inbox: ThreadedInbox) -> None:
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        send_mail("Hello", "Text", None, [TO])
    assert len(mail.outbox) == 1
    assert not inbox.mails
