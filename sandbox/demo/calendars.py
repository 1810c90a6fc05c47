"""What stands in the calendars of Northwind Legal: Alice's in all its variety, the others' around it."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.demo import links
from sandbox.google import Google

ALICE, BEN, DORA, EMIL = (
    f"{name}@northwind.example" for name in ("alice.meyer", "ben.okafor", "dora.lindqvist", "emil.tanaka")
)
CHARLIE = "charlie.stone@rival.example"
CLIENT = {"email": "r.castellanos@aurora-shipping.example", "displayName": "Rosa Castellanos"}
COURT = {"email": "geschaeftsstelle@gericht.example", "displayName": "Amtsgericht, Geschäftsstelle 14"}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Diary:
    """Writes one person's events; days are counted in working days from today."""

    def __init__(self, google: Google, email: str) -> None:
        self.google, self.email = google, email
        person = google.people.find(email)
        assert person is not None
        self.zone = ZoneInfo(person.timezone)
        self.zone_name = person.timezone
        self.today = google.clock.now().astimezone(self.zone).date()
        self.calendar = google.calendars.get(email, "primary")

    def workday(self, count: int) -> date:
        """The count-th working day from today on, 0 being today or the Monday after a weekend; negative: before."""
        day = self.today
        while day.weekday() > 4:
            day += timedelta(days=1)
        step = 1 if count > 0 else -1
        for _ in range(abs(count)):
            day += timedelta(days=step)
            while day.weekday() > 4:
                day += timedelta(days=step)
        return day

    def times(self, day: date, clock: str, minutes: int, zone: str = "") -> dict[str, Any]:
        name = zone or self.zone_name
        begins = datetime.combine(day, datetime.strptime(clock, "%H:%M").time())  # noqa: DTZ007 - wall clock
        ends = (begins.replace(tzinfo=ZoneInfo(name)).astimezone(UTC) + timedelta(minutes=minutes)).astimezone(
            ZoneInfo(name)
        )
        return {
            "start": {"dateTime": begins.isoformat(), "timeZone": name},
            "end": {"dateTime": ends.replace(tzinfo=None).isoformat(), "timeZone": name},
        }

    def add(self, key: str, count: int, clock: str, minutes: int, summary: str, *, zone: str = "", **more: Any) -> str:
        """An event on a working day; returns its id."""
        body = {"summary": summary, **self.times(self.workday(count), clock, minutes, zone), **more}
        return self._insert(key, body)

    def add_days(self, key: str, first: date, days: int, summary: str, **more: Any) -> str:
        times = {"start": {"date": first.isoformat()}, "end": {"date": (first + timedelta(days=days)).isoformat()}}
        return self._insert(key, {"summary": summary, **times, **more})

    def add_now(self, key: str, offset: int, minutes: int, summary: str, **more: Any) -> str:
        """offset: minutes from now, whole five minutes."""
        begins = self.google.clock.now() + timedelta(minutes=offset)
        begins -= timedelta(minutes=begins.minute % 5, seconds=begins.second, microseconds=begins.microsecond)
        times = {
            name: {"dateTime": moment.astimezone(self.zone).isoformat(), "timeZone": self.zone_name}
            for name, moment in (("start", begins), ("end", begins + timedelta(minutes=minutes)))
        }
        return self._insert(key, {"summary": summary, **times, **more})

    def _insert(self, key: str, body: dict[str, Any]) -> str:
        name = hashlib.sha256(f"{self.email}/{key}".encode()).hexdigest()[:26]
        # attributes that some of the rows below leave empty
        body = {field: value for field, value in body.items() if value not in (None, "", [])}
        return str(self.google.events.insert(self.calendar, self.email, body | {"id": name}, conference=1)["id"])

    def receive(self, key: str, count: int, clock: str, minutes: int, summary: str, organizer: dict[str, str],
                answer: str = "accepted", *, zone: str = "", **more: Any) -> None:  # fmt: skip
        """An invitation from outside."""
        attendees = [
            organizer | {"responseStatus": "accepted"}, {"email": self.email, "responseStatus": answer},
            *more.pop("others", []),
        ]  # fmt: skip
        body = {"summary": summary, **self.times(self.workday(count), clock, minutes, zone), "attendees": attendees,
                "iCalUID": f"{key}-{self.email}@mail.example", **more}  # fmt: skip
        self.google.events.receive(self.calendar, body, organizer)

    def instance(self, series: str, count: int) -> dict[str, Any] | None:
        """The series' instance on a working day, if it has one."""
        zone, day = self.zone, self.workday(count)
        noon = datetime.combine(day, datetime.min.time(), zone)
        found = self.google.listing.find_instances(
            self.calendar, series, noon.astimezone(UTC), (noon + timedelta(days=1)).astimezone(UTC)
        )
        return found[0] if found else None

    def change(self, series: str, count: int, **changes: Any) -> None:
        if found := self.instance(series, count):
            self.google.change_event(self.email, found["id"], changes)

    def cancel(self, series: str, count: int) -> None:
        if found := self.instance(series, count):
            self.google.delete_event(self.email, found["id"])

    def answer(self, summary: str, answer: str) -> None:
        """Reply to an invitation from inside the sandbox."""
        for doc in self.google.listing.find_titled(self.calendar, summary):
            attendees = [
                a | {"responseStatus": answer} if a["email"] == self.email else a for a in doc.get("attendees", ())
            ]
            self.google.change_event(self.email, doc["id"], {"attendees": attendees})


