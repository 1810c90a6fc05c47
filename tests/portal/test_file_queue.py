"""The queue of files that a Portico without a broker has."""

import threading
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

import portal.celery  # noqa: F401  (it says what filesystem:// is)
from portal import file_queue


def open_channel(folder: Path) -> Any:
    for name in ("messages", "done", "control"):
        (folder / name).mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "processed_folder": str(folder / "done"),
        "control_folder": str(folder / "control"),
    }
    return Connection("filesystem://", transport_options=options).channel()


def test_a_message_is_found_once_it_is_whole_and_in_its_turn(tmp_path: Path) -> None:
    channel = open_channel(tmp_path)
    assert isinstance(channel, file_queue.Channel)
    (tmp_path / "messages" / "unfinished-1").write_text('{"half')
    with pytest.raises(Empty):
        channel._get("celery")
    for number in range(2):
        channel._put("celery", {"number": number})
        channel._put("another", {"number": 9})
    assert [channel._get("celery") for _ in range(2)] == [{"number": 0}, {"number": 1}]


def test_nobody_ever_reads_half_a_message(tmp_path: Path) -> None:
    writer, reader, body = open_channel(tmp_path), open_channel(tmp_path), "x" * 20_000

    def write() -> None:
        for number in range(200):
            writer._put("celery", {"number": number, "body": body})

    thread = threading.Thread(target=write)
    thread.start()
    found: set[int] = set()
    while len(found) < 200:
        try:
            found.add(reader._get("celery")["number"])
        except Empty:
            assert thread.is_alive() or len(list((tmp_path / "messages").iterdir())) > 0
    thread.join()
