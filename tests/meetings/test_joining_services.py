"""The table of services: one example of each, on a page beside it that is none."""

import re

import pytest

from meetings.join_services import HOST_ENDINGS, SERVICES, find_place
from meetings.joining import find_links

EXAMPLES = {
    "zoom": "https://zoom.us/j/8123456789",
    "google_meet": "https://meet.google.com/abc-defg-hij",
    "teams": "https://teams.microsoft.com/v2/?meetingjoin=true#/l/meetup-join/19%3ameeting_x%40thread.v2/0",
    "webex": "https://acme.webex.com/acme/j.php?MTID=m123",
    "slack": "https://app.slack.com/huddle/T01/C02",
    "gotomeeting": "https://meet.goto.com/123456789",
    "gotowebinar": "https://attendee.gotowebinar.com/join/123456789",
    "chime": "https://chime.aws/1234567890",
    "bluejeans": "https://bluejeans.com/123456/7890",
    "jitsi": "https://meet.jit.si/Standup",
    "8x8": "https://8x8.vc/acme/standup",
    "whereby": "https://acme.whereby.com/standup",
    "facetime": "https://facetime.apple.com/join#v=1&p=a&k=b",
    "livekit": "https://meet.livekit.io/rooms/et5r-y80t",
    "ringcentral": "https://v.ringcentral.com/join/123456789?pw=abc",
    "skype": "https://join.skype.com/AbCdEf",
    "skype4biz": "https://meet.lync.com/acme/ana/AB12CD34",
    "hangouts": "https://hangouts.google.com/call/abc",
    "google_meet_stream": "https://stream.meet.google.com/stream/abc12ab1-abc1",
    "lifesize": "https://call.lifesizecloud.com/1234567",
    "vonageMeetings": "https://meetings.vonage.com/123456789",
    "starleaf": "https://meet.starleaf.com/4123456789",
    "dialpad": "https://meetings.dialpad.com/room/acme",
    "uberconference": "https://www.uberconference.com/acme",
    "join_me": "https://join.me/123-456-789",
    "teamviewer_meeting": "https://go.teamviewer.com/v15/m1234",
    "voov": "https://meeting.tencent.com/dm/AbCdEf",
    "lark": "https://vc.larksuite.com/j/123456789",
    "feishu": "https://vc.feishu.cn/j/123456789",
    "zhumu": "https://welink.zhumu.com/j/150525986",
    "zoho_cliq": "https://cliq.zoho.eu/meetings/abc",
    "zoho_meeting": "https://meeting.zoho.com/join?key=123",
    "proton_meet": "https://meet.proton.me/join/id-FRMQ717ZMW#pwd-GoslDQ",
    "facebook_workspace": "https://workplace.com/groupcall/123",
    "discord": "https://discord.com/channels/123/456",
    "around": "https://meet.around.co/r/abc",
    "blackboard_collab": "https://us.bbcollab.com/guest/C2419D",
    "calcom": "https://app.cal.com/video/1de4Bmd",
    "chorus": "https://go.chorus.ai/123",
    "coscreen": "https://join.coscreen.co/Leads/95R",
    "demio": "https://event.demio.com/ref/abc",
    "demodesk": "https://demodesk.com/NGYLHDWO",
    "doxyMe": "https://bbc.doxy.me/dr.who",
    "gather": "https://app.gather.town/app/1a2S/room",
    "gong": "https://join.gong.io/acme/ana",
    "jam": "https://jam.systems/room",
    "livestorm": "https://app.livestorm.com/p/cc113fd5/live",
    "luma": "https://lu.ma/join/g-abc",
    "meetecho": "https://meetings.conf.meetecho.com/ietf122/",
    "ovice": "https://acme.ovice.in/lobby/enter",
    "pop": "https://pop.com/j/810-218-630",
    "preply": "https://preply.com/en/chat/t-room/3262947",
    "pumble": "https://meet.pumble.com/vly-hggs-xsn",
    "reclaim": "https://reclaim.ai/z/T01/C02",
    "riverside": "https://riverside.fm/studio/acme",
    "streamyard": "https://streamyard.com/guest/u6qes7i8cj",
    "suitConference": "https://acme.conference.istesuit.com/ana",
    "teemyco": "https://app.teemyco.com/room/7HA/goO",
    "tuple": "https://tuple.app/c/V1StGXR8_Z5",
    "userzoom": "https://go.userzoom.com/participate/123",
    "venue": "https://app.venue.live/app/abc",
    "vimeo": "https://vimeo.com/event/123456",
    "vowel": "https://acme.vowel.com/#/g/abc",
    "vsee": "https://vsee.com/c/abc",
    "zmPage": "https://acme.zm.page",
}
"""One of each: a service without an example is a service nobody tried."""


def test_every_service_but_our_own_has_an_example():
    assert set(EXAMPLES) == set(SERVICES) - {"portico"}


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_example_is_found_whole(key):
    assert [(link.service, link.url) for link in find_links(body=f"Join: {EXAMPLES[key]}, please")] == [
        (key, EXAMPLES[key])
    ]


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_example_on_a_deceptive_host_is_not(key):
    url = EXAMPLES[key]
    host = url.split("/")[2].partition("?")[0]
    for deceptive in (f"{host}.evil.example", f"evil{host.partition('.')[2].replace('.', '')}.example", f"a@{host}x"):
        assert find_links(body=url.replace(host, deceptive, 1)) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://teams.microsoft.com/l/meeting/new",
        "https://teams.microsoft.com/meet/channel?p=x",
        "https://teams.live.com/meetingOptions/meetings/934/view",
        "https://meet.google.com/landing",
        "https://meet.google.com/abc-defg-hijk",
        "https://help.webex.com/meet/ana",
        "https://www.webex.com/pricing",
        "https://app.slack.com/client/T01/C02",
        "https://www.gotomeeting.com/features",
        "https://whereby.com/information/pricing/",
        "https://welink.zhumu.com/wc/join/150525986",
        "https://discord.com/developers/docs",
        "https://vimeo.com/123456",
        "https://demodesk.com/",
        "https://zm.page",
    ],
)
def test_other_pages_of_a_service_are_no_links(url):
    assert find_links(body=url) == ()


def test_every_host_is_an_ordinary_lower_case_name_and_long_enough_for_the_quick_look():
    for service in SERVICES.values():
        for host in service.hosts:
            name = host.removeprefix("*.")
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name), host
            assert len(name) >= 7 or name == host, host
            assert name[-7:] in HOST_ENDINGS


def test_no_host_belongs_to_two_services():
    hosts = [host for service in SERVICES.values() for host in service.hosts]
    assert len(hosts) == len(set(hosts))


def test_a_service_has_a_key_and_a_name_for_people():
    for key, service in SERVICES.items():
        assert service.key == key
        assert service.name.strip()
        assert {place.service for place in service.places} == {key}


def test_a_host_of_very_many_labels_is_nobodys():
    assert find_place("a.b.c.zoom.us") is not None
    assert find_place("a." * 20 + "zoom.us") is None
