"""What every phone system that can be asked keeps to: phone.systems. Run by Zoom Phone over the sandbox and memory."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integrations.errors import AdminNeeded, Gone, RateLimited, Refused, Unreachable
from integrations.zoom import client
from phone.systems import CallRecord, Owner, VoicemailRecord
from phone.zoom import client as zoom_client
from tests.contracts.phone_stages import (
    CALLER,
    COLLEAGUE,
    EXTENSION,
    NUMBER,
    PERSON,
    PHONE_STAGES,
    SAID,
    PhoneStage,
    moment,
)


@pytest.fixture(params=sorted(PHONE_STAGES))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PhoneStage]:
    """Pages are small, so that paging is part of every case, and nobody waits between them."""
    monkeypatch.setattr(client, "PAGE_SIZE", 3)
    monkeypatch.setattr(zoom_client, "USERS_PAGE", 1)
    monkeypatch.setattr(zoom_client, "PAUSE", 0)
    with PHONE_STAGES[request.param]() as set_up:
        yield set_up


def read_calls(stage: PhoneStage, hours: float = 24) -> dict[tuple[str, str], CallRecord]:
    """By whose they are and the call's id."""
    with stage.system.open() as system:
        found = list(system.calls(moment() - timedelta(hours=hours), moment(-1)))
    assert len({(one.owner, one.call_id) for one in found}) == len(found)
    return {(one.owner.email, one.call_id): one for one in found}


def read_voicemails(stage: PhoneStage) -> dict[str, VoicemailRecord]:
    with stage.system.open() as system:
        return {one.voicemail_id: one for one in system.voicemails(moment() - timedelta(days=1), moment(-1))}


def get_audio(stage: PhoneStage) -> str:
    [voicemail] = read_voicemails(stage).values()
    assert voicemail.audio
    return voicemail.audio


def test_everybody_with_a_phone_is_listed_page_by_page(stage: PhoneStage) -> None:
    with stage.system.open() as system:
        found = {one.email: one for one in system.users()}

    assert set(found) == {PERSON, COLLEAGUE}
    assert found[PERSON].extension == EXTENSION
    assert found[PERSON].numbers == (NUMBER,)
    assert found[PERSON].is_active
    assert found[PERSON].remote_id != found[COLLEAGUE].remote_id


def test_an_answered_call_has_its_number_its_moment_and_how_long_they_talked(stage: PhoneStage) -> None:
    began_at = moment()
    call_id = stage.receive(CALLER, result="answered", at=began_at, seconds=75)

    call = read_calls(stage)[PERSON, call_id]

    assert (call.direction, call.result, call.number, call.e164) == ("in", "answered", CALLER, CALLER)
    assert (call.started_at, call.seconds) == (began_at, 75)


@pytest.mark.parametrize("result", ["missed", "declined", "voicemail"])
def test_what_became_of_a_call_is_told_in_our_words(stage: PhoneStage, result: str) -> None:
    call_id = stage.receive(CALLER, result=result, at=moment())

    call = read_calls(stage)[PERSON, call_id]

    assert (call.result, call.seconds) == (result, 0)


def test_a_call_going_out_is_the_persons_own(stage: PhoneStage) -> None:
    ids = {stage.place(CALLER, result=result, at=moment()): result for result in ("answered", "no_answer", "busy")}

    found = read_calls(stage)

    assert {call_id: found[PERSON, call_id].result for call_id in ids} == ids
    assert {one.direction for one in found.values()} == {"out"}
    assert {one.e164 for one in found.values()} == {CALLER}


def test_a_caller_who_withholds_their_number_has_none(stage: PhoneStage) -> None:
    call_id = stage.receive("anonymous", result="missed", at=moment())

    call = read_calls(stage)[PERSON, call_id]

    assert (call.number, call.e164) == ("", "")


def test_a_call_between_colleagues_is_one_of_each(stage: PhoneStage) -> None:
    call_id = stage.receive(COLLEAGUE, result="answered", at=moment(), seconds=30)

    found = read_calls(stage)

    assert found[PERSON, call_id].direction == "in"
    assert found[COLLEAGUE, call_id].direction == "out"


def test_many_calls_are_read_each_once_and_only_those_of_the_stretch(stage: PhoneStage) -> None:
    inside = {stage.receive(CALLER, result="missed", at=moment(minutes)) for minutes in range(5, 85, 10)}
    outside = stage.receive(CALLER, result="missed", at=moment(60 * 30))

    found = read_calls(stage)

    assert {call_id for _, call_id in found} == inside
    assert {call_id for _, call_id in read_calls(stage, hours=48)} == inside | {outside}


def test_a_stretch_longer_than_a_system_lists_at_once_is_read_all_the_same(stage: PhoneStage) -> None:
    ids = {stage.receive(CALLER, result="missed", at=moment(days * 24 * 60)) for days in (2, 40, 75, 110)}

    assert {call_id for _, call_id in read_calls(stage, hours=24 * 400)} == ids