def people(*emails: str, **answers: str) -> list[dict[str, Any]]:
    """Attendees; answers by the part before the first dot of the address."""
    return [{"email": email, "responseStatus": answers.get(email.split(".")[0], "accepted")} for email in emails]


def fill_calendars(google: Google) -> None:
    alice, ben, dora, emil, charlie = (Diary(google, email) for email in (ALICE, BEN, DORA, EMIL, CHARLIE))
    _fill_series(alice)
    _fill_link_places(alice)
    _fill_other_services(alice)
    _fill_odd_ones(alice)
    _fill_days(alice)
    _fill_case_work(alice, 44)
    _fill_colleagues(ben, dora, emil)
    _fill_rival(charlie)
    alice.answer("Budget round, New York", "tentative")
    alice.answer("Associates’ lunch", "declined")
    _fill_second_calendars(google, alice, dora)


def _fill_second_calendars(google: Google, alice: Diary, dora: Diary) -> None:
    """What people keep beside their own: Alice two of hers, and one of Dora's that all may read."""

    def make(diary: Diary, name: str, about: str, color: str) -> str:
        body = {"summary": name, "description": about, "timeZone": diary.zone_name}
        return google.calendars.insert(diary.email, body, color=color).id

    court = make(alice, "Court dates", "Hearings of the litigation team", "17")
    for email, role in ((BEN, "reader"), (DORA, "writer"), (EMIL, "reader")):
        google.calendars.share(court, email, role=role)
    for number, count in enumerate((3, 8, 15, 22)):
        body = {"summary": f"Hearing {number + 1}, Aurora Shipping ./. Halvorsen", "location": "Court 3, room 214",
                **alice.times(alice.workday(count), "09:30", 120)}  # fmt: skip
        google.add_event(ALICE, body, calendar=court)
    family = make(alice, "Family", "", "2")
    for count, clock, minutes, summary in ((1, "18:30", 60, "Parents’ evening"), (5, "17:00", 90, "Emil’s birthday")):
        body = {"summary": summary, "visibility": "private", **alice.times(alice.workday(count), clock, minutes)}
        google.add_event(ALICE, body, calendar=family)
    firm = make(dora, "Firm calendar", "Closing days and what concerns everybody", "8")
    for email in (ALICE, BEN, EMIL):
        google.calendars.share(firm, email, color="8")
    for count, summary in ((6, "Fire drill"), (12, "Office closed"), (19, "Summer party")):
        first = dora.workday(count)
        days = {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=1)}"}}
        google.add_event(DORA, {"summary": summary, "transparency": "transparent", **days}, calendar=firm)


