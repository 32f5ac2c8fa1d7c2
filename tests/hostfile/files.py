"""Host files for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

USAGES = ("Register", "SignIn", "ForgotPassword", "Generic")
ALL_USAGES = (
    *USAGES,
    *("OrganizationInvitation", "UserPermissionValidation", "BindNewIdentifier"),
    *("MfaVerification", "BindMfa"),
)


def write_templates(
    folder: Path, usages: Sequence[str] = USAGES, locales: Sequence[str] = ("",)
) -> None:
    """One HTML template file for each usage type and locale; the empty locale is none."""
    folder.mkdir(exist_ok=True)
    for usage in usages:
        for locale in locales:
            name = f"{usage}.{locale}.html" if locale else f"{usage}.html"
            (folder / name).write_text(
                f"---\nsubject: {usage} {locale}: {{{{code}}}}\n---\n"
                f"<p>{usage} {locale} <b>{{{{code}}}}</b></p>\n",
                "utf-8",
            )


def connector(name: str, port: int, sender: str = "app@example.com", extra: str = "") -> str:
    """The tables of one SMTP connector on loopback."""
    return (
        f"[connectors.{name}]\n"
        'connector = "smtp"\n\n'
        f"[connectors.{name}.config]\n"
        'host = "127.0.0.1"\n'
        f"port = {port}\n"
        f'fromEmail = "{name} <{sender}>"\n'
        f"{extra}\n"
    )


def write(path: Path, *parts: str) -> Path:
    """A host file of these parts, with template files beside it."""
    write_templates(path.parent / "templates")
    path.write_text("\n".join(parts), "utf-8")
    return path
