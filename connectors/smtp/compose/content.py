"""What a template's mails are made of: its texts, and the images in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from connector_core import ConfigProblem, Template, extras
from connectors.smtp.compose.parts import Entity, alternative, image_part, related, text_part
from connectors.smtp.compose.text import Text

if TYPE_CHECKING:
    from connectors.smtp.compose.images import InlineImage
    from connectors.smtp.config import SmtpConfig

__all__ = ["Content", "Options", "missing"]


class Options(NamedTuple):
    """How a config wants its templates made into mails.

    Attributes:
        text_alternative: a template in HTML that has no text of its own gets one beside it.
        attach_data_urls: images that HTML has as `data:` URLs become parts of the mail.
        inline_css: the rules in `<style>` go into the `style` attributes.
    """

    text_alternative: bool
    attach_data_urls: bool
    inline_css: bool

    @classmethod
    def of(cls, config: SmtpConfig) -> Options:
        """Those of a config."""
        return cls(
            config.text_alternative is not False,
            config.attach_data_urls is not False,
            config.inline_css is True,
        )


def missing() -> ConfigProblem | None:
    """What to say where styles cannot be inlined for want of a package."""
    return extras.missing("$.inlineCss", "css", "css_inline")


class Content(NamedTuple):
    """The texts of a template, with their variables, and its images.

    Attributes:
        html: the text in HTML, if it has one.
        text: the plain text, if it has one.
        images: what the HTML shows by `cid:`.
    """

    html: str | None
    text: str | None
    images: tuple[InlineImage, ...] = ()

    @classmethod
    def of(cls, template: Template, options: Options) -> Content:
        """What a template's content comes to.

        Raises:
            ValueError: the styles of the HTML cannot be put into its attributes.
        """
        if template.content_type != "text/html":
            return cls(None, template.content)
        html, text = template.content, template.text or None
        if options.inline_css:
            from connectors.smtp.compose import styles

            html = styles.inline(html)
        if text is None and options.text_alternative:
            from connectors.smtp.compose.alternative import text_of

            text = text_of(html) or None
        if not options.attach_data_urls:
            return cls(html, text)
        from connectors.smtp.compose.images import extract

        extracted = extract(html)
        return cls(extracted.html, text, extracted.images)

    def entity(self, paths: Sequence[str]) -> Entity:
        """The body, in as many parts as it takes.

        Args:
            paths: of the values that its texts will be given, in their order.

        Raises:
            ValueError: a text holds what no mail can.
        """
        seed = (self.html or "", self.text or "")
        parts: list[Entity] = []
        if self.text is not None:
            parts.append(text_part("text/plain", Text(self.text, paths, html=False)))
        if self.html is not None:
            html = text_part("text/html", Text(self.html, paths, html=True))
            images = [image_part(image, place) for place, image in enumerate(self.images, 1)]
            parts.append(related(html, images, seed) if images else html)
        return alternative(parts, seed) if len(parts) > 1 else parts[0]