def _fill_series(alice: Diary) -> None:
    add = alice.add
    standup = add("standup", -30, "09:15", 15, "Daily stand-up", recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"],
                  attendees=people(BEN, DORA, EMIL, emil="tentative"),
                      conferenceData=links.zoom_addon("standup"))  # fmt: skip
    alice.cancel(standup, 4)
    alice.cancel(standup, -3)
    alice.change(
        standup, 2, summary="Daily stand-up (with the new trainees)", **alice.times(alice.workday(2), "09:45", 30)
    )
    one = add("1to1", -20, "11:00", 30, "1:1 Alice / Ben", attendees=people(BEN), location=links.zoom("1to1"),
              recurrence=[f"RRULE:FREQ=WEEKLY;BYDAY={WEEKDAYS[alice.workday(-20).weekday()]}"])  # fmt: skip
    alice.change(one, -15, summary="1:1 Alice / Ben, moved", **alice.times(alice.workday(-15), "16:00", 30))
    alice.cancel(one, 5)
    add("knowhow", -9, "13:00", 60, "Know-how lunch", recurrence=["RRULE:FREQ=WEEKLY;INTERVAL=2"],
        attendees=people(DORA, EMIL), description=links.invitation("knowhow"))  # fmt: skip
    friday = alice.workday(-21)
    friday += timedelta(days=(4 - friday.weekday()) % 7)
    body = {"summary": "Month’s end billing", **alice.times(_last_friday(friday), "15:00", 60),
            "recurrence": ["RRULE:FREQ=MONTHLY;BYDAY=-1FR"], "description": "Hours in, please."}  # fmt: skip
    alice._insert("billing", body)
    add("newyork", -25, "09:00", 45, "New York hand-over", zone="America/New_York",
        recurrence=["RRULE:FREQ=WEEKLY;BYDAY=TU,TH"], attendees=people(BEN),
            location=links.zoom("newyork"))  # fmt: skip
    add("tokyo", -25, "09:30", 30, "東京オフィスとの定例会", zone="Asia/Tokyo",
        recurrence=["RRULE:FREQ=WEEKLY;BYDAY=WE"],
        attendees=people(EMIL), description=f"Zoom: {links.zoom('tokyo')}")  # fmt: skip
    add("pune", -12, "17:30", 45, "Pune data room call", zone="Asia/Kolkata",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=8", _exdate(alice, -2)], conferenceData=links.meet("pune"))  # fmt: skip
    add("gym", -28, "07:00", 60, "Gym", recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,TH"], visibility="private",
        transparency="transparent", colorId="2")  # fmt: skip


def _last_friday(day: date) -> date:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)
    return following - timedelta(days=(following.weekday() - 4) % 7)


def _exdate(alice: Diary, count: int) -> str:
    return f"EXDATE;TZID=Asia/Kolkata:{alice.workday(count):%Y%m%d}T173000"


