"""Redaction: no secret is left in a text, in any of the forms it takes on the wire."""

from __future__ import annotations

import base64
import time
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector_core.redaction import Redactor

MASK = "***"
UNSEEN = ["Zs", "Zl", "Zp", "Cc", "Cf", "Cs"]
SECRETS = st.text(
    st.characters(exclude_categories=UNSEEN, exclude_characters="*"),  # type: ignore[arg-type]
    min_size=4,
    max_size=40,
)
AROUND = st.text(max_size=20)


def surely_inside(secret: bytes, offset: int) -> str:
    """The base64 characters that only the secret decides, at this offset in what is encoded."""
    first = -(-offset * 8 // 6)
    last = (offset + len(secret)) * 8 // 6
    return base64.b64encode(bytes(offset) + secret).decode()[first:last]


@given(SECRETS, AROUND, AROUND)
@example("pass", "pa", "ss")
def test_plain(secret: str, before: str, after: str) -> None:
    masked = Redactor([secret])(f"{before}{secret}{after}")
    assert MASK in masked
    if secret not in before + MASK + after:
        assert secret not in masked


@given(SECRETS, st.binary(max_size=9), st.binary(max_size=9))
@example("\x00user\x00pass", b"", b"")
@example("aaaa", b"a", b"a")
def test_base64_at_every_offset(secret: str, before: bytes, after: bytes) -> None:
    data = secret.encode()
    encoded = base64.b64encode(before + data + after).decode()
    masked = Redactor([secret])(f"334 {encoded}")
    assert MASK in masked
    certain = surely_inside(data, len(before))
    if encoded.count(certain) == 1:
        assert certain not in masked
        # What is left beside the mask is not more than what stands around the secret decides.
        assert len(masked) <= len("334 ") + len(encoded) - len(certain) + len(MASK)


@given(SECRETS)
def test_the_forms_of_urls_and_reprs(secret: str) -> None:
    redact = Redactor([secret])
    forms = {
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        urllib.parse.urlencode({"k": secret})[2:],
        repr(secret)[1:-1],
    }
    for form in forms:
        assert redact(f"<{form}>") == f"<{MASK}>"


@given(st.lists(SECRETS, min_size=1, max_size=4))
def test_several_secrets_and_the_longest_first(secrets: list[str]) -> None:
    redact = Redactor([*secrets, "", "abc"])
    for secret in secrets:
        assert redact(secret) == MASK


def test_a_secret_that_holds_another() -> None:
    assert Redactor(["pass", "password1"])("password1 pass") == f"{MASK} {MASK}"
    assert Redactor(["password1", "pass"])("password1 pass") == f"{MASK} {MASK}"


@given(st.text())
def test_without_secrets_the_text_stays(text: str) -> None:
    assert Redactor()(text) == text
    assert Redactor(["", "a", "abc"])(text) == text


@pytest.mark.parametrize("secret", ["s3cret+/=", "$^(.*)[", "naïve pässword", "\ud800lone"])
def test_awkward_secrets(secret: str) -> None:
    redact = Redactor([secret])
    data = secret.encode("utf-8", "surrogatepass")
    for offset in range(6):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        assert surely_inside(data, offset) not in redact(encoded)
    assert redact(secret) == MASK
    assert secret not in repr(redact)
    assert secret not in str(redact)


def test_an_xoauth2_exchange_echoed() -> None:
    token = "ya29.canary-token-of-some-length"
    sent = base64.b64encode(f"user=ann@example.org\x01auth=Bearer {token}\x01\x01".encode())
    masked = Redactor([token])(f"535 5.7.8 {sent.decode()} refused")
    assert MASK in masked
    for offset in range(3):
        assert surely_inside(token.encode(), offset) not in masked


def test_base64_broken_over_lines_is_masked_whole() -> None:
    encoded = base64.b64encode(b"\0ann\0correct-horse").decode()
    text = f"535-no: {encoded[:9]}\r\n535 {encoded[9:]} again"
    folded = text.replace("\r\n535 ", "\r\n")
    assert Redactor(["correct-horse"])(folded).count(MASK) == 1
    assert encoded[-10:] not in Redactor(["correct-horse"])(folded)


def test_secrets_that_overlap_leave_nothing_between() -> None:
    assert Redactor(["abcdef", "defghi"])("<abcdefghi>") == f"<{MASK}>"
    assert Redactor(["abcd", "efgh"])("<abcdefgh>") == f"<{MASK}{MASK}>"


@pytest.mark.parametrize("text", ["a" * 65536, "aaaa " * 13000, "YWFh\r\n" * 11000])
def test_a_long_text_full_of_secrets_takes_no_longer(text: str) -> None:
    started = time.perf_counter()
    assert "aaaa" not in Redactor(["aaaa", "aaaaaaaa"])(text)
    assert time.perf_counter() - started < 5


def test_a_long_secret_is_known_at_once() -> None:
    """Access tokens have thousands of characters, and each log-in makes them known."""
    secret = "".join(chr(33 + place * 7 % 90) for place in range(16_384))
    started = time.perf_counter()
    for _ in range(10):
        assert Redactor([secret])(f"no: {secret}") == f"no: {MASK}"
    assert time.perf_counter() - started < 5


@given(SECRETS.filter(lambda text: len(text) >= 12), st.integers(0, 40), st.integers(8, 40))
def test_a_piece_gives_it_away(secret: str, start: int, length: int) -> None:
    piece = secret[start : start + length]
    masked = Redactor([secret])(f"<{piece}>")
    assert (masked == f"<{MASK}>") == (len(piece) >= 8)


ECHOES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "folded": lambda text: f"{text[:7]}\r\n {text[7:]}",
    "spaced": " ".join,
    "zero-width": "\u200b".join,
    "cut off": lambda text: text[:-3],
    "base64 cut off": lambda text: base64.b64encode(f"\0ann\0{text}".encode()).decode()[:-6],
    "base64 folded": lambda text: "\n".join(base64.b64encode(text.encode()).decode()),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_what_a_server_makes_of_it(echo: str) -> None:
    secret = "correct-horse-battery"
    shown = Redactor([secret])(f"535 5.7.8 no: {ECHOES[echo](secret)} (try again)")
    assert shown.startswith("535 5.7.8 no: ")
    assert shown.endswith(" (try again)")
    seen = "".join(char for char in shown.lower() if char.isalnum())
    assert not any(secret[at : at + 8].replace("-", "") in seen for at in range(14))
    assert MASK in shown


def test_what_is_no_secret_stays() -> None:
    redact = Redactor(["correct-horse-battery"])
    for text in ("535 5.7.8 no horse, no battery", "correct", "Correct horse"):
        assert redact(text) == text
