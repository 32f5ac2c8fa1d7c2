"""Commands shown in another language: copies, whatever they are made of."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from connector_core.cli.language import translated
from tests.i18n.messages import helps


@click.group(epilog="The end.")
def group() -> None:
    """Does things."""


@group.command(short_help="one thing")
@click.argument("thing")
@click.argument("kind", type=click.Choice(["big", "small"]))
@click.argument("rest", nargs=-1)
@click.option("--name", help="Its name.")
@click.option("--size", type=click.Choice(["s", "m"]), help="Its size.")
@click.option("--count", type=int, metavar="NUMBER", prompt="how many", help="How many.")
@click.option("--fast", is_flag=True, help="In a hurry.")
def do(
    thing: str, kind: str, rest: tuple[str, ...], name: str, size: str, count: int, fast: bool
) -> None:
    """Do one thing.

    In two paragraphs.
    """
    click.echo(f"{thing} {kind} {rest} {count}")


def shown(command: click.Command, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_every_text_is_translated() -> None:
    told = shown(translated(group, str.upper), "--help")
    for text in ("DOES THINGS.", "THE END.", "ONE THING", "COMMAND [ARGS]..."):
        assert text in told
    told = shown(translated(group, str.upper), "do", "--help")
    for text in ("DO ONE THING.", "IN TWO PARAGRAPHS.", "ITS NAME.", "HOW MANY.", "IN A HURRY."):
        assert text in told


def test_the_values_of_a_choice_stay() -> None:
    told = shown(translated(group, str.upper), "do", "--help")
    assert "[s|m]" in told
    assert "{big|small}" in told or "[big|small]" in told
    assert "THING {big|small} [REST]..." in told or "THING [big|small] [REST]..." in told


def test_the_command_itself_is_left_alone() -> None:
    before = shown(group, "do", "--help")
    assert shown(translated(group, str.upper), "do", "--help") != before
    assert shown(group, "do", "--help") == before


class Late(click.Group):
    """A group that finds its commands when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["do"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return do if cmd_name == "do" else None


@click.group()
def outer() -> None:
    """Has a group in it."""


outer.add_command(Late("late", help="Finds late."))


def test_what_a_group_finds_late_is_translated() -> None:
    told = shown(translated(outer, str.upper), "late", "--help")
    assert "FINDS LATE." in told
    assert "ONE THING" in told
    assert "ITS NAME." in shown(translated(outer, str.upper), "late", "do", "--help")
    assert CliRunner().invoke(translated(outer, str.upper), ["late", "undo"]).exit_code == 2


def test_the_help_of_commands_within_commands_is_found_for_translation() -> None:
    found = {message for message, _ in helps(outer)}
    assert {"Has a group in it.", "Finds late.", "one thing", "Its name.", "THING"} <= found
    assert {file for _, file in helps(do)} == {"tests/cli/test_translated.py"}


@pytest.mark.parametrize("command", [group, translated(group, str.upper)])
def test_a_copy_does_what_the_command_does(command: click.Command) -> None:
    result = CliRunner().invoke(command, ["do", "it", "big", "a", "b"], input="3\n")
    assert result.output.endswith("it big ('a', 'b') 3\n")
