"""URLs: taken apart, or refused."""

from __future__ import annotations

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.network.urls import HttpUrl


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("https://a.example", HttpUrl(True, "a.example", 443, "/"), "a.example"),
        ("HTTPS://A.example:443/b", HttpUrl(True, "a.example", 443, "/b"), "a.example"),
        ("http://a.example:443/", HttpUrl(False, "a.example", 443, "/"), "a.example:443"),
        ("http://[::1]/b?c=d", HttpUrl(False, "::1", 80, "/b?c=d"), "[::1]"),
        ("https://bücher.example/ü?ä", HttpUrl(True, "xn--bcher-kva.example", 443,
         "/%C3%BC?%C3%A4"), "xn--bcher-kva.example"),
        ("https://my_host:8443/a%20b?x=%26#", HttpUrl(True, "my_host", 8443, "/a%20b?x=%26"),
         "my_host:8443"),
    ],
)  # fmt: skip
def test_what_is_a_url(text: str, url: HttpUrl, shown: str) -> None:
    assert HttpUrl.parse(text) == url
    assert str(url) == shown
    assert "%26" not in repr(url)


@pytest.mark.parametrize("host", ["[::1]x", "[::1]x:443", "x[::1]", "[v1.fe]", "[a.example]", "[]"])
def test_brackets_are_for_an_address_alone(host: str) -> None:
    with pytest.raises(ValueError, match="has no host name"):
        HttpUrl.parse(f"https://{host}/")


@given(st.text(max_size=40) | st.text(max_size=30).map("https://a.example/".__add__))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = HttpUrl.parse(text)
    except ValueError:
        return
    written = url.host + url.target
    assert written.isascii()
    assert written.isprintable()
    assert " " not in written
    assert url.target.startswith("/")
    host = f"[{url.host}]" if ":" in url.host else url.host
    assert HttpUrl.parse(f"https://{host}").host == url.host


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=20))
def test_a_path_says_the_same_when_it_is_encoded(path: str) -> None:
    if "%" in path or "#" in path or "?" in path:
        return
    url = HttpUrl.parse(f"https://a.example/{path}")
    assert urllib.parse.unquote(url.target) == f"/{path}"
