"""No text for people stands in the code without `_(…)`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.i18n.literals import misfilled, shadowed, untranslated

ROOT = Path(__file__).parent.parent.parent
# The conformance kit speaks to whoever writes a connector, in the language of its code.
KIT = ROOT / "connector_core/testing"
MODULES = sorted(
    path
    for folder in ("connector_core", "connectors")
    for path in ROOT.glob(f"{folder}/**/*.py")
    if KIT not in path.parents
)

# Prose that is not for people, by what it is for.
ALLOWED = {
    # Commands to type, and words of protocols.
    "connector sample {} --provider {}",
    "connector send smtp --url smtp://{}:{} --from me@example.com --usage SignIn "
    "--to you@example.org --var code=123456",
    "pip install 'connector-core[inbox]'",
    "pip install 'connector-core[{}]'",
    "Message-ID: {}",
    "python -m pip install --upgrade pip",
    "python -m pip install --editable . --group=dev",
    # What a new connector says of itself until its author says more; its project is in English.
    "text messages",
    "Sends the {} of a sign-in flow through {}.",
    "connector-core inbox",
    "250 2.0.0 Ok: kept in the inbox",
    "Content-Type: {}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <{}>\r\n"
    'Content-Disposition: inline; filename="{}"\r\n',
    'multipart/related; type="text/html";',
    # Stages, by which causes are told apart.
    "sender recipient content",
    "auth token",
    "greeting ehlo tls {} {}",
    # What python-socks says, and what an error is made of that nobody shows.
    "No acceptable authentication methods",
    "Unexpected SOCKS authentication method",
    "Username and password authentication failure",
    "no such name",
    "no look-up",
    # Log records.
    "did not send %(message_id)s through %(endpoint)s, at %(stage)s: %(reason)s",
    "did not send %(message_id)s to %(endpoint)s: %(reason)s",
    # Members of an enumeration, which explain themselves to whoever reads the code.
    "from the first byte",
    "STARTTLS or fail",
    "STARTTLS where it is offered; if it is then refused, fail",
    "STARTTLS where it is offered; if it is then refused, carry on",
    "in the clear",
}
# Modules whose ValueError is for whoever wrote the program.
API = {
    "connector_core/host.py",
    "connector_core/inbox/__init__.py",
    "connector_core/models.py",
    "connector_core/providers.py",
    "connectors/smtp/protocol.py",
    "connectors/smtp/providers/__init__.py",
}
# Their descriptions are found in the schemas that are made of them.
MODELS = {
    "connector_core/mail/templates.py",
    "connectors/file/config.py",
    "connectors/http_email/config.py",
    "connectors/smtp/config.py",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_text_for_people_is_translated(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    source = path.read_text("utf-8")
    raised = {"ValueError"} if name in API else ()
    found = [] if name in MODELS else untranslated(source, raised=raised)
    missing = [f"{name}:{line}: {text!r}" for line, text in found if text not in ALLOWED]
    assert not missing, "without _(…) or mark(…):\n" + "\n".join(missing)
    assert not misfilled(source)
    assert not shadowed(source), f"{name}: `_` is the translation, and used for something else"


def test_what_is_allowed_is_there() -> None:
    found = {
        text
        for path in MODULES
        for _, text in untranslated(path.read_text("utf-8"), raised={"ValueError"})
    }
    assert not ALLOWED - found


@pytest.mark.parametrize(
    "planted",
    [
        'raise MessageError("to", "wrong")',
        'raise ConfigError([ConfigProblem("$", message="wrong")])',
        'raise ConfigError([ConfigProblem("$", _("wrong"), "mend it")])',
        'raise errors.TemporaryDeliveryError(f"{host} is away", stage="connect")',
        'raise UncertainDeliveryError(_("gone"), stage="content", hint="ask")',
        'raise PermanentDeliveryError("a" if x else "no", stage="auth")',
        'raise ConnectorError("broken" + name)',
        'click.echo("done")',
        'click.echo(printable(f"sent {name}"))',
        'click.echo(f"done: {name}".rstrip(), err=True)',
        'raise click.BadParameter("unknown", param_hint="--to")',
        'table(_("Things"), ("name", _("title")), rows)',
        'error.add_note("twice")',
        'hint = "check the spelling"',
        'reason = f"more than {limit} octets in it"',
        'return message, "ask the server"',
        'HINTS = {535: "look at the password"}',
        'raise ValueError("has no host")',
        'cause("x", "auth", r"^5", "ask")',
        'raise MessageError("to", _("{name} is wrong"))',
        'click.echo(printable(_("sent to {name}")))',
    ],
)
def test_the_finder_finds(planted: str) -> None:
    source = planted if planted.startswith("HINTS") else f"def f():\n    {planted}\n"
    assert untranslated(source), planted


@pytest.mark.parametrize(
    "sound",
    [
        'raise MessageError("to", _("wrong"))',
        'raise MessageError("to", _("write t={{token}}"))',
        'raise ConfigError([ConfigProblem(path, _("{n} keys").format(n=n), _(HINT))])',
        'raise TypeError("a list of usage types must be given")',
        '_LOG.warning("%s did not close cleanly", name)',
        'if "not valid for" in message: pass',
        'pattern = re.compile(r"too many of them")',
        'click.echo("")',
        'click.echo(f"  {path}: {message}")',
        'told = ngettext("{n} mail sent", "{n} mails sent", n)',
        '"""What it does."""',
        'hint = mark("check the spelling")',
    ],
)
def test_the_finder_lets_pass(sound: str) -> None:
    assert not untranslated(f"def f():\n    {sound}\n")


def test_a_table_of_commands_is_shown_translated() -> None:
    assert not untranslated('_COMMANDS = {"send": ("sending", "send", "Send one message.")}')


def test_a_decorator_is_shown_translated() -> None:
    source = '@click.option("--to", help="To whom to send it.")\ndef f():\n    pass\n'
    assert not untranslated(source)


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ('_("port {port} is closed").format(port=port)', False),
        ('_("port {port} is closed").format(prot=port)', True),
        ('_("port {port} is closed").format(port)', True),
        ('_("port {} is closed").format(port)', True),
        ('_("port {port} of {host} is closed").format(port=port)', True),
        ('_("port {port} is closed").format(port=port, host=host)', True),
        ('(_("{a}") if x else _("{b}")).format(a=a)', True),
        ('ngettext("one key", "{n} keys", n).format(n=n)', False),
        ('ngettext("one key", "{n} keys", n).format(count=n)', True),
        ('_("write t={{token}}")', False),
        ("_(HINT).format(port=port)", False),
    ],
)
def test_a_message_filled_in_with_other_names_is_found(planted: str, found: bool) -> None:
    assert bool(misfilled(f"told = {planted}\n")) == found


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ('for _ in range(2):\n        pass\n    return _("no host")', [1]),
        ('name, _, rest = text.partition(":")\n    return _("no host")', [1]),
        ('names = [name for name, _ in pairs]\n    return _("no host")', []),
        ("for _ in range(2):\n        pass", []),
    ],
)
def test_a_name_of_two_meanings_is_found(body: str, lines: list[int]) -> None:
    assert shadowed(f"def f():\n    {body}\n") == lines
