"""What every meeting host keeps to: meetings.hosting. Run by Zoom over the sandbox, the link template and memory."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from integrations.errors import AdminNeeded, Gone, RateLimited, Rejected, Unreachable
from integrations.recurrence import LAST_DAY, Recurrence, Repeats
from integrations.zoom import client
from tests.contracts.host_stages import (
    ASSISTANT,
    HOST_STAGES,
    KEY,
    NOBODY,
    OTHER_KEY,
    PERSON,
    WITHOUT_WEBINARS,
    HostStage,
    last_monday_of_winter,
    make_draft,
    weekly,
)

HOLDING = [name for name in HOST_STAGES if name != "link"]


@pytest.fixture(params=sorted(HOST_STAGES))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostStage]:
    """Pages are small, so that paging is part of every case."""
    monkeypatch.setattr(client, "PAGE_SIZE", 3)
    with HOST_STAGES[request.param]() as set_up:
        yield set_up


holding = pytest.mark.parametrize("stage", sorted(HOLDING), indirect=True)


def test_a_meeting_is_made_with_a_join_link(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)

    assert made.id
    assert (made.topic, made.minutes, made.kind, made.is_series) == ("Kick-off", 30, "meeting", False)
    assert made.starts == last_monday_of_winter()
    assert urlsplit(made.join_url).scheme == "https"


def test_the_same_key_makes_one_meeting_and_another_key_another(stage: HostStage) -> None:
    with stage.host.open() as host:
        first = host.create(make_draft(), user=PERSON, key=KEY)
        again = host.create(make_draft(), user=PERSON, key=KEY)
        other = host.create(make_draft(), user=PERSON, key=OTHER_KEY)

    assert (again.id, again.join_url) == (first.id, first.join_url)
    assert other.id != first.id
    assert other.join_url != first.join_url


def test_a_link_keeps_its_secret_from_whoever_knows_the_topic(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(topic="Secret takeover"), user=PERSON, key=KEY)

    assert "secret" not in made.join_url.lower()
    assert KEY not in made.join_url


@holding
def test_a_creation_whose_answer_was_lost_makes_no_second_meeting(stage: HostStage) -> None:
    stage.lose_answer()
    with stage.host.open() as host, pytest.raises(Unreachable):
        host.create(make_draft(), user=PERSON, key=KEY)
    assert stage.count() == 1

    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)

    assert stage.count() == 1
    assert made.passcode
    assert made.topic == "Kick-off"


@holding
def test_it_is_found_again_among_many(stage: HostStage) -> None:
    for number in range(8):
        stage.schedule(f"Other {number}", last_monday_of_winter() + timedelta(days=number - 4))
    with stage.host.open() as host:
        first = host.create(make_draft(), user=PERSON, key=KEY)
        again = host.create(make_draft(), user=PERSON, key=KEY)

    assert again.id == first.id
    assert stage.count() == 9


@holding
def test_a_change_keeps_the_number_and_is_found_by_its_key_all_the_same(stage: HostStage) -> None:
    later = last_monday_of_winter() + timedelta(hours=3)
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        changed = host.update(made.id, make_draft(topic="Moved", starts=later, minutes=45, description="Other words"))
        again = host.create(make_draft(), user=PERSON, key=KEY)

    assert (changed.id, changed.topic, changed.starts, changed.minutes) == (made.id, "Moved", later, 45)
    assert changed.passcode == made.passcode
    assert again.id == made.id


@holding
def test_a_change_whose_answer_was_lost_can_be_made_again(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        stage.lose_answer()
        with pytest.raises(Unreachable):
            host.update(made.id, make_draft(topic="Moved"))
        changed = host.update(made.id, make_draft(topic="Moved"))

    assert changed.topic == "Moved"
    assert stage.count() == 1


@holding
def test_a_passcode_that_is_asked_for_is_taken_and_reaches_the_link(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(passcode="4711abc"), user=PERSON, key=KEY)
        changed = host.update(made.id, make_draft(passcode="0815xyz"))

    assert (made.passcode, changed.passcode) == ("4711abc", "0815xyz")
    assert made.join_url != changed.join_url
    assert "4711abc" not in repr(made)


def test_deleting_is_done_also_where_it_is_gone_already(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        host.delete(made.id, "meeting")
        host.delete(made.id, "meeting")

    assert not stage.holds or stage.count() == 0


@holding
def test_a_key_makes_another_meeting_once_the_first_is_deleted(stage: HostStage) -> None:
    with stage.host.open() as host:
        first = host.create(make_draft(), user=PERSON, key=KEY)
        host.delete(first.id, "meeting")
        second = host.create(make_draft(), user=PERSON, key=KEY)

    assert stage.count() == 1
    assert second.id != first.id


@holding
def test_a_deletion_whose_answer_was_lost_can_be_made_again(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        stage.lose_answer()
        with pytest.raises(Unreachable):
            host.delete(made.id, "meeting")
        host.delete(made.id, "meeting")

    assert stage.count() == 0


@holding
def test_what_was_deleted_there_is_gone_for_a_change(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        stage.remove(made.id)
        with pytest.raises(Gone):
            host.update(made.id, make_draft(topic="Too late"))


@holding
def test_what_the_host_does_not_take_is_rejected_with_a_sentence(stage: HostStage) -> None:
    with stage.host.open() as host, pytest.raises(Rejected) as caught:
        host.create(make_draft(passcode="much too long a passcode"), user=PERSON, key=KEY)

    assert "passcode" in caught.value.sentence
    assert "much too long" not in str(caught.value)
    assert stage.count() == 0


@holding
def test_nobody_schedules_for_a_user_whom_the_host_does_not_know(stage: HostStage) -> None:
    with stage.host.open() as host:
        with pytest.raises(Rejected):
            host.create(make_draft(), user=NOBODY, key=KEY)
        with pytest.raises(Gone):
            list(host.upcoming(NOBODY))
        with pytest.raises(Gone):
            host.assistants(NOBODY)


@holding
def test_a_webinar_needs_a_license(stage: HostStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(kind="webinar"), user=PERSON, key=KEY)
        again = host.create(make_draft(kind="webinar"), user=PERSON, key=KEY)
        changed = host.update(made.id, make_draft(kind="webinar", topic="Other words"))
        with pytest.raises(Rejected) as caught:
            host.create(make_draft(kind="webinar"), user=WITHOUT_WEBINARS, key=OTHER_KEY)
        host.delete(made.id, "webinar")

    assert (made.kind, again.id, changed.topic) == ("webinar", made.id, "Other words")
    assert "webinars" in caught.value.sentence
    assert stage.count() == 0


def test_a_kind_that_a_host_does_not_have_is_rejected(stage: HostStage) -> None:
    if "webinar" in stage.host.info.kinds:
        pytest.skip("this host has webinars")
    with stage.host.open() as host, pytest.raises(Rejected):
        host.create(make_draft(kind="webinar"), user=PERSON, key=KEY)


@holding
def test_a_series_keeps_its_time_of_day_over_a_change_of_clocks(stage: HostStage) -> None:
    first = last_monday_of_winter()
    with stage.host.open() as host:
        made = host.create(make_draft(recurrence=weekly()), user=PERSON, key=KEY)

    assert made.is_series
    assert made.starts == first
    # Two weeks on the wall; an hour less on the world's clock after the second.
    assert stage.starts_of(made.id) == [first + timedelta(days=7 * week) for week in range(3)]
    assert stage.starts_of(made.id)[1].hour == stage.starts_of(made.id)[0].hour - 1


@holding
def test_a_series_ends_where_it_is_to_end(stage: HostStage) -> None:
    first = last_monday_of_winter()
    until = Recurrence(Repeats.WEEKLY, weekdays=(0, 2), until=(first + timedelta(days=9)).date())
    with stage.host.open() as host:
        made = host.create(make_draft(recurrence=until), user=PERSON, key=KEY)

    assert [one.date() - first.date() for one in stage.starts_of(made.id)] == [
        timedelta(days=days) for days in (0, 2, 7, 9)
    ]


def test_every_series_that_can_be_asked_for_gets_a_link(stage: HostStage) -> None:
    """Also those that a host has no words for."""
    first = last_monday_of_winter()
    last_of_month = datetime(first.year, 3, 31, 10, tzinfo=first.tzinfo)
    series = [
        (first, Recurrence(Repeats.DAILY, every=2, count=60)),
        (first, Recurrence(Repeats.DAILY, every=400, count=2)),
        (first, Recurrence(Repeats.WEEKLY, every=2, weekdays=(0, 6), count=4)),
        (first, Recurrence(Repeats.MONTHLY, weekdays=(0,), week=(first.day - 1) // 7 + 1, count=3)),
        (last_of_month, Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=3)),
    ]
    for number, (starts, recurrence) in enumerate(series):
        with stage.host.open() as host:
            made = host.create(
                make_draft(starts=starts, recurrence=recurrence), user=PERSON, key=f"{number:012x}" + "0" * 20
            )
        assert made.join_url
        assert made.is_series


@holding
def test_upcoming_lists_every_occurrence_under_one_number_and_nothing_that_is_over(stage: HostStage) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    stage.schedule("Over", now - timedelta(days=1))
    stage.schedule("Once", now + timedelta(hours=2))
    stage.schedule("Daily", now + timedelta(hours=3), count=5)
    with stage.host.open() as host:
        listed = list(host.upcoming(PERSON))

    assert [one.topic for one in listed if one.topic != "Daily"] == ["Once"]
    daily = [one for one in listed if one.topic == "Daily"]
    assert [one.starts for one in daily] == [now + timedelta(days=day, hours=3) for day in range(5)]
    assert len({one.id for one in daily}) == 1
    assert all(one.is_series and one.join_url and one.meeting_number == one.id for one in daily)


@holding
def test_upcoming_says_which_were_made_from_here(stage: HostStage) -> None:
    stage.schedule("Theirs", last_monday_of_winter())
    with stage.host.open() as host:
        host.create(make_draft(topic="Ours"), user=PERSON, key=KEY)
        host.create(make_draft(topic="Webinar", kind="webinar"), user=PERSON, key=OTHER_KEY)
        listed = {one.topic: one.reference for one in host.upcoming(PERSON)}

    assert listed == {"Theirs": "", "Ours": KEY[:12], "Webinar": OTHER_KEY[:12]}


def test_upcoming_of_a_host_that_lists_nothing_is_empty(stage: HostStage) -> None:
    with stage.host.open() as host:
        listed = list(host.upcoming(PERSON))

    assert listed == []


def test_assistants_are_addresses(stage: HostStage) -> None:
    with stage.host.open() as host:
        assert host.assistants(PERSON) == ((ASSISTANT,) if stage.host.info.lists_assistants else ())


def test_checking_says_in_a_sentence_that_it_works(stage: HostStage) -> None:
    with stage.host.open() as host:
        sentence = host.check()

    assert sentence
    assert not stage.holds or stage.count() == 0


@holding
def test_a_wrong_secret_is_for_an_admin_to_put_right(stage: HostStage) -> None:
    with stage.with_credentials(client_secret="not-the-secret").open() as host:
        with pytest.raises(AdminNeeded) as caught:
            host.check()
        with pytest.raises(AdminNeeded):
            host.create(make_draft(), user=PERSON, key=KEY)

    assert "not-the-secret" not in f"{caught.value}{caught.value!r}"
    assert stage.count() == 0


@holding
def test_being_asked_to_slow_down_tells_for_how_long(stage: HostStage) -> None:
    stage.fail("slow down")
    with stage.host.open() as host, pytest.raises(RateLimited) as caught:
        list(host.upcoming(PERSON))

    assert caught.value.retry_after is not None
    assert timedelta(seconds=80) < caught.value.retry_after < timedelta(seconds=100)


@holding
def test_a_host_that_is_broken_for_a_moment_can_be_asked_again(stage: HostStage) -> None:
    stage.fail("broken")
    with stage.host.open() as host:
        with pytest.raises(Unreachable):
            host.create(make_draft(), user=PERSON, key=KEY)
        assert host.create(make_draft(), user=PERSON, key=KEY).join_url
    assert stage.count() == 1
