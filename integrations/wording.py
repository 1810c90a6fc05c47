"""Policy in words: which settings there are on this server, what they are called, and what a value says.

Pages, support, the audit trail and previews all take their words from here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from integrations import levels, registry
from integrations.levels import Setting, Value
from integrations.permissions import LABELS, Permission
from integrations.policy import CallScheme, Mode, Policy, Prompt, ServicePolicy, Source, TimeChange

PLAIN_LABELS = {
    "enabled": "Calendar and Contact Integration",
    "default_service": "Suggested service",
    "mailbox_domains": "Allowed mailbox domains",
    "own_mailbox": "Only the member's own address",
    "prompt": "Ask to connect after sign-in",
    "join_services": "Join button for",
    "vanity_hosts": "Own Zoom host names",
    "time_change": "When a meeting's time is changed here",
    "scheduling_privilege": "Members may name delegates",
    "call_scheme": "Call opens",
    "grace_days": "Grace period",
}
SERVICE_LABELS = {
    "offered": "Offered",
    **{one.value: LABELS[one] for one in Permission},
    "require_oauth": "Require OAuth 2.0",
    "ews_url": "Default EWS URL",
    "ews_hosts": "Allowed servers",
    "versions": "Allowed versions",
}
HELP = {
    "enabled": "With No, nobody connects anything, and nothing is read.",
    "default_service": "Marked as suggested where people choose.",
    "mailbox_domains": "Where a connected mailbox may be, such as example.com. Empty: anywhere.",
    "own_mailbox": "The connected mailbox has to be the address that the member signs in here with.",
    "prompt": "For members without a connection.",
    "join_services": "Links of other services that get a Join button, beyond Zoom's.",
    "vanity_hosts": "Your own addresses at Zoom, such as meet.example.com.",
    "time_change": "What becomes of the event in the member's calendar.",
    "scheduling_privilege": "Delegates see a member's meetings and schedule for them. "
    "With No, nobody names any, and those who are named see nothing until this is Yes again.",
    "call_scheme": "The kind of link that hands a number to the program that dials. Android opens none of Zoom's own: "
    "there callto: is used instead. A sip: link holds the bare number, to which the program adds its own server.",
    "grace_days": "How long connections that break a new lock go on, if whoever locks does not choose otherwise.",
    "offered": "Whether members can choose this service.",
    "require_oauth": "With No, members may also sign in with a password, where Microsoft still accepts one.",
    "ews_url": "Filled into the sign-in form.",
    "ews_hosts": "Servers a password may be sent to, such as mail.example.com. Empty: any that Portico may reach.",
    "versions": "The only versions of the server that may be connected. None ticked: any.",
}
PROMPTS = {Prompt.NEVER: "Never", Prompt.ONCE: "Once", Prompt.UNTIL_DONE: "At each sign-in, until connected"}
TIME_CHANGES = {
    TimeChange.ONE_EVENT: "Keep one event: it moves",
    TimeChange.SEPARATE_EVENT: "Separate event: the old one stays, a second is made",
}
CALL_SCHEMES = {
    CallScheme.ZOOM_PHONE: "Zoom Phone (zoomphonecall:)",
    CallScheme.TEL: "The device's own dialler (tel:)",
    CallScheme.CALLTO: "Whatever takes callto: links, as Zoom does",
    CallScheme.SIP: "A SIP program (sip:)",
}
MODES = {Mode.ASK: "Ask: the member chooses", Mode.ON: "On", Mode.OFF: "Off"}
TRIGGERS = {
    "schedule": "By itself",
    "person": "The member asked",
    "connect": "After connecting",
    "admin": "An admin asked",
    "support": "Support asked",
    "push": "The service told of a change",
}
"""Why a sync ran: what SyncRun.trigger holds."""


def list_settings() -> list[Setting]:
    """Every setting that means something on this server, in the order pages show them: the services' last."""
    plain = list(levels.POLICY_SETTINGS.values())
    return plain + [setting for key in registry.providers() for setting in list_service_settings(key)]


