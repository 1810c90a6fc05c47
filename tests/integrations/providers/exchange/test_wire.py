"""What the way to the server does with answers that the pretend Exchange does not give."""

from collections.abc import Callable

import pytest
import requests

from integrations.errors import AdminNeeded, Unexpected, Unreachable
from integrations.providers.exchange import WORDS, ews, syncing, wire
from integrations.providers.exchange.operations import get_contacts, get_folders, sync_hierarchy
from integrations.providers.exchange.versions import find_version
from integrations.providers.exchange.wire import Wire
from integrations.providers.http import Answer
from tests.integrations.providers.exchange.answers import envelope, failure, fault, good, response, success

Script = Callable[[bytes], Answer]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], Wire]:
    """play(script) -> a wire on which the script answers."""

    def play(script: Script) -> Wire:
        monkeypatch.setattr(wire, "send_soap", lambda session, url, request, words: script(request))
        return Wire(
            "https://mail.northwind.example/EWS/Exchange.asmx",
            "alice",
            "secret",
            kind="ntlm",
            version=find_version("2019"),
            words=WORDS,
            session_factory=requests.Session,
        )

    return play


def test_a_server_older_than_all_that_is_known_is_asked_with_each_version_once(play: Callable[[Script], Wire]) -> None:
    asked: list[str] = []

    def answer(request: bytes) -> Answer:
        asked.append(request.partition(b'Version="')[2].partition(b'"')[0].decode())
        return Answer(500, {}, fault("ErrorInvalidServerVersion"))

    with pytest.raises(AdminNeeded) as caught:
        play(answer).ask(get_folders("calendar"))
    assert caught.value.sentence == WORDS.too_old
    assert asked == [
        "Exchange2016",
        "Exchange2013_SP1",
        "Exchange2013",
        "Exchange2010_SP2",
        "Exchange2010_SP1",
        "Exchange2010",
    ]


@pytest.mark.parametrize("missing", ["calendar", "contacts"])
def test_an_account_without_a_calendar_or_contacts_is_told_as_such(
    play: Callable[[Script], Wire], missing: str
) -> None:
    inner = '<m:Folders><t:CalendarFolder><t:FolderId Id="f" ChangeKey="k"/></t:CalendarFolder></m:Folders>'
    parts = [
        failure("GetFolder", "ErrorFolderNotFound") if name == missing else success("GetFolder", inner)
        for name in ("calendar", "contacts")
    ]
    with pytest.raises(AdminNeeded) as caught:
        ews._open_folders(play(lambda _: Answer(200, {}, envelope(response("GetFolder", *parts)))))
    assert caught.value.sentence == WORDS.no_folders


def changes(state: str, *, is_last: bool, count: int = 1) -> Answer:
    folder = '<t:Create><t:Folder><t:FolderId Id="f" ChangeKey="k"/></t:Folder></t:Create>' * count
    last = "true" if is_last else "false"
    return good(
        "SyncFolderHierarchy",
        f"<m:SyncState>{state}</m:SyncState><m:IncludesLastFolderInRange>{last}</m:IncludesLastFolderInRange>"
        f"<m:Changes>{folder}</m:Changes>",
    )


def test_changes_are_followed_to_the_last_page(play: Callable[[Script], Wire]) -> None:
    pages = [changes("a", is_last=False), changes("b", is_last=False, count=2), changes("c", is_last=True, count=0)]
    found = list(syncing.sync(play(lambda _: pages.pop(0)), sync_hierarchy, ""))
    assert [(len(some), state) for some, state in found] == [(1, "a"), (2, "b"), (0, "c")]


@pytest.mark.parametrize(
    "page", [changes("same", is_last=False), changes("other", is_last=False, count=0)], ids=["same state", "no change"]
)
def test_changes_without_an_end_are_not_followed_for_ever(play: Callable[[Script], Wire], page: Answer) -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> Answer:
        asked.append(request)
        return page

    with pytest.raises(Unexpected, match="without an end"):
        list(syncing.sync(play(answer), sync_hierarchy, "same"))
    assert len(asked) == 1


def test_more_pages_of_changes_than_a_folder_can_have_are_not_followed(
    play: Callable[[Script], Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "_MOST_PAGES", 5)
    numbers = iter(range(100))
    with pytest.raises(Unexpected, match="more than 5 pages"):
        list(syncing.sync(play(lambda _: changes(str(next(numbers)), is_last=False)), sync_hierarchy, ""))


def test_an_item_that_the_server_cannot_read_costs_no_other(
    play: Callable[[Script], Wire], caplog: pytest.LogCaptureFixture
) -> None:
    """Once more without its body; and if that will not do, without it."""
    contact = '<m:Items><t:Contact><t:ItemId Id="{}" ChangeKey="k"/></t:Contact></m:Items>'
    asked: list[bytes] = []

    def answer(request: bytes) -> Answer:
        asked.append(request)
        if len(asked) == 1:
            parts = [
                success("GetItem", contact.format("a")),
                failure("GetItem", "ErrorItemCorrupt"),
                failure("GetItem", "ErrorItemNotFound"),
                failure("GetItem", "ErrorCorruptData"),
                failure("GetItem", "ErrorAccessDenied"),
            ]
        elif b'Id="b"' in request:
            parts = [success("GetItem", contact.format("b"))]
        else:
            parts = [failure("GetItem", "ErrorCorruptData")]
        return Answer(200, {}, envelope(response("GetItem", *parts)))

    def operation(ids: list[str], with_body: bool) -> str:
        return get_contacts(ids, with_body=with_body)

    found = {one: item is not None for one, item in syncing.get_items(play(answer), list("abcde"), operation)}
    assert found == {"a": True, "b": True, "c": False}
    assert [b"item:Body" in request for request in asked] == [True, False, False]
    assert "ErrorCorruptData" in caplog.text and "ErrorAccessDenied" in caplog.text


def test_another_number_of_answers_than_of_items_is_unexpected(play: Callable[[Script], Wire]) -> None:
    def operation(ids: list[str], with_body: bool) -> str:
        return get_contacts(ids)

    with pytest.raises(Unexpected, match="1 answers to 2 items"):
        list(syncing.get_items(play(lambda _: good("GetItem", "<m:Items/>")), ["a", "b"], operation))


@pytest.mark.parametrize("error", [KeyError("www-authenticate"), "spnego", "base64"])
def test_a_handshake_that_goes_wrong_is_unreachable(monkeypatch: pytest.MonkeyPatch, error: object) -> None:
    import binascii

    from spnego.exceptions import InvalidTokenError

    raised = {"spnego": InvalidTokenError(context_msg="secret"), "base64": binascii.Error("secret")}

    def fail(*_: object, **__: object) -> None:
        raise raised.get(error, error) if isinstance(error, str) else error  # type: ignore[misc]

    monkeypatch.setattr(wire, "send", fail)
    with requests.Session() as session, pytest.raises(Unreachable) as caught:
        wire.send_soap(session, "https://mail.northwind.example/", b"", WORDS)
    assert "secret" not in f"{caught.value}"


def test_what_is_wrong_with_us_is_not_taken_for_a_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(wire, "send", fail)
    with requests.Session() as session, pytest.raises(ZeroDivisionError):
        wire.send_soap(session, "https://mail.northwind.example/", b"", WORDS)


def test_every_sentence_says_something_and_ends() -> None:
    for words in (WORDS, ews.EwsWords("Office 365", is_online=True)):
        for name in dir(type(words)):
            if isinstance(getattr(type(words), name), property) and not name.startswith("_"):
                assert getattr(words, name).endswith("."), name
