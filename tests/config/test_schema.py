"""The committed schema: fresh, told in words, and of the same mind as the model."""

from __future__ import annotations

import copy
import math
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from referencing import Registry

from connector_core.configs import plain_copy
from connector_core.validation import check_schema
from connectors.smtp import schema
from connectors.smtp.config import SmtpConfig
from tests.config.configs import check, config, connector, property_schemas, template

SECRETS = {
    "url",
    "auth.pass",
    "auth.accessToken",
    "auth.clientSecret",
    "auth.refreshToken",
    "dkim.keys.privateKey",
    "dkim.keys.privateKey.key",
    "dkim.keys.privateKey.passphrase",
    "dkim.privateKey",
    "dkim.privateKey.key",
    "dkim.privateKey.passphrase",
    "proxy",
    "auth.privateKey",
    "auth.privateKey.key",
    "auth.privateKey.passphrase",
    "tls.key",
    "tls.passphrase",
    "tls.pfx",
}
VALIDATOR = Draft202012Validator(schema.load(), registry=Registry())


def test_the_committed_schema_is_fresh() -> None:
    assert schema.load() == schema.generate(), (
        "schema.json is stale: run `python -m connectors.smtp.schema`"
    )


def test_the_host_hands_it_out() -> None:
    assert connector().schema == schema.load()


def test_it_is_a_schema_that_the_host_takes() -> None:
    check_schema(schema.load())


def test_every_property_says_what_it_is() -> None:
    for path, sub in property_schemas():
        assert sub.get("title"), path
        assert sub.get("description"), path
    for name, sub in schema.load()["$defs"].items():
        assert sub.get("description"), name


def test_every_default_and_example_fits_its_property() -> None:
    for path, sub in property_schemas():
        own = Draft202012Validator({**sub, "$defs": schema.load()["$defs"]}, registry=Registry())
        for value in [*sub.get("examples", []), *([sub["default"]] if "default" in sub else [])]:
            assert own.is_valid(value), path


def test_secrets_are_marked_as_secrets() -> None:
    marked = {
        path
        for path, sub in property_schemas()
        if sub.get("format") == "password" or sub.get("writeOnly")
    }
    assert marked == SECRETS
    for path, sub in property_schemas():
        if path in SECRETS:
            assert (sub.get("format"), sub.get("writeOnly")) == ("password", True), path
            assert not any("BEGIN" in str(item) for item in sub.get("examples", ())), path


def keywords(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keywords(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(keywords(item) for item in value))
    return set()


def test_alternatives_are_anyof() -> None:
    assert not keywords(schema.load()) & {"oneOf", "allOf", "not", "if"}
    assert '"null"' not in str(schema.load()).replace("'", '"')


# -- schema and model accept the same ------------------------------------------------------------

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 0.5, 1.0, -0.0, 1e300, 65535, 65536, 86_400_001])
    | st.text(max_size=8)
    | st.sampled_from(["", "465", "587\n", "٤٦٥", "true", "text/html", "TLSv1.2", "OAuth2", "fr"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def limited(sub: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values at and around the limits of a text or number."""
    if sub.get("type") == "string":
        low, high = sub.get("minLength", 0), min(sub.get("maxLength", 8), 2049)
        return st.sampled_from([low, low + 1, high, high + 1]).map(lambda size: "x" * size)
    low, high = sub.get("minimum", 0), sub.get("maximum", 10**6)
    return st.sampled_from([low - 1, low, low + 1, high - 1, high, high + 1])


def values(sub: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a part of the schema, or nearly."""
    if "$ref" in sub:
        return values(schema.load()["$defs"][sub["$ref"].split("/")[-1]])
    if "anyOf" in sub:
        return st.one_of([values(branch) for branch in sub["anyOf"]])
    if "enum" in sub:
        return st.sampled_from(sub["enum"])
    if sub.get("type") == "boolean":
        return st.booleans()
    if sub.get("type") == "array":
        return st.lists(values(sub["items"]), min_size=sub.get("minItems", 0), max_size=2)
    if sub.get("type") == "object":
        return objects(sub)
    if "pattern" in sub:
        return st.from_regex(sub["pattern"]) | st.text(max_size=8)
    return limited(sub) | st.text(min_size=1, max_size=8)


@st.composite
def objects(draw: st.DrawFn, sub: dict[str, Any]) -> dict[str, Any]:
    known = sub.get("properties", {})
    required = set(sub.get("required", ()))
    chosen = draw(st.sets(st.sampled_from(sorted(known)), max_size=6)) if known else set()
    built = {key: draw(values(known[key])) for key in sorted(chosen | required)}
    more = sub.get("additionalProperties")
    if isinstance(more, dict):
        built |= draw(st.dictionaries(st.text(max_size=6), values(more), max_size=2))
    elif more is True:
        built |= draw(st.dictionaries(st.text(max_size=6), JUNK, max_size=2))
    return built


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a config with each of its keys."""
    if isinstance(value, dict):
        here: list[tuple[Any, Any]] = [(value, key) for key in value]
        return here + [place for item in value.values() for place in places(item)]
    if isinstance(value, list):
        here = [(value, index) for index in range(len(value))]
        return here + [place for item in value for place in places(item)]
    return []


@st.composite
def configs(draw: st.DrawFn) -> Any:
    """A config by the schema, then changed at a few places, however deep."""
    built = copy.deepcopy(draw(values(schema.load())))
    for _ in range(draw(st.integers(0, 3))):
        if not (found := places(built)):
            break
        container, key = draw(st.sampled_from(found))
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            container[key] = draw(JUNK)
        elif change == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(st.text(max_size=6))] = draw(JUNK)
        else:
            container.append(draw(JUNK))
    return built


def model_takes(value: Any) -> bool:
    try:
        SmtpConfig.model_validate(value)
    except ValidationError:
        return False
    return True


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(configs())
@example(config(port="587\n"))
@example(config(port=587.0))
@example(config(port=True))
@example(config(secure=1))
@example(config(secure="true"))
@example(config(connectionTimeout="5"))
@example(config(connectionTimeout=math.nextafter(5, 6)))
@example(config(auth={"user": "u", "pass": "p", "accessToken": "t"}))
@example(config(auth={"type": "oauth2", "user": "u", "privateKey": {"key": "k"}}))
@example(config(from_email="a@b.example"))
@example(config(auth={"user": "u", "password": "p"}))
@example(config(auth={"user": "u", "accessToken": "t", "expires": 10**400}))
@example(config(templates=[template("Generic", locale="fr\n")]))
@example(config(templates=[template("Generic", contentType="text/HTML")]))
@example(config(templates=(template("Generic"),)))
def test_schema_and_model_accept_the_same(value: Any) -> None:
    plain, unplain = plain_copy(value)
    if unplain:
        return
    assert VALIDATOR.is_valid(plain) == model_takes(plain)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(configs())
def test_a_config_is_checked_whatever_is_in_it(value: Any) -> None:
    found = check(value)
    assert not [problem for problem in found if "could not work with it" in problem.message]
    if not found and isinstance(value, dict):
        connector().configure(value)