def _fill_link_places(alice: Diary) -> None:
    """Zoom links in every place and wrapper; two of them now and soon."""
    zoom = links.zoom
    alice.add_now("now", -20, 60, "Aurora Shipping: settlement call", attendees=people(BEN), location=zoom("now"),
                  description="Agenda: 1. offer, 2. limits, 3. next steps")  # fmt: skip
    alice.add_now("soon", 10, 45, "Halvorsen deposition, preparation", attendees=people(DORA, EMIL, emil="needsAction"),
                  conferenceData=links.zoom_addon("soon"))  # fmt: skip
    rows: tuple[tuple[str, int, str, str, dict[str, Any]], ...] = (
        ("location", 0, "14:00", "Client intake: Bergström", {"location": zoom("location")}),
        ("text", 0, "16:30", "Draft review", {"description": links.invitation("text")}),
        ("html", 1, "10:00", "Expert witness, first talk", {"description": (
            f'<p>Hello all,</p><p>please <a href="{zoom("html")}">join here</a>.<br>Passcode: 4711</p>')}),
        ("safelinks", 1, "11:30", "Insurance call", {"description": f"Join: {links.safelinks(zoom('safelinks'))}"}),
        ("googleurl", 1, "15:00", "Trainee interview", {
            "description": f'<a href="{links.google_url(zoom("googleurl"))}">Zoom</a>'}),
        ("pp2", 2, "10:30", "Licensing terms, second reading", {
            "description": links.proofpoint_v2(zoom("pp2", host="us02web.zoom.us"))}),
        ("pp3", 2, "14:00", "Escrow questions", {
            "description": links.proofpoint_v3(zoom("pp3", host="us02web.zoom.us") + "#success")}),
        ("nested", 2, "16:00", "Tax opinion", {"description": links.safelinks(links.google_url(zoom("nested")))}),
        ("nopwd", 3, "10:00", "Partner call", {"location": zoom("nopwd", secret=False)}),
        ("both", 3, "11:00", "Lease negotiation", {
            "description": f"{zoom('both', secret=False)}\nor, with the passcode inside: {zoom('both')}"}),
        ("vanity", 3, "14:30", "Office hours", {"location": "https://northwind.zoom.us/my/alice.meyer"}),
        ("scheme", 3, "16:00", "Quick check with the notary", {
            "description": f"zoommtg://zoom.us/join?confno={links.number('scheme')}&pwd=Zm9v&uname=Alice"}),
        ("webclient", 4, "10:00", "Mediation", {"location": f"https://zoom.us/wc/join/{links.number('webclient')}"}),
        ("webinar", 4, "13:00", "Webinar: the new Supply Chain Act", {
            "location": f"https://us06web.zoom.us/w/{links.number('webinar')}?tk=alicesOwnTicket.DQYAAA"}),
        ("register", 5, "17:00", "Webinar, register first: arbitration in 2027", {
            "description": "https://us06web.zoom.us/webinar/register/WN_sandboxSandboxSandbox1"}),
        ("government", 5, "09:30", "Hearing by video, agency", {"location": zoom("government",
            host="agency.zoomgov.com")}),
        ("german", 5, "11:00", "Kanzleirunde", {"location": f"Zoom X: {zoom('german', host='northwind.zoom-x.de')}"}),
        ("bare", 5, "14:00", "Call, link without https", {"location": zoom("bare")[8:]}),
        ("glued", 6, "10:00", "パートナー会議", {"description": f"会議リンク：{zoom('glued')}。よろしく"}),
        ("brackets", 6, "11:30", "Brackets", {"description": f"(join here <{zoom('brackets')}>)."}),
        ("entities", 6, "14:00", "Twice escaped", {"description": zoom("entities") + "&amp;amp;from=addon"}),
    )  # fmt: skip
    for key, count, clock, summary, more in rows:
        alice.add(key, count, clock, 45, summary, attendees=people(BEN) if len(key) % 2 else [], **more)


def _fill_other_services(alice: Diary) -> None:
    add = alice.add
    add("meet", 1, "13:00", 30, "Budget with finance (Meet)", conferenceData=links.meet("meet"), attendees=people(DORA))
    alice.receive("teams", 2, "12:00", 60, "Aurora Shipping: weekly (Teams)", CLIENT,
        location="Microsoft Teams Meeting",
                  description=f"<br>____<br><a href='{links.TEAMS}'>Click here to join</a><br>")  # fmt: skip
    alice.receive("webex", 4, "15:00", 60, "Opposing counsel (Webex)", {"email": CHARLIE,
        "displayName": "Charlie Stone"},
                  "needsAction", location=links.WEBEX)  # fmt: skip
    add("jitsi", 4, "09:45", 15, "Coffee, virtually", location=links.JITSI)
    add("several", 7, "10:00", 60, "Which link is it? Zoom, Meet and Teams", conferenceData=links.meet("several"),
        location=links.zoom("several"), description=f"Backup: {links.TEAMS}")  # fmt: skip
    add("phone", 3, "09:00", 30, "Phone: Landgericht, registry", location="+49 30 23125 114")
    add("room", 2, "09:00", 60, "Filing day", location="Room Schinkel, 3rd floor",
        attendees=[{"email": "schinkel@resource.northwind.example", "displayName": "Room Schinkel", "resource": True,
                    "responseStatus": "accepted"}])  # fmt: skip
    add("notlinks", 7, "14:00", 60, "Zoom training (in person)", location="Room Schinkel",
        description="See https://support.zoom.us/hc/en-us/articles/201362033 and https://zoom.us/pricing")  # fmt: skip
    add("recording", -2, "10:00", 60, "Watch: recording of the hearing",
        description="https://northwind.zoom.us/rec/share/a1b2c3d4e5f6")  # fmt: skip


