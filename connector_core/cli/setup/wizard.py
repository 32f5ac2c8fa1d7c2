"""The questions of `setup` on a terminal, and what to change where a test fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector_core.cli.hostfile import is_there
from connector_core.cli.output import print_error, printable
from connector_core.cli.presets import provider_named, usual_connector
from connector_core.cli.setup import prompts
from connector_core.cli.setup.checks import (
    address_problem,
    name_problem,
    require_address,
    variable_problem,
)
from connector_core.cli.setup.drafts import tell_saved, try_draft
from connector_core.cli.setup.values import ConfigPath, changeable, shown, value_at
from connector_core.errors import (
    ConfigError,
    ConfigProblem,
    DeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.hostfile.reading import read
from connector_core.i18n import gettext as _
from connector_core.i18n import language
from connector_core.models import UsageType
from connector_core.providers import matching
from connector_core.schemas import holds_secret
from connector_core.setup import Draft

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.errors import ConnectorError
    from connector_core.models import Provider, Question
    from connector_core.registry import Registry

__all__ = ["Wizard"]

_AGAIN, _ADDRESS, _OTHER, _SAVE, _END = "again", "address", "other", "save", "end"
_NOTHING = "-"


class Wizard:
    """Sets up one connector, asking for what the options leave open.

    KeyboardInterrupt at any question ends it; nothing was written then.
    """

    def __init__(
        self, registry: Registry, path: Path, *, replacing: bool, secret_files: bool
    ) -> None:
        self._registry = registry
        self._path = path
        self._replacing = replacing
        self._secret_files = secret_files
        self._there = list(read(path).connectors) if is_there(path) else []

    def run(
        self,
        *,
        target: str | None,
        provider: str | None,
        name: str | None,
        values: Mapping[ConfigPath, str],
        to: str | None,
        test: bool,
        serves: Sequence[str] | None,
    ) -> None:
        """Ask, test, save.

        Args:
            target: the connector, if it is chosen already; likewise the others.
            provider: the name of the provider.
            name: what to call it.
            values: of the config.
            to: where to send the test.
            test: whether to test.
            serves: the usage types; none yet where it is empty, and not to be enabled where None.
        """
        connector = self._connector(target)
        require_address(connector, to)
        preset = self._provider(connector, provider)
        if preset is not None:
            _show_guide(preset)
        draft = Draft(self._registry, self._path, connector, preset)
        draft.name = self._name(name, preset.name if preset else connector.target)
        if problems := draft.take(values):
            raise ConfigError(problems)
        while missing := draft.missing():
            self._ask(draft, missing[0])
        self._mend(draft)
        if test:
            self._test(draft, to)
        files = self._keep_secrets(draft)
        usages = serves if draft.name in self._there else self._usages(serves)
        saved = draft.save(usages, secret_files=files, replacing=self._replacing)
        click.echo("")
        tell_saved(draft, saved)

    def _connector(self, target: str | None) -> Connector:
        if target is not None:
            return self._registry[target]
        if (usual := usual_connector(self._registry)) is not None:
            return usual
        choices = [
            (item.target, f"{item.metadata.name_in(language())}  {item.target}")
            for item in self._registry
        ]
        return self._registry[prompts.choose(_("Which connector?"), choices)]

    def _provider(self, connector: Connector, name: str | None) -> Provider | None:
        if name is not None:
            return provider_named(connector, name)
        if not connector.providers:
            return None
        # By title, and the one for whatever has none behind them.
        ordered = sorted(
            connector.providers, key=lambda item: (item.name == "other", item.title.casefold())
        )
        choices = [
            (item.name, f"{item.title} ({', '.join((item.name, *item.aliases))})")
            for item in ordered
        ]
        chosen = prompts.choose(
            _("Which provider?"),
            choices,
            search=lambda typed: [item.name for item in matching(ordered, typed)],
        )
        return provider_named(connector, chosen)

    def _name(self, name: str | None, default: str) -> str:
        """A name that is free, or one to replace."""
        while name is None or (name in self._there and not self._replacing):
            if name is not None:
                told = _("{name} is there already. Replace it?").format(name=name)
                self._replacing = prompts.confirm(told, default=False)
                if self._replacing:
                    return name
            name = prompts.text(_("A name of your own for it"), default=default, check=name_problem)
        return name

    def _ask(
        self, draft: Draft, question: Question, default: str = "", *, changing: bool = False
    ) -> bool:
        """Ask for one value until nothing is wrong with it.

        Args:
            draft: takes the answer.
            question: the question.
            default: what stands there at first.
            changing: an empty answer leaves the value as it is, unless the question takes it.

        Returns:
            Whether there was an answer.
        """
        leaving = changing and not question.optional
        if question.help:
            click.echo(printable(f"  {question.help}"))
        secret = holds_secret(draft.connector.schema, question.path)
        title = question.title
        if secret:
            title += " " + _("(not shown; env:NAME and file:PATH refer to it)")
        elif question.example:
            title += " " + _("(such as {example})").format(example=question.example)
        if question.choices and not default:
            chosen = self._choice(draft, question)
            if chosen is not None and not draft.answer(question.path, chosen):
                return True
        typed = prompts.text(
            title,
            default="" if secret else default,
            secret=secret,
            check=lambda typed: (
                "" if leaving and not typed else _one_line(draft.answer(question.path, typed))
            ),
        )
        return bool(typed) or not leaving

    def _choice(self, draft: Draft, question: Question) -> str | None:
        """One of the question's choices, or what was typed; None for another value."""
        choices = [(value, f"{value}  {meaning}") for value, meaning in question.choices.items()]
        chosen = prompts.choose(
            question.title,
            [*choices, (_OTHER, _("another value"))],
            own=lambda typed: not draft.answer(question.path, typed),
        )
        return None if chosen == _OTHER else chosen

    def _mend(self, draft: Draft) -> None:
        """Ask again for what is wrong between the values.

        Raises:
            ConfigError: what is wrong is no value of this config.
        """
        while problems := draft.problems():
            paths = draft.suspects(problems)
            if not paths:
                raise ConfigError(problems)
            for problem in problems:
                click.echo(printable(_sentence(problem)))
            self._ask(draft, draft.question(paths[0]))

    def _test(self, draft: Draft, to: str | None) -> None:
        """Test until it works, or the user would rather save it as it is."""
        while True:
            if to is None:
                to = prompts.text(
                    _("Your own address, for a test message"),
                    check=partial(address_problem, draft.connector),
                )
            try:
                trial = try_draft(draft, to)
            except ConfigError as error:
                print_error(error)
                self._mend(draft)
                continue
            if trial.error is None:
                click.echo(_("The test was sent to {to}: look whether it arrived.").format(to=to))
                return
            print_error(trial.error)
            action = self._change(draft, trial.error)
            if action == _SAVE:
                return
            if action == _END:
                raise KeyboardInterrupt
            to = None if action == _ADDRESS else to

    def _change(self, draft: Draft, error: ConnectorError) -> str:
        """Change a value where the user wants to, and return what to do then."""
        while (action := self._what_now(draft, error)) not in (_AGAIN, _ADDRESS, _SAVE, _END):
            if action == _OTHER:
                action = self._which(draft)
            path = tuple(action.split("."))
            if action and self._ask(draft, draft.question(path), shown(draft, path), changing=True):
                self._mend(draft)
                return _AGAIN
        return action

    def _what_now(self, draft: Draft, error: ConnectorError) -> str:
        """What to do about a test that failed: the likeliest first."""
        suspects = draft.connector.suspects(error) if isinstance(error, DeliveryError) else ()
        given = draft.config()
        changes = [
            (".".join(path), _("change {title}").format(title=draft.question(path).title))
            for path in suspects
            if path in draft.answers or value_at(given, path) is not None or path == suspects[0]
        ]
        again = [(_AGAIN, _("try again"))]
        later = isinstance(error, TemporaryDeliveryError | UncertainDeliveryError)
        greylisted = later and getattr(error, "stage", "") == "recipient"
        first = [*again, *changes] if greylisted else [*changes, *again]
        return prompts.choose(
            _("What now?"),
            [
                *first,
                (_ADDRESS, _("send the test to another address")),
                (_OTHER, _("change another value")),
                (_SAVE, _("save it as it is, without a test that worked")),
                (_END, _("end, and save nothing")),
            ],
        )

    def _which(self, draft: Draft) -> str:
        """The path of a value, with dots; empty where none is wanted after all."""
        values = [(".".join(path), title) for path, title in changeable(draft)]
        return prompts.choose(_("Which value?"), values, leave="")

    def _keep_secrets(self, draft: Draft) -> bool:
        """Whether secrets go into files of their own; references to the environment are put in."""
        if self._secret_files or not draft.secrets():
            return self._secret_files
        where = prompts.choose(
            _("Where shall the secrets be kept?"),
            [
                ("here", _("in {path}, which only you can read then").format(path=self._path)),
                ("files", _("in files of their own beside it, which only you can read")),
                ("env", _("in environment variables, which you set yourself")),
            ],
        )
        if where == "env":
            for path in draft.secrets():
                title = _("The environment variable for {title}").format(
                    title=draft.question(path).title
                )
                name = prompts.text(title, check=variable_problem)
                draft.answers[path] = f"env:{name}"
                click.echo(_("Set {name} before you send.").format(name=name))
        return where == "files"

    def _usages(self, serves: Sequence[str] | None) -> Sequence[str] | None:
        if serves is None or serves:
            return serves
        every = [("*", _("every usage type without a route of its own"))]
        usages = [(str(usage), str(usage)) for usage in UsageType]
        while True:
            chosen = prompts.choose_several(
                _("What shall it serve?"),
                [*every, *usages, (_NOTHING, _("nothing yet"))],
                checked=["*"],
            )
            if chosen == [_NOTHING]:
                return None
            if _NOTHING not in chosen:
                return chosen
            click.echo(_("nothing yet goes with nothing else: take one or the other out"))


def _show_guide(provider: Provider) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    click.echo("")
    Console().print(Markdown(printable(f"# {provider.title}\n\n{provider.guide}")))
    for link in provider.links:
        click.echo(printable(_("{title}: {url}").format(title=link.title, url=link.url)))
    click.echo("")


def _one_line(problems: Sequence[ConfigProblem]) -> str:
    return _("; ").join(map(_sentence, problems))


def _sentence(problem: ConfigProblem) -> str:
    return _("; ").join(filter(None, (problem.message, problem.hint)))
