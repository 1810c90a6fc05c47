"""The table of meeting services: on which hosts their links live and which paths lead into a meeting.

A new service is one more `_service(...)` line here and one example in the tests. Pure data: no Django, no network.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

MAX_LABELS = 8
"""A host with more labels than this is no meeting service; bounds the work on hostile host names."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_END = r"/?(?=[?#]|\Z)"


@dataclass(frozen=True, slots=True)
class Place:
    """Some hosts of one service, and which paths on them are links into a meeting.

    `hosts`: `meet.example.com` is that host alone, `*.example.com` every host below it.
    `join`, `register`: matched at the start of path + query + fragment; a group, where there is one, is the
    meeting number. `bare`: how a path begins that is recognized even when the sender left out `https://`.
    `not_below`: labels that make a host below `*.` something else (help pages, say).
    """

    service: str
    hosts: tuple[str, ...]
    join: re.Pattern[str]
    register: re.Pattern[str] | None = None
    bare: str = ""
    not_below: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Service:
    """One meeting service: `key` for policy and the database, `name` for people."""

    key: str
    name: str
    places: tuple[Place, ...]
    passcode: re.Pattern[str] | None = None
    """Found in the path + query + fragment of a link that carries its passcode."""
    hosts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", tuple(host for place in self.places for host in place.hosts))


def _place(service: str, hosts: str, join: str, *, register: str = "", bare: str = "", not_below: str = "") -> Place:
    return Place(
        service=service,
        hosts=tuple(hosts.split()),
        join=re.compile(join),
        register=re.compile(register) if register else None,
        bare=bare,
        not_below=frozenset(not_below.split()),
    )


def _service(key: str, name: str, *places: tuple[str, str], passcode: str = "") -> Service:
    """A service whose places need no more than (hosts, join path)."""
    return Service(
        key=key,
        name=name,
        places=tuple(_place(key, hosts, join) for hosts, join in places),
        passcode=re.compile(passcode) if passcode else None,
    )


ZOOM = Service(
    key="zoom",
    name="Zoom",
    places=(
        _place(
            "zoom",
            "zoom.us *.zoom.us zoom.com *.zoom.com zoom.com.cn *.zoom.com.cn"
            " zoom-x.de *.zoom-x.de zoomgov.com *.zoomgov.com",
            rf"/(?:[jsw]/([0-9]+){_END}|wc/join/([0-9]+){_END}|wc/([0-9]+)/join{_END}|my/[A-Za-z0-9._~%+-]+{_END}"
            r"|join/?\?(?:[^#]*&)?confno=([0-9]+)(?=[&#]|\Z))",
            register=r"/(?:webinar|meeting)/register/[A-Za-z0-9_]",
            bare=r"(?:[jsw]|my|wc)/|join/?\?|webinar/register/",
            not_below="support docs events applications",
        ),
    ),
    passcode=re.compile(r"[?&]pwd=[^&#]"),
)

PORTAL = Service(
    key="portico",
    name="Portico",
    places=(_place("portico", "", rf"/(?:[a-z-]+/)?(?:[A-Za-z0-9_-]+/join|join/[A-Za-z0-9_-]+){_END}"),),
)
"""This portal's own links. Which hosts they are on is known to the caller alone (`own_hosts`)."""

_MEET_CODE = r"[A-Za-z]{3}-[A-Za-z]{4}-[A-Za-z]{3}"
_NAME = r"[A-Za-z0-9._~%@+-]+"

_MAIN_SERVICES = (
    ZOOM,
    PORTAL,
    Service(
        key="google_meet",
        name="Google Meet",
        places=(
            _place(
                "google_meet",
                "meet.google.com",
                rf"/(?:_meet/)?(?:{_MEET_CODE}|lookup/{_NAME}){_END}",
                bare=rf"{_MEET_CODE}(?![A-Za-z0-9-])",
            ),
        ),
    ),
    Service(
        key="teams",
        name="Microsoft Teams",
        places=(
            _place(
                "teams",
                "teams.microsoft.com gov.teams.microsoft.com teams.microsoft.us gov.teams.microsoft.us"
                " dod.teams.microsoft.us teams.live.com teams.cloud.microsoft teams.microsoftonline.cn",
                rf"/(?:_#/|v2/(?:\?[^#]*)?#/)?(?:l/meetup-join/[^/?#]|meet/[0-9]+{_END})"
                r"|/dl/launcher/launcher\.html\?(?:[^#]*&)?url=[^&#]*(?:meetup-join|meet)(?:%2[Ff]|/)",
                bare=r"l/meetup-join/|meet/[0-9]",
            ),
        ),
        passcode=re.compile(r"[?&]p=[^&#]"),
    ),
    Service(
        key="webex",
        name="Webex",
        places=(
            _place(
                "webex",
                "*.webex.com",
                rf"/(?:(?:meet|join)/{_NAME}{_END}|(?:{_NAME}/)?j\.php\?(?:[^#]*&)?MTID=[^&#]"
                rf"|wbxmjs/joinservice/|webappng/sites/{_NAME}/meeting/|weblink/)",
                bare=r"meet/",
                not_below="help developer status apphelp essentials",
            ),
        ),
    ),
    Service(
        key="slack",
        name="Slack huddle",
        places=(_place("slack", "app.slack.com", r"/huddle/[A-Za-z0-9_]+/[A-Za-z0-9_]+", bare=r"huddle/"),),
    ),
)

_OTHER_SERVICES = (
    _service(
        "gotomeeting",
        "GoTo Meeting",
        ("www.gotomeeting.com global.gotomeeting.com gotomeeting.com", rf"/join/[0-9]+{_END}"),
        ("meet.goto.com", rf"/(?:[0-9]{{6,}}|{_NAME}/{_NAME}){_END}"),
        ("www.gotomeet.me gotomeet.me", rf"/{_NAME}{_END}"),
    ),
    _service(
        "gotowebinar",
        "GoTo Webinar",
        ("attendee.gotowebinar.com global.gotowebinar.com", r"/join/[0-9]+"),
    ),
    _service("chime", "Amazon Chime", ("chime.aws *.chime.aws", rf"/[0-9]+{_END}")),
    _service("bluejeans", "BlueJeans", ("bluejeans.com *.bluejeans.com", rf"/[0-9]+(?:/[0-9]+)?{_END}")),
    _service("jitsi", "Jitsi Meet", ("meet.jit.si", r"/[^/?#]")),
    _service("8x8", "8x8 Meet", ("8x8.vc", rf"/{_NAME}/{_NAME}"), ("meet.8x8.com", r"/[^/?#]")),
    _service(
        "whereby", "Whereby", ("whereby.com *.whereby.com", rf"/(?!(?:information|blog|user|login)/){_NAME}{_END}")
    ),
    _service("facetime", "FaceTime", ("facetime.apple.com", r"/join/?[#?]")),
    _service("livekit", "LiveKit Meet", ("meet.livekit.io meet.staging.livekit.io", rf"/rooms/{_NAME}")),
    _service(
        "ringcentral",
        "RingCentral",
        ("v.ringcentral.com video.ringcentral.com", rf"/(?:join|conf/on)/{_NAME}"),
        ("meetings.ringcentral.com", rf"/(?:j|join)/[0-9]+{_END}"),
        passcode=r"[?&]pw=[^&#]",
    ),
    _service("skype", "Skype", ("join.skype.com", rf"/(?:invite/)?{_NAME}{_END}")),
    _service("skype4biz", "Skype for Business", ("meet.lync.com", rf"/{_NAME}/{_NAME}/{_NAME}")),
    _service("hangouts", "Google Hangouts", ("hangouts.google.com", r"/(?:call|hangouts/_)/[^/?#]")),
    _service("google_meet_stream", "Google Meet live stream", ("stream.meet.google.com", rf"/stream/{_NAME}{_END}")),
    _service("lifesize", "Lifesize", ("call.lifesizecloud.com", rf"/[0-9]+{_END}")),
    _service("vonageMeetings", "Vonage Meetings", ("meetings.vonage.com", r"/(?:\?[^#]*room_token=)?[0-9]{6,}")),
    _service("starleaf", "StarLeaf", ("meet.starleaf.com", r"/[0-9]+")),
    _service("dialpad", "Dialpad Meetings", ("meetings.dialpad.com", rf"/(?:room/)?{_NAME}{_END}")),
    _service("uberconference", "UberConference", ("uberconference.com www.uberconference.com", rf"/{_NAME}{_END}")),
    _service("join_me", "join.me", ("join.me www.join.me", r"/[0-9]{3}-?[0-9]{3}-?[0-9]{3}|/[^/?#]")),
    _service("teamviewer_meeting", "TeamViewer Meeting", ("go.teamviewer.com go.blizz.com", r"/[^/?#]")),
    _service(
        "voov", "VooV / Tencent Meeting", ("voovmeeting.com meeting.tencent.com", rf"/(?:dm|s|p|v2/cloud)/{_NAME}")
    ),
    _service("lark", "Lark", ("vc.larksuite.com", rf"/j/[0-9]+{_END}")),
    _service("feishu", "Feishu", ("vc.feishu.cn", rf"/j/[0-9]+{_END}")),
    _service(
        "zhumu",
        "Zhumu",
        ("welink.zhumu.com", rf"/(?:j/[0-9]+{_END}|wc/join/[0-9]+/?\?(?:[^#]*&)?wpk=[^&#])"),
        passcode=r"[?&]pwd=[^&#]",
    ),
    _service("zoho_cliq", "Zoho Cliq", ("cliq.zoho.com cliq.zoho.eu cliq.zoho.in", r"/meetings/[^/?#]")),
    _service(
        "zoho_meeting", "Zoho Meeting", ("meeting.zoho.com meeting.zoho.eu meeting.zoho.in", r"/(?:meeting/)?join")
    ),
    _service("proton_meet", "Proton Meet", ("meet.proton.me", rf"/join/id-{_NAME}"), passcode=r"#pwd-."),
    _service("facebook_workspace", "Workplace", ("workplace.com *.workplace.com", r"/groupcall/[^/?#]")),
    _service(
        "discord", "Discord", ("discord.gg", r"/[^/?#]"), ("discord.com", r"/(?:invite/|channels/[0-9@]|events/)[^/?#]")
    ),
    _service("around", "Around", ("around.co meet.around.co", r"/r/[^/?#]")),
    _service(
        "blackboard_collab",
        "Blackboard Collaborate",
        ("bbcollab.com *.bbcollab.com", r"/(?:guest|invite|collab/ui/session)/[^/?#]"),
    ),
    _service("calcom", "Cal Video", ("app.cal.com", rf"/video/{_NAME}")),
    _service("chorus", "Chorus", ("go.chorus.ai", r"/[^/?#]")),
    _service("coscreen", "CoScreen", ("join.coscreen.co", r"/[^/?#]")),
    _service("demio", "Demio", ("event.demio.com", r"/ref/[^/?#]")),
    _service("demodesk", "Demodesk", ("demodesk.com", rf"/[A-Za-z0-9]{{6,}}{_END}")),
    _service(
        "doxyMe", "Doxy.me", ("doxy.me *.doxy.me", rf"/(?!(?:en|sign-in|account|patient)/?(?:[?#]|\Z)){_NAME}{_END}")
    ),
    _service("gather", "Gather", ("app.gather.town", rf"/app/{_NAME}/{_NAME}")),
    _service("gong", "Gong", ("join.gong.io *.join.gong.io", r"/[^/?#]")),
    _service("jam", "Jam", ("jam.systems", r"/[^/?#]")),
    _service("livestorm", "Livestorm", ("app.livestorm.com app.livestorm.co", rf"/p/{_NAME}")),
    _service("luma", "Luma", ("lu.ma", r"/join/[^/?#]")),
    _service("meetecho", "Meetecho", ("meetings.conf.meetecho.com", r"/[^/?#]")),
    _service(
        "ovice", "oVice", ("*.ovice.in", r"/[^?#]"), ("app.ovice.com", r"/[^/?#]"), ("*.ovice.com", r"/lobby/enter")
    ),
    _service("pop", "Pop", ("pop.com", rf"/j/[0-9-]+{_END}")),
    _service("preply", "Preply", ("preply.com", r"/(?:[a-z]{2}/)?chat/t-room/[0-9]")),
    _service("pumble", "Pumble", ("meet.pumble.com", rf"/[a-z]+-[a-z]+-[a-z]+{_END}")),
    _service("reclaim", "Reclaim", ("reclaim.ai app.reclaim.ai", r"/z/[^/?#]")),
    _service("riverside", "Riverside", ("riverside.fm riverside.com", r"/studio/[^/?#]")),
    _service("streamyard", "StreamYard", ("streamyard.com www.streamyard.com", rf"/(?:guest/)?[a-z0-9]{{8,13}}{_END}")),
    _service("suitConference", "Suit Conference", ("conference.istesuit.com *.conference.istesuit.com", r"/[^/?#]")),
    _service("teemyco", "Teemyco", ("app.teemyco.com", r"/room/[^/?#]")),
    _service("tuple", "Tuple", ("tuple.app", rf"/c/{_NAME}")),
    _service("userzoom", "UserZoom", ("go.userzoom.com", r"/participate/[^/?#]")),
    _service("venue", "Venue", ("app.venue.live", r"/app/[^/?#]")),
    _service("vimeo", "Vimeo", ("vimeo.com", r"/(?:event|showcase)/[0-9]"), ("venues.vimeo.com", r"/[0-9]+/[^/?#]")),
    _service("vowel", "Vowel", ("vowel.com *.vowel.com", r"/#/g/[^/?#]")),
    _service("vsee", "VSee", ("vsee.com", r"/c/[^/?#]")),
    _service("zmPage", "zm.page", ("*.zm.page", r"(?:[/?#]|\Z)")),
)

SERVICES: Mapping[str, Service] = MappingProxyType(
    {service.key: service for service in (*_MAIN_SERVICES, *_OTHER_SERVICES)}
)
"""Key → service, the ones people use most first."""

ZOOM_PLACE = ZOOM.places[0]
PORTAL_PLACE = PORTAL.places[0]

_EXACT: dict[str, Place] = {}
_BELOW: dict[str, Place] = {}
for _known in SERVICES.values():
    for _each in _known.places:
        for _host in _each.hosts:
            if _host.startswith("*."):
                _BELOW[_host[2:]] = _each
            else:
                _EXACT[_host] = _each

HOST_ENDINGS = frozenset(domain[-7:] for domain in (*_EXACT, *_BELOW))
"""The last seven characters of every known host: tells nearly all others apart in one look."""

BARE_PATHS = "|".join(place.bare for service in SERVICES.values() for place in service.places if place.bare)
"""One expression for how a path begins that is recognized without `https://` before its host."""


@lru_cache(maxsize=4096)
def find_place(host: str) -> Place | None:
    """The place `host` (lower case) belongs to, compared label by label; None for a host of no service."""
    place = _EXACT.get(host)
    if place is not None:
        return place
    labels = host.split(".")
    if len(labels) > MAX_LABELS:
        return None
    for count in range(1, len(labels) - 1):
        place = _BELOW.get(".".join(labels[count:]))
        if place is not None:
            below = labels[:count]
            return place if all(_may_stand_below(label, place) for label in below) else None
    return None


def _may_stand_below(label: str, place: Place) -> bool:
    """A plain ASCII label that is not the service's help desk; an IDN label (xn--) is somebody's look-alike."""
    return _LABEL.fullmatch(label) is not None and not label.startswith("xn--") and label not in place.not_below


def is_host(host: str) -> bool:
    """Whether `host` (lower case) is an ordinary ASCII host name."""
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))
