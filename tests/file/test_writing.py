"""Files: whole or not at all, for nobody else's eyes, under names that nobody can choose."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import AsyncHost, DeliveryError, Host, TemporaryDeliveryError
from connectors.file import writer
from tests.file.mails import config, content_of, mails_in, message, names_in
from tests.smtp.helpers import Outcome, new_host

NAME = re.compile(r"\d{8}T\d{6}\.\d{9}Z-[A-Za-z0-9_-]{0,40}-[0-9a-f]{16}\.eml")


@asynccontextmanager
async def hosting(folder: Path, **changes: Any) -> AsyncIterator[AsyncHost]:
    async with new_host() as host:
        host.configure("file", config(folder, **changes))
        yield host


async def send(host: AsyncHost, **arguments: Any) -> Any:
    given = {"to": "ann@example.org", "payload": {"code": "123456"}, **arguments}
    return await host.send_message("SignIn", **given)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_message_is_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    async with hosting(folder) as host:
        receipt = await send(host)
    (file,) = folder.iterdir()
    assert (mode(folder), mode(file)) == (0o700, 0o600)
    assert receipt.response == file.name
    assert NAME.fullmatch(file.name)
    assert receipt.accepted == ("ann@example.org",)
    assert receipt.connector_id == "file"
    (mail,) = mails_in(folder)
    assert mail["Message-ID"] == receipt.message_id
    assert content_of(mail) == "Your code is 123456\n"


async def test_a_preview_is_what_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    async with hosting(folder) as host:
        configured = host.configured["file"]
        arguments: dict[str, Any] = {"to": "ann@example.org", "message_id": "m-1"}
        content = await configured.preview("SignIn", **arguments)
        assert not folder.exists()
        await configured.send_message("SignIn", **arguments)
    (file,) = folder.iterdir()
    without_date = [re.sub(rb"Date: [^\r]*", b"", item) for item in (content, file.read_bytes())]
    assert without_date[0] == without_date[1]


async def test_many_at_once_are_all_there(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        await asyncio.gather(*(send(host, payload={"code": str(n)}) for n in range(60)))
    assert len(mails_in(tmp_path)) == 60
    assert {mail["Subject"] for mail in mails_in(tmp_path)} == {f"Code {n}" for n in range(60)}


def test_names_sort_by_time(tmp_path: Path) -> None:
    ours = writer.FileWriter.of(config(tmp_path))
    names = [ours.write(message(usage_type=usage)).response for usage in ("SignIn", "A", "Z", "B")]
    assert sorted(names) == names


def test_the_event_loop_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    written = writer._write

    def noted(*arguments: Any) -> None:
        threads.append(threading.current_thread())
        written(*arguments)

    monkeypatch.setattr(writer, "_write", noted)

    async def run() -> None:
        async with hosting(tmp_path) as host:
            await send(host)
            await host.configured["file"].verify()

    asyncio.run(run())
    assert len(threads) == 2
    assert threading.main_thread() not in threads


# Names


@given(st.text(max_size=300))
def test_a_name_holds_nothing_that_a_path_must_not(usage: str) -> None:
    name = writer._name(usage)
    assert NAME.fullmatch(name)
    assert PurePath(name).name == name
    assert len(f".{name}.part") < 255


@pytest.mark.parametrize("usage", ["../../etc/passwd", "a/b", "..", "a\0b", "CON", "x" * 500, "ü "])
def test_a_usage_type_leads_nowhere_else(usage: str, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    ours = writer.FileWriter.of(config(folder))
    ours.write(message(usage_type=usage, to="ann/x@example.org"))
    assert [item.name for item in tmp_path.iterdir()] == ["mails"]
    (file,) = folder.iterdir()
    assert "ann" not in file.name


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_there_already_is_not_written_through(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    folder = tmp_path / "mails"
    folder.mkdir()
    monkeypatch.setattr(writer, "_name", lambda _usage: "known.eml")
    there = folder / ".known.eml.part"
    if kind == "link":
        there.symlink_to(target)
    else:
        there.write_text("untouched")
    ours = writer.FileWriter.of(config(folder))
    with pytest.raises(DeliveryError) as caught:
        ours.write(message())
    Outcome("PFA", "folder").check(caught.value)
    assert target.read_text() == there.read_text() == "untouched"
    there.unlink()
    (folder / "known.eml").symlink_to(target)
    ours.write(message())
    assert target.read_text() == "untouched"
    assert not (folder / "known.eml").is_symlink()


# Faults


def failing(number: int) -> Any:
    def fail(*_arguments: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number), "/never-shown")

    return fail


@pytest.mark.parametrize(
    ("number", "letters", "hint"),
    [
        (errno.ENOSPC, "RFA", "make room"),
        (errno.EDQUOT, "RFA", "quota"),
        (errno.EACCES, "PFA", "folder"),
        (errno.EROFS, "PFA", "folder"),
        (errno.EIO, "RF", ""),
        (errno.EMFILE, "RF", ""),
    ],
)
@pytest.mark.parametrize("call", ["open", "fsync", "rename"])
async def test_a_fault_leaves_nothing_behind(
    call: str, number: int, letters: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting(tmp_path) as host:
        with monkeypatch.context() as patch:
            if call == "rename":
                patch.setattr(Path, "rename", failing(number))
            else:
                patch.setattr(os, call, failing(number))
            with pytest.raises(DeliveryError) as caught:
                await send(host)
        Outcome(letters, "folder").check(caught.value)
        assert os.strerror(number) in caught.value.reason
        assert str(tmp_path) in caught.value.reason
        assert hint in caught.value.hint
        told = f"{caught.value} {vars(caught.value)}"
        assert "never-shown" not in told
        assert "123456" not in told
        assert names_in(tmp_path) == []
        assert host.registry["file"].suspects(caught.value) == (("folder",),)
        await send(host)
    assert len(mails_in(tmp_path)) == 1


def test_a_folder_whose_name_cannot_be_synced_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_sync", failing(errno.EINVAL))
    writer.FileWriter.of(config(tmp_path)).write(message())
    assert len(mails_in(tmp_path)) == 1


@pytest.mark.parametrize("place", ["absent/mails", "file/mails", "file"])
async def test_a_folder_that_cannot_be_made(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with hosting(tmp_path / place) as host:
        with pytest.raises(DeliveryError) as caught:
            await send(host)
        report = await host.configured["file"].verify()
    Outcome("PFA", "folder").check(caught.value)
    assert [(stage.name, stage.ok) for stage in report.stages] == [("folder", False)]
    assert names_in(tmp_path) == ["file"]


def test_after_the_deadline_nothing_is_written(tmp_path: Path) -> None:
    ours = writer.FileWriter.of(config(tmp_path))
    with pytest.raises(TemporaryDeliveryError) as caught:
        ours.write(message(deadline=0.0))
    assert caught.value.failover
    assert names_in(tmp_path) == []


# Verifying


@pytest.mark.parametrize("there", [True, False])
async def test_verify_leaves_nothing(tmp_path: Path, *, there: bool) -> None:
    folder = tmp_path / "mails"
    if there:
        folder.mkdir()
    told = []
    async with hosting(folder) as host:
        report = await host.configured["file"].verify(lambda stage: told.append(stage.name))
    assert report.ok
    assert told == ["folder"]
    assert report.stages[0].detail == str(folder)
    assert folder.exists() is there
    assert not there or list(folder.iterdir()) == []


def test_a_folder_that_a_message_has_come_into_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = writer.FileWriter.of(config(tmp_path / "mails"))
    written = writer._write

    def beside(folder: Path, name: str, content: bytes) -> None:
        written(folder, name, content)
        written(folder, "other.eml", b"")

    monkeypatch.setattr(writer, "_write", beside)
    assert ours.verify(lambda _stage: None).ok
    assert [item.name for item in (tmp_path / "mails").iterdir()] == ["other.eml"]


def test_the_blocking_host_writes_too(tmp_path: Path) -> None:
    with Host.discover() as host:
        host.configure("file", config(tmp_path))
        host.send_message("SignIn", to="ann@example.org", payload={"code": "1"})
    assert len(mails_in(tmp_path)) == 1
