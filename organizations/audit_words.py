"""What the audit trail's actions and details are called where people read them.

What the apps above write in keys of their own, they put into words themselves (`AUDIT_VALUES`). Every action that any
app records stands here: tests/organizations/test_audit.py looks for the calls.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.module_loading import import_string

ACTIONS: dict[str, dict[str, str]] = {
    "Connections": {
        "connection.begun": "Began to connect",
        "connection.created": "Connected",
        "connection.renewed": "Reconnected",
        "connection.refused": "Could not connect",
        "connection.narrowed": "Gave up permissions",
        "connection.widened": "Gave more permissions",
        "connection.deleted": "Deleted the connection",
        "connection.emptied_confirmed": "Confirmed that a calendar or folder is empty",
        "connection.revoked": "The sign-in was ended at the service",
        "connection.revocation_given_up": "The sign-in could not be ended at the service",
        "connection.sync_asked": "Asked for a sync",
        "approval.given": "Approved Portico at the service",
        "approval.refused": "Refused to approve Portico at the service",
    },
    "Scheduling for others": {
        "delegate.named": "Named a delegate",
        "delegate.changed": "Changed what a delegate may do",
        "delegate.removed": "Removed a delegate",
        "delegate.given_up": "Gave up scheduling for somebody",
        "meeting.scheduled_for": "Scheduled a meeting for somebody",
        "meeting.changed_for": "Changed a meeting of somebody",
        "meeting.deleted_for": "Deleted a meeting of somebody",
        "meeting.restored_for": "Restored a meeting of somebody",
    },
    "Subscriptions": {
        "feed.created": "Created an address to subscribe to meetings",
        "feed.changed": "Changed what an address to subscribe to shows",
        "feed.revoked": "Revoked an address to subscribe to meetings",
    },
    "Phone licences": {
        "licence.assigned": "Assigned a phone licence",
        "licence.withdrawn": "Withdrew a phone licence",
    },
    "Policy": {
        "policy.changed": "Changed the policy",
        "policy.file_applied": "Applied a file of policies",
        "policy.carried_out": "A change of the policy was carried out",
        "policy.change_undone": "Undid a change of the policy",
        "policy.grace_ended": "Ended a grace period early",
        "connection.disconnected_by_policy": "Disconnected by policy",
        "connection.narrowed_by_policy": "Permissions ended by policy",
    },
    "People": {
        "member.joined": "Joined the organization",
        "member.left": "Left the organization",
        "member.deactivated": "Deactivated",
        "member.reactivated": "Reactivated",
        "member.role_changed": "Changed the role",
        "member.groups_changed": "Changed the groups of a person",
        "ownership.handed_over": "Handed over ownership",
        "person.settings_changed": "Changed their own settings",
    },
    "Invitations": {
        "invitation.created": "Invited",
        "invitation.sent_again": "Sent an invitation again",
        "invitation.revoked": "Took back an invitation",
        "invitation.list_imported": "Invited people from a list",
    },
    "Groups": {
        "group.created": "Created a group",
        "group.changed": "Renamed a group",
        "group.members_added": "Added people to a group",
        "group.members_removed": "Removed people from a group",
        "group.moved": "Changed the order of groups",
        "group.deleted": "Deleted a group",
    },
    "Organization": {
        "organization.created": "Created the organization",
        "organization.changed": "Changed the organization's settings",
        "meeting_host.changed": "Changed the meeting host",
        "meeting_host.tried": "Tried out the meeting host",
        "phone_system.changed": "Changed the phone system",
        "phone_system.secret_made": "Made a new secret for the phone system",
        "phone_system.tried": "Tried out the phone system",
    },
    "Signing in": {
        "person.password_changed": "Changed the password",
        "person.password_reset": "Set a new password by mail",
        "person.email_changed": "Changed the e-mail address",
        "person.second_factor_added": "Added a second factor",
        "person.second_factor_removed": "Removed a second factor",
        "person.second_factor_reset": "Made new recovery codes",
    },
    "Support and the trail itself": {
        "support.opened": "Support opened a person's page",
        "mail.sent_again": "Had a mail sent again",
        "write.tried_again": "Had a change tried again at the calendar",
        "contact_write.tried_again": "Had a change tried again at the address book",
        "person.changed_by_support": "Changed by support",
        "organization.changed_by_support": "Changed by support",
        "organization.created_by_support": "Created by support",
        "audit.exported": "Downloaded the audit trail",
        "audit.purged": "Let go of old events",
    },
}
WORDS = {action: words for actions in ACTIONS.values() for action, words in actions.items()}
BEFORE_AFTER = (("before", "after"), ("from", "to"), ("before", "granted"))
LABELS = {
    "name": "Name",
    "email": "E-mail address",
    "time_zone": "Time zone",
    "language": "Language",
    "default_region": "Country",
    "audit_years": "Audit trail is kept",
    "is_active": "May sign in",
    "is_staff": "Support staff",
    "theme": "Colors",
    "provider": "Service",
    "mailbox": "Mailbox",
    "invited_by": "Invited by",
    "meeting_host": "Meeting host",
    "client_id": "Client ID",
    "account_id": "Account ID",
    "client_secret": "Client secret",
    "link_template": "Link template",
    "reads_upcoming": "Lists meetings made at the host itself",
    "phone_system": "Phone system",
    "webhook_secret": "Secret token",
    "reads_licences": "Whoever has a phone there may call",
    "keep_days": "Days for which calls are kept",
    "manages_private_events": "May manage private events",
    "last_day": "Last day",
    "with_delegated": "With the meetings of those they schedule for",
    "outcome": "Outcome",
    "role": "Role",
}
VALUES = {
    "calendar_read": "Calendar read",
    "calendar_write": "Calendar write",
    "contacts_read": "Contacts read",
    "contacts_write": "Contacts write",
}
"""Words that are stored where people read others."""
MOST_ITEMS = 20
"""Of a list on a page, before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing said of an event: a value, or what it was before and became."""

    label: str
    value: str = ""
    before: str = ""
    is_change: bool = False

    def __str__(self) -> str:
        words = f"{self.before or '(nothing)'} → {self.value or '(nothing)'}" if self.is_change else self.value
        return f"{self.label}: {words}" if self.label else words


def say_action(action: str) -> str:
    """In words; one that nobody has named yet is shown as it is stored."""
    return WORDS.get(action, action.replace(".", ": ", 1).replace("_", " "))


def list_details(details: Mapping[str, Any], *, most: int | None = MOST_ITEMS) -> list[Detail]:
    """What changed first, then everything else that was said. `most`: items shown of a list; None: all of them."""
    pair = next((pair for pair in BEFORE_AFTER if set(pair) <= set(details)), None)
    found = list(_list_changes(details[pair[0]], details[pair[1]], most)) if pair else []
    rest = {name: value for name, value in details.items() if pair is None or name not in pair}
    return found + [
        Detail(say_label(name), say_value(value, name, most=most))
        for name, value in rest.items()
        if value not in ("", None)
    ]


def _list_changes(before: Any, after: Any, most: int | None) -> Iterator[Detail]:
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        yield Detail("", say_value(after, most=most), say_value(before, most=most), is_change=True)
        return
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old != new:
            was, is_now = (say_value(value, name, most=most) for value in (old, new))
            yield Detail(say_label(name), is_now, was, is_change=True)


def say_label(name: str) -> str:
    """ "office365.calendar_write" → "Office365: calendar write"."""
    words = str(name).replace("_", " ").replace(".", ": ")
    return LABELS.get(name, words[:1].upper() + words[1:])


def say_value(value: Any, name: str = "", *, most: int | None = MOST_ITEMS) -> str:
    """`name`: whose value it is, where that makes other words of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name in settings.AUDIT_VALUES and isinstance(value, str):
        return str(import_string(settings.AUDIT_VALUES[name])(value))
    if name == "audit_years":
        return "For ever" if value == 0 else f"{value} year{'' if value == 1 else 's'}"
    if isinstance(value, Mapping):
        return "; ".join(f"{say_label(key)}: {say_value(one, key, most=most)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(say_value(one, most=most) for one in value[:most])
        more = len(value) - (len(value) if most is None else most)
        return f"{shown} and {more} more" if more > 0 else shown
    if name.endswith("_until"):
        return say_moment(str(value))
    return VALUES.get(str(value), str(value))


def say_moment(stored: str) -> str:
    """In the reader's zone."""
    try:
        return date_format(timezone.localtime(datetime.fromisoformat(stored)), "j F Y, H:i")
    except ValueError:
        return stored