def list_service_settings(key: str) -> list[Setting]:
    """Those of one service; what only means something for a sign-in form is there where the service has one."""
    methods = registry.methods_of(key)
    fields = {field.name for method in methods for field in method.fields}
    unfit = set()
    if not any(method.needs_policy for method in methods) or all(method.needs_policy for method in methods):
        unfit.add("require_oauth")
    if "ews_url" not in fields:
        unfit |= {"ews_url", "ews_hosts"}
    if "version" not in fields:
        unfit.add("versions")
    return [setting for setting in levels.settings_of_service(key).values() if setting.field not in unfit]


def service_name(key: str) -> str:
    info = registry.find_info(key)
    return info.name if info else key


def list_versions(key: str) -> list[tuple[str, str]]:
    """(value, words) of the versions a service's sign-in form knows, without "not sure"."""
    fields = (field for method in registry.methods_of(key) for field in method.fields if field.name == "version")
    return [choice for field in fields for choice in field.choices if choice[0]]


def list_join_services() -> list[tuple[str, str]]:
    """(key, name) of the meeting services whose links can be given a Join button, those that always have one left out;
    the ones people use most first."""
    known = import_string(settings.JOIN_SERVICES)
    return [(key, service.name) for key, service in known.items() if key not in Policy().join_services]


def label_of(setting: Setting) -> str:
    """ "Calendar write", without the service's name."""
    return (SERVICE_LABELS if setting.service else PLAIN_LABELS)[setting.field]


def full_label_of(setting: Setting) -> str:
    """ "Google: Calendar write"."""
    return f"{service_name(setting.service)}: {label_of(setting)}" if setting.service else label_of(setting)


def full_label(name: str) -> str:
    """The same of a setting's name; the name itself where this version of Portico does not know it."""
    setting = levels.find_setting(name)
    return full_label_of(setting) if setting else name


def say_trigger(trigger: str) -> str:
    return TRIGGERS.get(trigger, trigger)


def say_list(words: Sequence[str]) -> str:
    """ "A, B and C"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def list_permissions(permissions: Iterable[str]) -> list[str]:
    """Labels of permissions or of their stored names, in the order of the four; names of no permission are left out."""
    given = frozenset(permissions)
    return [one.label for one in Permission if one in given]


def say_permissions(permissions: Iterable[str]) -> str:
    """ "Calendar read, Calendar write and Contacts read"; "" of none."""
    return say_list(list_permissions(permissions))


def say_value(setting: Setting, value: Value) -> str:
    """What a value says, in words."""
    words: dict[str, str] = {
        **{str(one): said for one, said in (PROMPTS | TIME_CHANGES | CALL_SCHEMES).items()},
        **{str(one): said for one, said in MODES.items()},
    }
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if setting.field == "grace_days":
        return "None: at once" if value == 0 else f"{value} day{'' if value == 1 else 's'}"
    if setting.field == "default_service":
        return service_name(str(value)) if value else "None in particular"
    if setting.field == "versions" and isinstance(value, frozenset):
        named = dict(list_versions(setting.service))
        return ", ".join(named.get(one, one) for one in sorted(value)) or "Any"
    if setting.field == "join_services" and isinstance(value, frozenset):
        named = dict(list_join_services())
        return ", ".join(sorted((named.get(one, one) for one in value), key=str.casefold)) or "Zoom only"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "Any"
    return words.get(str(value), str(value)) or "None"


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as it holds for one person."""

    setting: Setting
    label: str
    words: str
    source: Source


def value_in(policy: Policy, setting: Setting) -> Value:
    """What a resolved policy says of a setting."""
    if not setting.service:
        value: Value = getattr(policy, setting.field)
        return value - Policy().join_services if setting.field == "join_services" else value  # type: ignore[operator]
    service = policy.services.get(setting.service, ServicePolicy())
    if setting.field in set(Permission):
        return service.mode(Permission(setting.field))
    own: Value = getattr(service, setting.field)
    return own


def source_in(policy: Policy, setting: Setting) -> Source:
    if not setting.service:
        return policy.source(setting.field)
    return policy.services.get(setting.service, ServicePolicy()).source(setting.field)


def explain(policy: Policy, settings: Iterable[Setting] | None = None) -> list[Line]:
    """The policy that holds for one person, line by line, with who decided each."""
    return [
        Line(one, full_label_of(one), say_value(one, value_in(policy, one)), source_in(policy, one))
        for one in (list_settings() if settings is None else settings)
    ]
