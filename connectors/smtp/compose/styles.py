"""The CSS of an HTML template, written into the `style` attributes of its elements.

Some mail programs leave out `<style>`; all read `style`. css-inline works out what applies to which
element. Its HTML is not used, for that has lost doctypes, conditional comments and the bounds of
fragments: only the style of each element is taken over, and all else in the template stays as it
is, `<style>` too, and with it media queries and `:hover`.
"""

from __future__ import annotations

import html as entities
from collections import Counter
from collections.abc import Mapping, Sequence

from connector_core.templates import CompiledText
from connectors.smtp.compose.markup import Tag, attribute, names, tags
from connectors.smtp.compose.nesting import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    RENAMED,
    Nesting,
    is_crowded,
)
from connectors.smtp.compose.placeholders import Placeholders
from connectors.smtp.i18n import _, mark

__all__ = ["inline"]

_IGNORE = 'data-css-inline="ignore"'  # css-inline passes over elements with this attribute
# Tags times declarations squared, for css-inline may take that long: at this bound some ten seconds
# at worst. A thousand tags may have three thousand declarations.
_MAX_WORK = 10**10
_NOT_READ = names("link script")
# A rule such as `* { margin: 0 }` means none of these.
_NOT_SHOWN = names("base head link meta script style title")


def inline(html: str) -> str:
    """Write what the template's `<style>` elements say into `style` attributes.

    Nothing is loaded, neither by `<link>` nor by `@import`. A `<style>` that is for some screens
    only, or has the attribute `data-css-inline="ignore"`, is passed over.

    Args:
        html: the source, a document or part of one, in which no value has been filled in.

    Raises:
        ValueError: why this cannot be done, as the rest of a sentence about the template.
        ImportError: css-inline is not installed.
    """
    import css_inline  # only here: few configs need it

    variables = Placeholders(html)
    source, label = variables.text, f"data-{variables.unused}"
    found = list(tags(source))
    declarations = sum(
        source.count(":", tag.end, tag.text_end) for tag in found if tag.name == "style"
    )
    if not declarations:
        return html
    if len(found) * declarations**2 > _MAX_WORK:
        raise ValueError(_("has more CSS than can be inlined into so many elements"))
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    copy = _marked(source, found, label)
    try:
        styles = _styles(inliner.inline(copy), label)
    except css_inline.InlineError:
        raise ValueError(_("has a style attribute or a <style> that is not CSS")) from None
    result = variables.restored(_styled(source, found, styles))
    _check_variables(html, result)
    return result


def _marked(source: str, found: Sequence[Tag], label: str) -> str:
    """A copy for css-inline, in which each start tag has its number as an attribute.

    Raises:
        ValueError: css-inline must not be given it.
    """
    try:
        source.encode()
    except UnicodeEncodeError:
        raise ValueError(_("contains half of a surrogate pair")) from None
    pieces: list[str] = []
    nesting, position = Nesting(), 0
    for number, tag in enumerate(found):
        name = RENAMED.get(tag.name, tag.name)
        if not nesting.takes(name, closing=tag.closing):
            raise ValueError(
                _("nests more than {limit} elements, or leaves too many open").format(
                    limit=MAX_DEPTH
                )
            )
        if is_crowded(source, tag):
            raise ValueError(
                _("has a tag with more than {limit} attributes").format(limit=MAX_ATTRIBUTES)
            )
        pieces.append(source[position : tag.start])
        position = tag.text_end if name in _NOT_READ else tag.end
        if name not in _NOT_READ:
            added = "" if tag.closing else f' {label}="{number}"'
            if name == "style" and not _is_for_all(source, tag):
                added += f" {_IGNORE}"
            pieces.append(f"<{'/' * tag.closing}{name}{added}{source[tag.inside : tag.end]}")
    return "".join([*pieces, source[position:]])


def _is_for_all(source: str, tag: Tag) -> bool:
    """Whether a `<style>` is CSS, and for every screen."""
    media, kind = attribute(source, tag, "media"), attribute(source, tag, "type")
    return (not media or media.value.strip().lower() in ("", "all", "screen", "only screen")) and (
        not kind or kind.value.strip().lower() in ("", "text/css")
    )


def _styles(inlined: str, label: str) -> Mapping[int, str]:
    """The style attribute of each numbered element that has one, in its quotes."""
    styles: dict[int, str] = {}
    for tag in tags(inlined):
        number = None if tag.closing else attribute(inlined, tag, label)
        if number and (style := attribute(inlined, tag, "style")):
            # Where a parser has made two elements of one, the first counts.
            styles.setdefault(int(number.value), inlined[style.start : style.end])
    return styles


def _styled(source: str, found: Sequence[Tag], styles: Mapping[int, str]) -> str:
    """The source with the styles of its elements."""
    pieces: list[str] = []
    position = 0
    for number, style in sorted(styles.items()):
        tag = found[number]
        old = attribute(source, tag, "style")
        if tag.name in _NOT_SHOWN or (old and old.value == entities.unescape(style[1:-1])):
            continue
        if old and old.start < old.end:
            pieces += [source[position : old.start], style]
            position = old.end
        else:
            pieces += [source[position : tag.inside], f" style={style}"]
            position = tag.inside
    return "".join([*pieces, source[position:]])


def _check_variables(html: str, result: str) -> None:
    """Refuse a result with more or fewer variables than the template.

    A variable must not come from `<style>` into an attribute: in the one, quotes in its value stay
    escaped, and in the other they would end a CSS string.
    """
    before = Counter(CompiledText(html).sources)
    after = Counter(CompiledText(result).sources)
    for variables, told in (
        (
            after - before,
            mark("has {variables} in a rule of <style>, which cannot be inlined: give it {ignore}"),
        ),
        (
            before - after,
            mark("has {variables} in a style that would lose it: give its element {ignore}"),
        ),
    ):
        if variables:
            raise ValueError(_(told).format(variables=", ".join(variables), ignore=_IGNORE))
