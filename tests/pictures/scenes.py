"""What the pictures of the command show: what is typed, and what has to be there before."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCENES", "Scene"]

_SENDGRID = (
    "connector setup --no-input --no-test --provider sendgrid --name main "
    "--set auth.pass=env:SENDGRID_API_KEY --set fromEmail=no-reply@example.com"
)
_GMAIL = (
    "connector setup --no-input --no-test --provider gmail --name main "
    "--set auth.user=app@gmail.com --set auth.pass=env:GMAIL_PASSWORD"
)


@dataclass(frozen=True)
class Scene:
    """A picture of the command.

    Attributes:
        name: of its file, without `.svg`.
        command: what is typed.
        answers: questions that come, and what is typed then.
        before: commands that are run unseen.
        columns: how wide the terminal is.
    """

    name: str
    command: str
    answers: tuple[tuple[str, str], ...] = ()
    before: tuple[str, ...] = ()
    columns: int = 100


SCENES = (
    Scene("list", "connector list", columns=92),
    Scene(
        "setup",
        "connector setup",
        answers=(
            ("Which provider?", "sendgrid"),
            ("A name of your own", ""),
            ("API key", "env:SENDGRID_API_KEY"),
            ("verified sender's address", "no-reply@example.com"),
            ("Your own address", "you@example.org"),
            ("What shall it serve?", ""),
        ),
        columns=128,
    ),
    Scene("test", "connector test main --to you@example.org", before=(_SENDGRID,), columns=84),
    Scene("failure", "connector test main --to you@example.org", before=(_GMAIL,), columns=106),
    Scene(
        "doctor",
        "connector doctor",
        before=(
            _SENDGRID.replace("env:SENDGRID_API_KEY", "$SENDGRID_API_KEY"),
            "chmod 644 connectors.toml",
            'for file in templates/*; do cp $file "${file%.*}.fr.${file##*.}"; done',
            "rm templates/MfaVerification.fr.*",
        ),
    ),
)
# Gmail's is the account's own password, with which it lets no program in.
ENVIRON = {"SENDGRID_API_KEY": "SG.aaaaaaaa.bbbbbbbbbbbb", "GMAIL_PASSWORD": "tr0ub4dor-and-3"}
