"""`url` and `service`: short forms, which what is given on its own goes before."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core import ConfigProblem
from connectors.smtp.endpoint import TlsMode
from tests.config.configs import context_of, credentials, endpoint, problems


def by_url(url: str, **changes: Any) -> dict[str, ConfigProblem]:
    return problems(host=None, url=url, **changes)


@pytest.mark.parametrize(
    ("url", "host", "port", "mode"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, TlsMode.OFFERED),
        ("smtp://mail.example.com/", "mail.example.com", 587, TlsMode.OFFERED),
        ("smtp://mail.example.com:25", "mail.example.com", 25, TlsMode.OFFERED),
        ("smtp://mail.example.com:465", "mail.example.com", 465, TlsMode.IMPLICIT),
        ("smtps://mail.example.com", "mail.example.com", 465, TlsMode.IMPLICIT),
        ("SMTPS://mail.example.com:2465", "mail.example.com", 2465, TlsMode.IMPLICIT),
        ("smtp://[2001:db8::25]:2525", "2001:db8::25", 2525, TlsMode.OFFERED),
        ("smtp://[::1]", "::1", 587, TlsMode.OFFERED),
        ("smtp://a.example?requireTLS=true", "a.example", 587, TlsMode.REQUIRED),
        ("smtp://a.example/?ignoreTLS=TRUE", "a.example", 587, TlsMode.NEVER),
        ("smtp://a.example?secure=true&port=2465", "a.example", 2465, TlsMode.IMPLICIT),
        ("smtp://b%C3%BCcher.example", "xn--bcher-kva.example", 587, TlsMode.OFFERED),
    ],
)
def test_a_url_says_where_and_how(url: str, host: str, port: int, mode: TlsMode) -> None:
    found = endpoint(host=None, url=url)
    assert (found.host, found.port, found.tls) == (host, port, mode)


@pytest.mark.parametrize(
    ("given", "user", "password"),
    [
        ("ann:secret", "ann", "secret"),
        ("ann%40example.com:p%40%3A%2F%3F%23%25", "ann@example.com", "p@:/?#%"),
        ("ann:p:q", "ann", "p:q"),
        ("ann@example.com:secret", "ann@example.com", "secret"),
        ("J%C3%B6rg:gr%C3%BCn", "Jörg", "grün"),
        ("ann:a+b%20c", "ann", "a+b c"),
    ],
)
def test_credentials_are_percent_decoded(given: str, user: str, password: str) -> None:
    found = credentials(host=None, url=f"smtp://{given}@mail.example.com")
    assert found is not None
    assert (found.user, found.password) == (user, password)


def test_options_have_the_types_of_their_keys() -> None:
    given: dict[str, Any] = {
        "host": None,
        "url": "smtp://mail.example.com?connectionTimeout=1500&name=app.example.com&debug=true"
        "&tls.rejectUnauthorized=false&tls.minVersion=TLSv1.3&authMethod=LOGIN"
        "&auth.user=ann&auth.pass=12345&fromEmail=ignored%40example.com",
    }
    found, login = endpoint(**given), credentials(**given)
    assert found.connect_timeout == 1.5
    assert found.client_name == "app.example.com"
    assert found.log_dialogue
    assert not context_of(found).check_hostname
    assert context_of(found).minimum_version.name == "TLSv1_3"
    assert login is not None
    assert (login.user, login.password, login.method) == ("ann", "12345", "LOGIN")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mail.example.com", "must start with smtp://"),
        ("mail.example.com:587", "must start with smtp://"),
        ("https://mail.example.com", "must start with smtp://"),
        ("direct:", "must start with smtp://"),
        ("smtp:", "has no host"),
        ("smtp://", "has no host"),
        ("smtp://:587", "has no host"),
        ("smtp://ann:secret@", "has no host"),
        ("smtp://mail.example.com:port", "port is a number"),
        ("smtp://mail.example.com:70000", "port is a number"),
        ("smtp://[::1", "port is a number"),
        ("smtp://mail.example.com/inbox", "path or fragment"),
        ("smtp://ann:pa#ss@mail.example.com", "port is a number"),
        ("smtp://ann:1#ss@mail.example.com", "path or fragment"),
        ("smtp://ann:1/ss@mail.example.com", "path or fragment"),
        ("smtp://mail.example.com\r\nQUIT", "control character"),
        ("smtp://ann:%FF@mail.example.com", "not UTF-8"),
        ("smtp://mail.example.com?name=%FF", "not UTF-8"),
        ("smtp://mail.example.com?url=smtp://other.example", "unknown option"),
        ("smtp://mail.example.com?requireTls=true", "did you mean requireTLS?"),
        ("smtp://mail.example.com?tls.minversion=TLSv1.3", "did you mean minVersion?"),
        ("smtp://mail.example.com?tls.=x", "unknown option"),
        ("smtp://mail.example.com?nothing.here=x", "unknown option"),
        ("smtp://mail.example.com?host=other.example", "gives host twice"),
        ("smtp://mail.example.com:25?port=26", "gives port twice"),
        ("smtps://mail.example.com?secure=false", "gives secure twice"),
        ("smtp://mail.example.com?name=a&name=b", "gives name twice"),
        ("smtp://ann:secret@mail.example.com?auth.pass=other", "gives auth.pass twice"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_alone(url: str, said: str) -> None:
    (problem,) = by_url(url).values()
    assert problem.path == "$.url"
    assert said in problem.message
    assert "smtp://user:password@host:587" in problem.hint


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("smtp://mail.example.com?secure=yes", "$.secure"),
        ("smtp://mail.example.com?connectionTimeout=soon", "$.connectionTimeout"),
        ("smtp://mail.example.com?connectionTimeout=-1", "$.connectionTimeout"),
        ("smtp://mail.example.com?tls=strict", "$.tls"),
        ("smtp://mail.example.com?tls.minVersion=TLSv1", "$.tls.minVersion"),
        ("smtp://mail.example.com?lmtp=yes", "$.lmtp"),
        ("smtp://mail.example.com?proxy=ftp://127.0.0.1", "$.proxy"),
        ("smtp://mail.example.com?dsn.ret=half", "$.dsn.ret"),
        ("smtp://mail.example.com?dkim=x", "$.dkim"),
        ("smtp://mail.example.com?port=0", "$.port"),
        ("smtp://ann@mail.example.com", "$.auth.pass"),
        ("smtp://:secret@mail.example.com", "$.auth.user"),
        ("smtp://ann:a%00b@mail.example.com", "$.auth.pass"),
        ("smtps://mail.example.com:587", "$.secure"),
    ],
)
def test_what_a_url_stands_for_is_held_to_the_same_rules(url: str, path: str) -> None:
    assert list(by_url(url)) == [path]


def test_what_is_given_on_its_own_goes_before_the_url() -> None:
    given: dict[str, Any] = {
        "host": "own.example",
        "port": 2525,
        "requireTLS": True,
        "auth": {"user": "own", "pass": "own"},
        "url": "smtp://ann:secret@mail.example.com:25?opportunisticTLS=false&name=app.example",
    }
    found, login = endpoint(**given), credentials(**given)
    assert (found.host, found.port, found.tls) == ("own.example", 2525, TlsMode.REQUIRED)
    assert login is not None
    assert login.user == "own"
    assert found.client_name == "app.example"


@pytest.mark.parametrize("empty", ["", None])
def test_what_is_empty_does_not(empty: str | None) -> None:
    url = "smtp://mail.example.com:2525?name=app.example.com"
    found = endpoint(host=empty, name=empty, url=url)
    assert (found.host, found.client_name) == ("mail.example.com", "app.example.com")
    assert endpoint(host=empty, service="gmail").host == "smtp.gmail.com"


def test_and_the_url_before_the_service() -> None:
    url = "smtp://ann:secret@mail.example.com:2525"
    found = endpoint(host=None, url=url, service="gmail")
    assert (found.host, found.port, found.tls) == ("mail.example.com", 2525, TlsMode.REQUIRED)


@pytest.mark.parametrize(
    ("service", "host", "port", "mode"),
    [
        ("gmail", "smtp.gmail.com", 465, TlsMode.IMPLICIT),
        ("Gmail", "smtp.gmail.com", 465, TlsMode.IMPLICIT),
        ("SendGrid", "smtp.sendgrid.net", 587, TlsMode.REQUIRED),
        ("postmark", "smtp.postmarkapp.com", 587, TlsMode.REQUIRED),
        # Of several hosts the first, as in nodemailer.
        ("aliyun", "smtpdm.aliyun.com", 465, TlsMode.IMPLICIT),
        ("SES", "email-smtp.us-east-1.amazonaws.com", 465, TlsMode.IMPLICIT),
        ("Mailgun", "smtp.mailgun.org", 465, TlsMode.IMPLICIT),
        ("Mailtrap", "live.smtp.mailtrap.io", 587, TlsMode.REQUIRED),
        ("Zoho", "smtp.zoho.com", 465, TlsMode.IMPLICIT),
    ],
)
def test_a_service_stands_for_its_server(service: str, host: str, port: int, mode: TlsMode) -> None:
    found = endpoint(host=None, service=service)
    assert (found.host, found.port, found.tls) == (host, port, mode)


def test_a_port_of_ones_own_brings_its_own_mode() -> None:
    found = endpoint(host=None, service="gmail", port=587)
    assert (found.host, found.port, found.tls) == ("smtp.gmail.com", 587, TlsMode.REQUIRED)
    found = endpoint(host=None, service="sendgrid", port=465)
    assert (found.port, found.tls) == (465, TlsMode.IMPLICIT)


@pytest.mark.parametrize("port", [587, "587"])
def test_the_services_own_port_keeps_its_mode(port: int | str) -> None:
    assert endpoint(host=None, service="sendgrid", port=port).tls is TlsMode.REQUIRED


def test_another_host_goes_before_the_services() -> None:
    found = endpoint(host="smtp.eu.mailgun.org", service="mailgun")
    assert (found.host, found.port, found.tls) == ("smtp.eu.mailgun.org", 465, TlsMode.IMPLICIT)


@pytest.mark.parametrize("service", ["hotmail", "other"])
def test_an_unknown_service_is_told_alone(service: str) -> None:
    (problem,) = problems(host=None, service=service).values()
    assert problem.path == "$.service"
    assert "163, aliyun, brevo, gmail, mailgun" in problem.message
    assert "other" not in problem.message


@pytest.mark.parametrize("key", ["url", "service"])
def test_empty_ones_are_none(key: str) -> None:
    assert problems(**{key: ""}) == {}
    assert list(problems(host=None, **{key: ""})) == ["$.host"]


@pytest.mark.parametrize("key", ["url", "service"])
def test_they_are_texts(key: str) -> None:
    assert list(problems(**{key: 5})) == [f"$.{key}"]


def test_a_reference_in_a_url_is_refused_like_any_other() -> None:
    found = by_url("smtp://zoe:env%3ASMTP_PASSWORD@mail.example.org")
    assert list(found) == ["$.auth.pass"]
    assert "not resolved" in found["$.auth.pass"].message