def _fill_odd_ones(alice: Diary) -> None:
    add, zoom = alice.add, links.zoom
    add("private", 1, "17:30", 45, "Dr. Sommer", visibility="private", location="Friedrichstraße 12")
    add("confidential", 3, "17:00", 60, "Partnership talks", visibility="confidential", location=zoom("confidential"),
        attendees=people(DORA))  # fmt: skip
    cancelled = add("cancelled", 2, "17:00", 30, "Cancelled: archive tour", attendees=people(BEN, DORA))
    alice.google.delete_event(ALICE, cancelled)
    alice.receive("declined", 5, "16:00", 60, "Vendor pitch: e-discovery", {
        "email": "sales@discovery.example", "displayName": "Discovery Sales"}, "declined",
            location=zoom("declined"))  # fmt: skip
    alice.receive("tentative", 6, "16:00", 60, "Bar association: working group", {
        "email": "office@bar.example", "displayName": "Bar association"}, "tentative",
            location=zoom("tentative"))  # fmt: skip
    alice.receive("unanswered", 6, "17:00", 30, "Interview request: Legal Weekly", {
        "email": "desk@legalweekly.example", "displayName": "Legal Weekly"}, "needsAction",
        description=f"We meet at {zoom('unanswered', host='us05web.zoom.us')}")  # fmt: skip
    alice.receive(
        "summons", 8, "09:00", 180, "Ladung: Verhandlung 14 O 212/26", COURT, location="Saal 214, Hauptgebäude"
    )
    add("tentativestatus", 7, "11:00", 60, "Maybe: strategy retreat planning", status="tentative")
    add("overlap1", 4, "11:00", 90, "Overlap: contract marathon", location=zoom("overlap1"))
    add("overlap2", 4, "11:30", 30, "Overlap: five-minute question")
    add("overlap3", 4, "11:45", 60, "Overlap: and another", location=zoom("overlap3"))
    guests = [{"email": f"colleague{n:02d}@northwind.example", "displayName": f"Colleague {n}",
               "responseStatus": ("accepted", "needsAction", "tentative", "declined")[n % 4], "optional": n % 5 == 0}
              for n in range(1, 28)]  # fmt: skip
    add("allhands", 5, "15:00", 60, "📣 All-hands", attendees=[*people(BEN, DORA, EMIL), *guests],
        conferenceData=links.zoom_addon("allhands"), guestsCanSeeOtherGuests=False,
            guestsCanInviteOthers=False)  # fmt: skip
    add("emoji", 1, "12:00", 45, "🎂 Dora’s cake 👩🏽‍⚖️🇸🇪", attendees=people(DORA, EMIL))
    add("arabic", 7, "09:00", 45, "اجتماع مع مكتب القاهرة", location=zoom("arabic"))
    add("hebrew", 8, "13:00", 45, "פגישה עם עו״ד כהן", description=zoom("hebrew"))
    add("script", 8, "14:00", 30, '<script>alert("title")</script> & "quotes"',
        description='<img src=x onerror="alert(1)"><script>document.title = "taken"</script> plain text',
            location="<b>bold</b>")  # fmt: skip
    add("untitled", 8, "15:00", 30, "")
    add("long", 9, "10:00", 60, "Reading: the whole contract", description="\n\n".join(
        f"§ {n} The parties agree that clause {n} shall be read together with clause {n + 1}." for n in range(1, 900))
        + f"\n\nIn the end we meet: {zoom('long')}")  # fmt: skip
    add("attached", 9, "13:00", 30, "Sign-off with documents",
        attachments=[{"fileUrl": "https://drive.google.com/open?id=sandbox1", "title": "Contract v7.pdf",
                      "mimeType": "application/pdf", "fileId": "sandbox1"}],
        source={"title": "Case 14 O 212/26", "url": "https://cases.northwind.example/14-O-212-26"},
        extendedProperties={"private": {"case": "14 O 212/26"}, "shared": {"client": "Aurora"}})  # fmt: skip
    add("midnight", 6, "23:30", 60, "Night shift with Tokyo", location=zoom("midnight"))
    add("modify", 9, "15:00", 60, "Anyone may move me", attendees=people(BEN), guestsCanModify=True)


