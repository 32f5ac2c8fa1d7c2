"""The mails that are sent or composed."""

from __future__ import annotations

from pathlib import Path

from tests.bench.task import VARIABLE, Mail

__all__ = ["CODE", "composed"]

_MAILS = Path(__file__).with_name("mails")
_LONG = 10_000  # octets


def _content(name: str) -> str:
    return (_MAILS / name).read_text("utf-8")


CODE = Mail("Your sign-in code", _content("code.html"))


def composed() -> dict[str, Mail]:
    """What composing is measured with, by what is special about it."""
    html = CODE.content
    paragraph = "<p>The code works on the page where you began to sign in, and nowhere else.</p>\n"
    often = (_LONG - len(html)) // len(paragraph)
    long = html.replace("</body>", paragraph * often + "</body>")
    return {
        f"plain text, {_size(_content('code.txt'))}": Mail(
            CODE.subject, _content("code.txt"), "text/plain"
        ),
        f"HTML, {_size(html)}": CODE,
        f"HTML, {_size(long)}": Mail(CODE.subject, long),
        f"Chinese HTML, {_size(_content('chinese.html'))}": Mail(
            "您的登录验证码", _content("chinese.html")
        ),
    }


def _size(content: str) -> str:
    return f"{len(content.replace(VARIABLE, '123456').encode()) / 1000:.1f} kB"
