"""Scopes as Google names them, what the consent page says of each, and which of them each method accepts."""

from __future__ import annotations

AUTH = "https://www.googleapis.com/auth/"
SHORT = {"email": f"{AUTH}userinfo.email", "profile": f"{AUTH}userinfo.profile"}
SIGN_IN = frozenset({"openid", *SHORT.values()})
SENTENCES = {
    "openid": "Associate you with your personal info",
    "userinfo.email": "See your primary Google Account email address",
    "userinfo.profile": "See your personal info, including any personal info you've made publicly available",
    "calendar": "See, edit, share, and permanently delete all the calendars you can access",
    "calendar.readonly": "See and download any calendar you can access",
    "calendar.events": "View and edit events on all your calendars",
    "calendar.events.readonly": "View events on all your calendars",
    "calendar.events.owned": "See, create, change, and delete events on Google calendars you own",
    "calendar.events.owned.readonly": "See the events on Google calendars you own",
    "calendar.events.freebusy": "See the availability on Google calendars you have access to",
    "calendar.events.public.readonly": "See the events on public calendars",
    "calendar.calendarlist": "See, add, and remove Google calendars you're subscribed to",
    "calendar.calendarlist.readonly": "See the list of Google calendars you're subscribed to",
    "calendar.calendars": "See and change the properties of calendars, and create secondary calendars",
    "calendar.calendars.readonly": "See the title, description, default time zone, and other properties of calendars",
    "calendar.freebusy": "View your availability in your calendars",
    "calendar.settings.readonly": "View your Calendar settings",
    "calendar.app.created": "Make secondary calendars, and see, create, change, and delete events on them",
    "contacts": "See, edit, download, and permanently delete your contacts",
    "contacts.readonly": "See and download your contacts",
    "contacts.other.readonly": 'See and download contact info automatically saved in your "Other contacts"',
    "directory.readonly": "See and download your organization's Google Workspace directory",
}

_READ = ("calendar", "calendar.events", "calendar.events.owned", "calendar.events.owned.readonly",
         "calendar.events.readonly", "calendar.readonly", "calendar.app.created", "calendar.events.freebusy",
         "calendar.events.public.readonly")  # fmt: skip
_WRITE = ("calendar", "calendar.events", "calendar.events.owned", "calendar.app.created")
_LIST = ("calendar", "calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.readonly")
_CONTACTS = ("contacts", "contacts.readonly")
# method as the ErrorInfo names it → scopes (without the common prefix), one of which is needed
ACCEPTED: dict[str, tuple[str, ...]] = {
    "calendar.v3.Events.List": _READ,
    "calendar.v3.Events.Get": _READ,
    "calendar.v3.Events.Instances": _READ,
    "calendar.v3.Events.Insert": _WRITE,
    "calendar.v3.Events.Import": _WRITE,
    "calendar.v3.Events.QuickAdd": _WRITE,
    "calendar.v3.Events.Patch": _WRITE,
    "calendar.v3.Events.Update": _WRITE,
    "calendar.v3.Events.Delete": _WRITE,
    "calendar.v3.Events.Move": ("calendar", "calendar.events", "calendar.events.owned"),
    "calendar.v3.CalendarList.List": _LIST,
    "calendar.v3.CalendarList.Get": (*_LIST, "calendar.app.created"),
    "calendar.v3.Calendars.Get": ("calendar", "calendar.app.created", "calendar.calendars",
                                  "calendar.calendars.readonly", "calendar.readonly"),
    "calendar.v3.Calendars.Insert": ("calendar", "calendar.app.created", "calendar.calendars"),
    "calendar.v3.Freebusy.Query": ("calendar", "calendar.events.freebusy", "calendar.freebusy", "calendar.readonly"),
    "calendar.v3.Colors.Get": ("calendar", "calendar.app.created", "calendar.calendarlist",
                               "calendar.calendarlist.readonly", "calendar.events.freebusy", "calendar.events.owned",
                               "calendar.events.owned.readonly", "calendar.events.public.readonly",
                               "calendar.readonly"),
    "calendar.v3.Events.Watch": ("calendar", "calendar.app.created", "calendar.events", "calendar.events.freebusy",
                                 "calendar.events.owned", "calendar.events.owned.readonly",
                                 "calendar.events.public.readonly", "calendar.events.readonly", "calendar.readonly"),
    "calendar.v3.Channels.Stop": ("calendar", "calendar.acls", "calendar.acls.readonly", "calendar.app.created",
                                  "calendar.calendarlist", "calendar.calendarlist.readonly", "calendar.events",
                                  "calendar.events.freebusy", "calendar.events.owned",
                                  "calendar.events.owned.readonly", "calendar.events.public.readonly",
                                  "calendar.events.readonly", "calendar.readonly", "calendar.settings",
                                  "calendar.settings.readonly"),
    "calendar.v3.Settings.List": ("calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"),
    "calendar.v3.Settings.Get": ("calendar", "calendar.readonly", "calendar.settings", "calendar.settings.readonly"),
    "google.people.v1.PeopleService.GetPerson": (*_CONTACTS, "contacts.other.readonly", "directory.readonly",
                                                 "userinfo.email", "userinfo.profile"),
    "google.people.v1.PeopleService.GetPeople": (*_CONTACTS, "contacts.other.readonly", "directory.readonly",
                                                 "userinfo.email", "userinfo.profile"),
    "google.people.v1.PeopleService.ListConnections": _CONTACTS,
    "google.people.v1.PeopleService.SearchContacts": _CONTACTS,
    "google.people.v1.PeopleService.CreateContact": ("contacts",),
    "google.people.v1.PeopleService.UpdateContact": ("contacts",),
    "google.people.v1.PeopleService.DeleteContact": ("contacts",),
    "google.people.v1.PeopleService.ListContactGroups": _CONTACTS,
    "google.people.v1.PeopleService.GetContactGroup": _CONTACTS,
    "google.people.v1.PeopleService.BatchGetContactGroups": _CONTACTS,
    "google.people.v1.PeopleService.CreateContactGroup": ("contacts",),
    "google.people.v1.PeopleService.UpdateContactGroup": ("contacts",),
    "google.people.v1.PeopleService.DeleteContactGroup": ("contacts",),
    "google.people.v1.PeopleService.ModifyContactGroupMembers": ("contacts",),
}  # fmt: skip
# with nothing else granted, these reach only calendars the person owns
OWNED_ONLY = frozenset({"calendar.events.owned", "calendar.events.owned.readonly", "calendar.app.created"})


def parse_scopes(text: str) -> list[str]:
    """Space-separated → long names, in the order asked, each once."""
    return list(dict.fromkeys(SHORT.get(word, word) for word in text.split()))


def is_known(scope: str) -> bool:
    return scope == "openid" or (scope.startswith(AUTH) and scope.removeprefix(AUTH) in SENTENCES)


def sentence(scope: str) -> str:
    return SENTENCES[scope.removeprefix(AUTH)]


def accepted_for(method: str) -> list[str]:
    """Long names of the scopes of which the method wants one."""
    return [AUTH + short for short in ACCEPTED[method]]


def reaches_others(granted: frozenset[str], method: str) -> bool:
    """Whether what is granted works for this method on a calendar somebody else owns."""
    return any(AUTH + short in granted for short in ACCEPTED[method] if short not in OWNED_ONLY)
