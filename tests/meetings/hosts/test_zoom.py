"""What is Zoom's own: tokens, refusals, answers that are odd."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integrations.errors import AdminNeeded, Gone, ProviderError, RateLimited, Rejected, Unexpected, Unreachable
from integrations.zoom import client
from sandbox.zoom.tokens import SCOPES
from tests.contracts.host_stages import KEY, OTHER_KEY, PERSON, ZoomStage, make_draft, make_zoom, weekly, zoom_stage

USER_PATH = "/zoom/v2/users/*"


@pytest.fixture
def stage() -> Iterator[ZoomStage]:
    with zoom_stage() as set_up:
        yield set_up


def count_tokens(stage: ZoomStage) -> int:
    return len(stage.sandbox.log.requests("/zoom/oauth/token"))


def test_one_token_serves_many_uses(stage: ZoomStage) -> None:
    for _ in range(3):
        with stage.host.open() as host:
            list(host.upcoming(PERSON))

    assert count_tokens(stage) == 1


def test_a_token_that_has_expired_there_is_replaced_without_anybody_noticing(stage: ZoomStage) -> None:
    with stage.host.open() as host:
        list(host.upcoming(PERSON))
        stage.sandbox.clock.advance(timedelta(hours=2))
        made = host.create(make_draft(), user=PERSON, key=KEY)

    assert made.join_url
    assert count_tokens(stage) == 2


@pytest.mark.parametrize("kind", ["401", "400-token"])
def test_a_token_that_is_refused_is_asked_for_once_more_and_no_further(stage: ZoomStage, kind: str) -> None:
    stage.sandbox.faults.add(kind, USER_PATH)
    with stage.host.open() as host:
        assert list(host.upcoming(PERSON)) == []
    stage.sandbox.faults.add(kind, USER_PATH, times=None)
    with stage.host.open() as host, pytest.raises(AdminNeeded):
        list(host.upcoming(PERSON))

    assert count_tokens(stage) == 3


def test_organizations_do_not_share_a_token_and_other_credentials_ask_anew(stage: ZoomStage) -> None:
    stage.sandbox.zoom.tokens.register(stage.sandbox.zoom.credentials["account_id"], "second-app", "second-secret")
    hosts = [
        stage.host,
        make_zoom(stage.sandbox, organization="rival"),
        make_zoom(stage.sandbox, client_id="second-app", client_secret="second-secret"),
    ]
    for one in hosts:
        with one.open() as host:
            list(host.upcoming(PERSON))

    assert count_tokens(stage) == 3


def test_a_secret_that_was_changed_is_not_hidden_by_the_token_of_before(stage: ZoomStage) -> None:
    with stage.host.open() as host:
        list(host.upcoming(PERSON))
    with stage.with_credentials(client_secret="wrong").open() as host, pytest.raises(AdminNeeded):
        list(host.upcoming(PERSON))


@pytest.mark.parametrize(
    ("kind", "path", "error", "words"),
    [
        ("4711", USER_PATH, AdminNeeded, "meeting:write:meeting:admin"),
        ("404-user", USER_PATH, Gone, "e-mail address"),
        ("429", USER_PATH, RateLimited, "slow down"),
        ("500", USER_PATH, Unreachable, "Zoom cannot be reached"),
        ("invalid-client", "/zoom/oauth/token", AdminNeeded, "Meeting host"),
        ("502-html", USER_PATH, Unreachable, "Zoom"),
        ("html", USER_PATH, Unexpected, "Zoom"),
        ("half-json", USER_PATH, Unexpected, "Zoom"),
        ("hang-up", "/zoom/oauth/token", Unreachable, "Zoom"),
        ("html", "/zoom/oauth/token", Unexpected, "Zoom"),
        ("endless", USER_PATH, Unexpected, "Zoom"),
        ("redirect", USER_PATH, Unexpected, "Zoom"),
    ],
)
def test_each_trouble_has_its_class_and_a_sentence(
    stage: ZoomStage, kind: str, path: str, error: type[ProviderError], words: str
) -> None:
    stage.sandbox.faults.add(kind, path, times=None)
    with stage.host.open() as host, pytest.raises(error) as caught:
        list(host.upcoming(PERSON))

    assert words in caught.value.sentence
    assert PERSON not in f"{caught.value}"


def test_lists_of_many_pages_are_read_to_their_end(stage: ZoomStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    for number in range(7):
        stage.schedule(f"Meeting {number}", make_draft().starts + timedelta(hours=number))
    with stage.host.open() as host:
        listed = [one.topic for one in host.upcoming(PERSON)]

    assert listed == [f"Meeting {number}" for number in range(7)]


def test_a_series_that_zoom_does_not_take_becomes_one_without_fixed_times(stage: ZoomStage) -> None:
    """An account may have narrower limits than are documented."""
    from sandbox.zoom import recurrence

    with pytest.MonkeyPatch.context() as patch, stage.host.open() as host:
        patch.setattr(recurrence, "MOST", 2)
        made = host.create(make_draft(recurrence=weekly(count=3)), user=PERSON, key=KEY)
        fixed = host.create(make_draft(recurrence=weekly(count=2)), user=PERSON, key=OTHER_KEY)

    assert (made.is_series, made.starts) == (True, None)
    assert fixed.starts is not None


def test_a_long_topic_and_description_are_shortened_to_what_zoom_takes(stage: ZoomStage) -> None:
    draft = make_draft(topic="🎉" * 1_000, description="ש" * 10_000)
    with stage.host.open() as host:
        made = host.create(draft, user=PERSON, key=KEY)
        again = host.create(draft, user=PERSON, key=KEY)

    assert len(made.topic) == 200
    assert again.id == made.id


def test_a_start_in_the_hour_that_happens_twice_is_the_one_that_was_meant(stage: ZoomStage) -> None:
    """Zoom is told in UTC, since on the wall both are the same."""
    summer = make_draft().starts.replace(month=10, day=25, hour=2, year=2026, fold=0)
    for key, fold in ((KEY, 0), (OTHER_KEY, 1)):
        starts = summer.replace(fold=fold)
        with stage.host.open() as host:
            made = host.create(make_draft(starts=starts), user=PERSON, key=key)
        assert made.starts is not None
        assert made.starts.timestamp() == starts.timestamp()


def test_a_zone_that_zoom_does_not_know_keeps_the_moment(stage: ZoomStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(timezone="America/Argentina/Ushuaia"), user=PERSON, key=KEY)
        series = host.create(
            make_draft(timezone="America/Argentina/Ushuaia", recurrence=weekly()), user=PERSON, key=OTHER_KEY
        )

    assert made.starts == make_draft().starts
    assert (series.is_series, series.starts) == (True, None)


def test_dial_in_numbers_are_one_to_a_line(stage: ZoomStage) -> None:
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)

    assert made.dial_in.splitlines() == ["+49 30 23125 010 (Germany)", "+1 212 555 0100 (US)"]


def test_the_check_names_the_scopes_that_are_missing(stage: ZoomStage) -> None:
    known = stage.sandbox.zoom.credentials
    meetings_only = tuple(one for one in SCOPES if one.startswith("meeting:"))
    stage.sandbox.zoom.tokens.register(*known.values(), scopes=meetings_only)
    with stage.host.open() as host:
        assert "webinar:write:webinar:admin" in host.check()
    stage.sandbox.zoom.tokens.register(*known.values(), scopes=("user:read:user:admin",))
    with stage.host.open() as host, pytest.raises(AdminNeeded) as caught:
        host.check()
    assert "meeting:write:meeting:admin" in caught.value.sentence

    stage.sandbox.zoom.tokens.register(*known.values(), scopes=SCOPES)
    with stage.host.open() as host:
        assert "all that Portico needs" in host.check()


def test_no_webinars_are_no_trouble_for_the_list_of_what_is_coming(stage: ZoomStage) -> None:
    stage.sandbox.zoom.add_user(PERSON, webinars=False)
    stage.schedule("Once", make_draft().starts)
    with stage.host.open() as host:
        assert [one.topic for one in host.upcoming(PERSON)] == ["Once"]


def test_an_answer_without_a_join_link_is_not_taken_for_a_meeting(stage: ZoomStage) -> None:
    from meetings.hosts.zoom_payloads import parse_meeting

    good = {"id": 83_000_000_001, "join_url": "https://us02web.zoom.us/j/83000000001", "topic": 7, "duration": "x"}
    assert (parse_meeting(good, "meeting").topic, parse_meeting(good, "meeting").minutes) == ("", 0)
    for bad in ({"join_url": "javascript:alert(1)"}, {"join_url": None}, {"id": None}, {"id": True}, {"id": "9/../1"}):
        with pytest.raises(Unexpected):
            parse_meeting(good | bad, "meeting")


def test_a_reference_in_somebody_elses_words_is_none(stage: ZoomStage) -> None:
    """Only the beginning of the description counts: a text that is quoted in another meeting is not that meeting."""
    with stage.host.open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        stage.sandbox.zoom.delete(int(made.id))
        stage.sandbox.zoom.schedule(PERSON, {"agenda": f"See: Scheduled with Portico, reference {KEY[:12]}"})
        again = host.create(make_draft(), user=PERSON, key=KEY)

    assert stage.count() == 2
    assert again.topic == "Kick-off"


def test_words_for_what_zoom_does_not_take_name_the_field(stage: ZoomStage) -> None:
    with stage.host.open() as host, pytest.raises(Rejected) as caught:
        host.create(make_draft(minutes=100_000), user=PERSON, key=KEY)

    assert "duration" in caught.value.sentence


@pytest.mark.parametrize(
    ("odd", "starts", "minutes"),
    [
        ({"start_time": "0001-01-01T00:00:00+14:00"}, None, 30),
        ({"start_time": "9999-12-31T23:59:59-14:00"}, None, 30),
        ({"duration": 10**15}, "2026-11-26", 31 * 24 * 60),
    ],
)
def test_times_that_no_calendar_has_are_none(odd, starts, minutes) -> None:
    from meetings.hosts.zoom_payloads import parse_meeting

    good = {"id": 5, "join_url": "https://zoom.us/j/5", "start_time": "2026-11-26T10:00:00Z", "duration": 30}
    found = parse_meeting(good | odd, "meeting")
    assert (found.starts and f"{found.starts:%Y-%m-%d}", found.minutes) == (starts, minutes)


def test_a_join_link_that_is_no_address_is_not_understood() -> None:
    from meetings.hosts.zoom_payloads import parse_meeting

    with pytest.raises(Unexpected):
        parse_meeting({"id": 5, "join_url": "https://[zoom/j/5"}, "meeting")