def test_a_message_says_whose_it_is_and_that_nobody_has_heard_it(stage: PhoneStage) -> None:
    voicemail_id = stage.leave(CALLER, at=moment(), seconds=7, transcript=SAID)

    voicemail = read_voicemails(stage)[voicemail_id]

    assert voicemail.owner.remote_id or voicemail.owner.email == PERSON
    assert (voicemail.e164, voicemail.seconds, voicemail.is_read) == (CALLER, 7, False)
    assert voicemail.audio
    assert voicemail.call_id
    assert voicemail.transcript is None
    assert voicemail.reported_at is not None


def test_the_owner_of_a_message_is_somebody_listed(stage: PhoneStage) -> None:
    voicemail_id = stage.leave(CALLER, at=moment())
    with stage.system.open() as system:
        ids = {one.remote_id: one.email for one in system.users()}

    owner: Owner = read_voicemails(stage)[voicemail_id].owner

    assert ids[owner.remote_id] == PERSON


def test_messages_are_marked_read_and_unread_again(stage: PhoneStage) -> None:
    voicemail_id = stage.leave(CALLER, at=moment())
    with stage.system.open() as system:
        system.mark_read(voicemail_id, is_read=True)
    assert read_voicemails(stage)[voicemail_id].is_read is True

    with stage.system.open() as system:
        system.mark_read(voicemail_id, is_read=False)
    assert read_voicemails(stage)[voicemail_id].is_read is False


def test_a_transcript_is_there_or_is_none(stage: PhoneStage) -> None:
    spoken, silent = stage.leave(CALLER, at=moment(), transcript=SAID), stage.leave(CALLER, at=moment())

    with stage.system.open() as system:
        assert system.fetch_transcript(spoken) == SAID
        assert system.fetch_transcript(silent) is None


def test_the_sound_comes_whole_and_in_parts(stage: PhoneStage) -> None:
    stage.leave(CALLER, at=moment(), seconds=2)
    address = get_audio(stage)
    with stage.system.open() as system:
        with system.fetch_audio(address) as audio:
            whole = b"".join(audio.pieces)
        assert (audio.status, audio.length, audio.content_range) == (200, len(whole), "")
        assert audio.content_type.startswith("audio/")
        with system.fetch_audio(address, range_header="bytes=100-199") as part:
            assert b"".join(part.pieces) == whole[100:200]
        assert (part.status, part.length) == (206, 100)
        assert part.content_range == f"bytes 100-199/{len(whole)}"
        with system.fetch_audio(address, range_header=f"bytes={len(whole) - 5}-") as rest:
            assert b"".join(rest.pieces) == whole[-5:]


def test_what_was_deleted_there_is_gone(stage: PhoneStage) -> None:
    voicemail_id = stage.leave(CALLER, at=moment(), transcript=SAID)
    address = get_audio(stage)
    stage.remove_voicemail(voicemail_id)

    with stage.system.open() as system:
        with pytest.raises(Gone), system.fetch_audio(address):
            pass
        with pytest.raises(Gone):
            system.fetch_transcript(voicemail_id)
        with pytest.raises(Gone):
            system.mark_read(voicemail_id, is_read=True)
    assert read_voicemails(stage) == {}


def test_sound_is_fetched_from_the_system_alone(stage: PhoneStage) -> None:
    with stage.system.open() as system, pytest.raises(Refused), system.fetch_audio("https://files.rival.example/1"):
        pass


def test_checking_says_in_a_sentence_that_it_works(stage: PhoneStage) -> None:
    with stage.system.open() as system:
        assert system.check().endswith(".")


def test_a_wrong_secret_is_for_an_admin_to_put_right(stage: PhoneStage) -> None:
    with stage.with_credentials(client_secret="not-the-secret").open() as system:
        with pytest.raises(AdminNeeded) as caught:
            system.check()
        with pytest.raises(AdminNeeded):
            list(system.users())

    assert "not-the-secret" not in f"{caught.value}{caught.value!r}"


def test_being_asked_to_slow_down_tells_for_how_long(stage: PhoneStage) -> None:
    stage.fail("slow down")
    with stage.system.open() as system, pytest.raises(RateLimited) as caught:
        list(system.calls(moment(), moment(-1)))

    assert caught.value.retry_after is not None
    assert timedelta(seconds=80) < caught.value.retry_after < timedelta(seconds=100)


def test_a_system_that_is_broken_for_a_moment_can_be_asked_again(stage: PhoneStage) -> None:
    stage.receive(CALLER, result="missed", at=moment())
    stage.fail("broken")
    with stage.system.open() as system:
        with pytest.raises(Unreachable):
            list(system.calls(moment(60), moment(-1)))
        assert list(system.calls(moment(60), moment(-1)))
