"""A list to choose from on a terminal, narrowed by what is typed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from prompt_toolkit.application import Application
from prompt_toolkit.filters import is_done
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from questionary.styles import merge_styles_default

from connector_core.cli.output import printable
from connector_core.i18n import gettext as _

__all__ = ["Search", "Selection"]

Search = Callable[[str], Collection[str]]  # the values that a text finds


class Selection:
    """One of several values; what no choice matches is refused, or is the value itself.

    Attributes:
        typed: what was typed to search.
    """

    def __init__(
        self,
        title: str,
        choices: Sequence[tuple[str, str]],
        *,
        default: str | None = None,
        search: Search | None = None,
        own: Callable[[str], bool] = lambda _typed: False,
        leave: str | None = None,
    ) -> None:
        """Prepare it.

        Args:
            title: the question.
            choices: each a value and what it means.
            default: the value to begin at.
            search: finds values; without it a text finds those whose meaning has it inside.
            own: whether a text that no choice matches is a value itself.
            leave: the value for Esc, which does nothing without it.
        """
        self.typed = ""
        self._title = title
        self._choices = choices
        self._search = search or self._by_meaning
        self._own = own
        self._leave = leave
        self._refused = False
        self._chosen: str | None = None
        self._at = next((at for at, item in enumerate(choices) if item[0] == default), 0)

    def application(self) -> Application[str]:
        """The prompt, which ends with the value, or with KeyboardInterrupt on Ctrl-C and Ctrl-D."""
        line = Window(FormattedTextControl(self._line), dont_extend_height=True, wrap_lines=True)
        choices = Window(FormattedTextControl(self._list, focusable=True, show_cursor=False))
        return Application(
            layout=Layout(HSplit([line, ConditionalContainer(choices, ~is_done)]), choices),
            key_bindings=self._keys(),
            style=merge_styles_default([]),
        )

    def _found(self) -> list[tuple[str, str]]:
        if not self.typed.strip():
            return list(self._choices)
        values = self._search(self.typed)
        return [item for item in self._choices if item[0] in values]

    def _by_meaning(self, text: str) -> list[str]:
        words = text.casefold().split()
        return [
            value
            for value, meaning in self._choices
            if all(word in meaning.casefold() for word in words)
        ]

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add(Keys.ControlC, eager=True)
        @keys.add(Keys.SIGINT, eager=True)
        @keys.add(Keys.ControlD, eager=True)
        def interrupt(event: KeyPressEvent) -> None:
            event.app.exit(exception=KeyboardInterrupt)

        @keys.add(Keys.Escape)
        def leave(event: KeyPressEvent) -> None:
            if self._leave is not None:
                self._chosen = ""
                event.app.exit(result=self._leave)

        @keys.add(Keys.Up)
        @keys.add(Keys.ControlP)
        def up(_event: KeyPressEvent) -> None:
            self._at = max(0, self._at - 1)

        @keys.add(Keys.Down)
        @keys.add(Keys.ControlN)
        def down(_event: KeyPressEvent) -> None:
            self._at = max(0, min(self._at + 1, len(self._found()) - 1))

        @keys.add(Keys.Backspace)
        def erase(_event: KeyPressEvent) -> None:
            self._type(self.typed[:-1])

        @keys.add(Keys.Any)
        @keys.add(Keys.BracketedPaste)
        def write(event: KeyPressEvent) -> None:
            if event.data.isprintable():
                self._type(self.typed + event.data)

        @keys.add(Keys.Enter)
        def end(event: KeyPressEvent) -> None:
            self._end(event.app)

        return keys

    def _type(self, text: str) -> None:
        self.typed, self._at, self._refused = text, 0, False

    def _end(self, app: Application[str]) -> None:
        found = self._found()
        if found:
            value, self._chosen = found[self._at]
        elif self._own(self.typed.strip()):
            value = self._chosen = self.typed.strip()
        else:
            self._refused = True
            return
        app.exit(result=value)

    def _line(self) -> StyleAndTextTuples:
        told = _("(arrow keys, or type to search)")
        last = ("class:instruction", told)
        if self._chosen is not None:
            last = ("class:answer", printable(self._chosen))
        return [("class:qmark", "?"), ("class:question", f" {printable(self._title)} "), last]

    def _list(self) -> StyleAndTextTuples:
        drawn: StyleAndTextTuples = []
        for at, (_value, meaning) in enumerate(self._found()):
            here = at == self._at
            drawn.append(("class:pointer", " » ") if here else ("", "   "))
            drawn.append(("class:highlighted" if here else "", f"{printable(meaning)}\n"))
        if self.typed:
            drawn.append(("class:question-mark", f"/ {self.typed}\n"))
        if self._refused:
            drawn.append(("class:validation-toolbar", _("nothing matches: type something else")))
        return drawn