def _fill_days(alice: Diary) -> None:
    """All-day and special kinds."""
    day, add = alice.workday, alice.add_days
    add("holiday", day(12), 1, "Office closed", transparency="transparent", visibility="public")
    add("conference", day(10), 3, "Conference: Legal Tech, Hamburg", location="Congress centre, Hamburg")
    add("travel", day(9), 1, "Train to Hamburg")
    add("birthday", date(alice.today.year - 1, 3, 14), 1, "Emil’s birthday", eventType="birthday", visibility="private",
        transparency="transparent", recurrence=["RRULE:FREQ=YEARLY"],
            birthdayProperties={"type": "birthday"})  # fmt: skip
    add("home", day(1), 1, "Home", eventType="workingLocation", visibility="public", transparency="transparent",
        workingLocationProperties={"type": "homeOffice", "homeOffice": {}})  # fmt: skip
    alice.add("out", 14, "00:00", 5 * 24 * 60, "Out of office", eventType="outOfOffice", outOfOfficeProperties={
        "autoDeclineMode": "declineOnlyNewConflictingInvitations",
            "declineMessage": "On leave until Monday."})  # fmt: skip
    alice.add("focus", 2, "07:30", 60, "Focus time", eventType="focusTime", focusTimeProperties={
        "autoDeclineMode": "declineNone", "chatStatus": "doNotDisturb"})  # fmt: skip
    alice.receive("flight", 11, "07:10", 80, "Flight BER–HAM", {"email": "unknownorganizer@calendar.google.com"},
                  eventType="fromGmail", location="Berlin BER", visibility="private")  # fmt: skip


MATTERS = (
    "Aurora Shipping",
    "Halvorsen",
    "Bergström",
    "Kaufmann & Söhne",
    "Cedar Bank",
    "Delta Foods",
    "Estate of Lind",
)
TASKS = ("call", "file review", "draft", "strategy", "status", "negotiation", "witness talk", "invoice question")


def _fill_case_work(diary: Diary, count: int) -> None:
    """Ordinary meetings before and after today, with and without a link."""
    for n in range(count):
        key = f"case{n}"
        digest = hashlib.sha256(f"{diary.email}{key}".encode()).digest()
        title = f"{MATTERS[digest[0] % len(MATTERS)]}: {TASKS[digest[1] % len(TASKS)]}"
        places: tuple[dict[str, Any], ...] = (
            {"location": links.zoom(key)}, {"description": links.invitation(key)},
            {"conferenceData": links.zoom_addon(key)}, {"location": "Room Schinkel"}, {},
            {"conferenceData": links.meet(key)},
        )  # fmt: skip
        others = [{"email": f"guest{digest[3] % 40}@aurora-shipping.example", "responseStatus": "accepted"}]
        diary.add(key, n * 3 // 2 - count // 2, f"{8 + digest[4] % 10:02d}:{digest[5] % 4 * 15:02d}",
                  (30, 45, 60, 90)[digest[6] % 4], title, attendees=others,
                      **places[digest[2] % len(places)])  # fmt: skip


def _fill_colleagues(ben: Diary, dora: Diary, emil: Diary) -> None:
    ben.add("budget", 3, "10:00", 60, "Budget round, New York", attendees=people(ALICE, DORA, alice="needsAction"),
            location=links.zoom("budget"))  # fmt: skip
    ben.add(
        "lunch", 4, "12:30", 60, "Associates’ lunch", attendees=people(ALICE, alice="needsAction"), location="Canteen"
    )
    dora.add("policy", 2, "15:00", 45, "IT policy: calendars and contacts", attendees=people(ALICE, BEN, EMIL),
             conferenceData=links.zoom_addon("policy"))  # fmt: skip
    dora.add(
        "audit", -10, "10:00", 60, "Security audit", recurrence=["RRULE:FREQ=MONTHLY"], location=links.zoom("audit")
    )
    emil.add(
        "handover", 0, "17:00", 45, "引き継ぎ Alice → Emil", attendees=people(ALICE), description=links.invitation("ho")
    )
    emil.add("private", 1, "18:00", 60, "歯医者", visibility="private")
    for diary, count in ((ben, 40), (dora, 22), (emil, 28)):
        _fill_case_work(diary, count)


def _fill_rival(charlie: Diary) -> None:
    charlie.add(
        "secret", 1, "10:00", 60, "Rival only: offer for Aurora", location=links.zoom("r", host="rival.zoom.us")
    )
    charlie.add("weekly", -10, "09:00", 30, "Partners’ round", recurrence=["RRULE:FREQ=WEEKLY"], location=links.WEBEX)
    _fill_case_work(charlie, 20)
