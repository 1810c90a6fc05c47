"""Policy as code: the whole policy of an organization written to a file, and a file made the organization's policy.

A file is applied as a whole or not at all. What it would do is found by the same function that a page's preview asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.db import transaction

from integrations import deciding, differences, levels, policy_text, registry
from integrations.deciding import ChangedMeanwhile, Contradicts, LockedAbove, Place
from integrations.differences import Difference
from integrations.forecasting import Preview
from integrations.levels import Layer
from integrations.policy_models import (
    AdminPolicy,
    OrganizationPolicies,
    PolicyChange,
    freeze_policies,
    members_under,
)
from integrations.policy_text import Section, Unreadable
from organizations.models import Group, Membership, Organization, User, record
from organizations.signals import policy_may_differ


def export(organization: Organization) -> str:
    rows = {(row.group_id, row.membership_id): row.as_layer() for row in _rows(organization)}
    members = [
        (row.membership.user.email, row.as_layer()) for row in _rows(organization) if row.membership and row.choices
    ]
    places = [Place(organization), *(Place(organization, group=group) for group in _groups(organization))]
    whole, *groups = [rows.get(place.key) or _nothing(place) for place in places]
    return policy_text.dump(organization.name, whole, groups, sorted(members))


def _nothing(place: Place) -> Layer:
    return Layer(place.level, place.group.name if place.group else "")


def _rows(organization: Organization) -> Iterator[AdminPolicy]:
    found = AdminPolicy.objects.filter(organization=organization)
    return found.select_related("organization", "group", "membership__user").iterator()


def _groups(organization: Organization) -> list[Group]:
    return list(organization.groups.order_by("position", "name", "pk"))


@dataclass(frozen=True, slots=True)
class Step:
    """One level, as it is and as the file has it. `section`: None where the file leaves it out."""

    place: Place
    before: Layer
    after: Layer
    version: int
    section: Section | None

    @property
    def label(self) -> str:
        member = self.place.membership
        return f"Member {member.user.email}" if member else self.place.label

    @property
    def differences(self) -> list[Difference]:
        return differences.compare(self.before, self.after)


@dataclass
class Plan:
    """What applying a file comes to; nothing is written by looking at it."""

    organization: Organization
    whole: Layer
    """What the organization says in the file."""
    steps: list[Step]
    """Those that change something, from the top."""
    order: list[Group]
    """Every group, in the order there would be."""
    present_order: list[Group]

    @property
    def moves_groups(self) -> bool:
        return [one.pk for one in self.order] != [one.pk for one in self.present_order]

    @property
    def changes_any(self) -> bool:
        return bool(self.steps) or self.moves_groups

    @cached_property
    def preview(self) -> Preview:
        after = {step.place.key: step.after for step in self.steps}
        return Preview(
            self.organization,
            members_under(self.organization),
            before=OrganizationPolicies(self.organization),
            after=OrganizationPolicies(
                self.organization, instead=after, over=set(after), order=[one.pk for one in self.order]
            ),
        )

    @property
    def grace_days(self) -> int:
        """As the organization says in the file."""
        return levels.resolve([self.whole]).grace_days


def make_plan(organization: Organization, text: str) -> Plan:
    """Raises Unreadable: also where the file names groups, people or services that are not there."""
    document = policy_text.parse(text)
    groups, problems = _groups(organization), []
    named = {group.name.lower(): group for group in groups}
    sections: dict[tuple[int | None, int | None], Section] = {(None, None): document.whole}
    places: dict[tuple[int | None, int | None], Place] = {(None, None): Place(organization)}
    for section in document.groups:
        if (group := named.get(section.name.lower())) is None:
            problems.append(f"Line {section.line}: {organization.name} has no group called {section.name}.")
        else:
            sections[group.pk, None], places[group.pk, None] = section, Place(organization, group=group)
    found = _find_members(organization, [section.name for section in document.members])
    for section in document.members:
        if (member := found.get(section.name.lower())) is None:
            problems.append(f"Line {section.line}: nobody at {organization.name} signs in as {section.name}.")
        else:
            sections[None, member.pk], places[None, member.pk] = section, Place(organization, membership=member)
    listed = [named[one.name.lower()] for one in document.groups if one.name.lower() in named]
    order = listed + [group for group in groups if group not in listed]
    steps = [*_compare(organization, sections, places, order)]
    problems += [sentence for step in steps for sentence in _find_unknown(step)]
    if problems:
        raise Unreadable(problems)
    return Plan(organization, document.whole.layer, steps, order, groups)


def _find_members(organization: Organization, emails: list[str]) -> dict[str, Membership]:
    wanted = [one.lower() for one in emails]
    found: dict[str, Membership] = {}
    for start in range(0, len(wanted), 500):
        batch = organization.memberships.select_related("user").filter(user__email__in=wanted[start : start + 500])
        found |= {member.user.email.lower(): member for member in batch}
    return found


def _compare(
    organization: Organization,
    sections: dict[tuple[int | None, int | None], Section],
    places: dict[tuple[int | None, int | None], Place],
    order: list[Group],
) -> Iterator[Step]:
    """The levels that the file changes: the organization, groups in the order there would be, members by address."""
    stored = {(row.group_id, row.membership_id): row for row in _rows(organization)}
    for key, row in stored.items():
        places.setdefault(key, deciding.place_of(row))
    rank = {group.pk: place for place, group in enumerate(order)}

    def from_the_top(place: Place) -> tuple[int, int, str]:
        if place.membership is not None:
            return (2, 0, place.membership.user.email)
        return (1, rank[place.group.pk], "") if place.group is not None else (0, 0, "")

    for place in sorted(places.values(), key=from_the_top):
        now, section = stored.get(place.key), sections.get(place.key)
        before = now.as_layer() if now else _nothing(place)
        after = section.layer if section else _nothing(place)
        if differences.find_changed(before, after):
            yield Step(place, before, after, now.version if now else 0, section)


def _find_unknown(step: Step) -> Iterator[str]:
    """Settings of services that this server does not know. One that was decided before may stand."""
    for name in step.after.choices.keys() - step.before.choices.keys():
        service = name.rpartition(".")[0]
        if service and registry.find_info(service) is None and step.section is not None:
            yield (
                f"Line {step.section.lines[name]}: this server has no service called {service}."
                f"{policy_text.suggest(name)}"
            )


class Refused(Exception):
    """The policy that the file asks for cannot be; nothing was changed. `sentences` say why, and where."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def apply(plan: Plan, *, by: User | None, grace_days: int, file_name: str) -> list[PolicyChange]:
    """Make the file the organization's policy: all of it or nothing.

    Raises:
        Refused: contradicting choices, a lock above, or somebody changed the policy since the plan was made.
    """
    with transaction.atomic():
        freeze_policies(plan.organization)
        if plan.moves_groups:
            _order_groups(plan, by=by)
        changes = [change for step in plan.steps if (change := _save(step, by=by, grace_days=grace_days))]
        details = {
            "file": file_name,
            "by": "" if by else "the server's console",
            "levels": [step.label for step in plan.steps],
            "grace_days": grace_days,
        }
        record("policy.file_applied", organization=plan.organization, actor=by, details=details)
    return changes


def try_out(plan: Plan, *, grace_days: int) -> None:
    """Raises Refused as `apply` would. Nothing stays."""
    with transaction.atomic():
        apply(plan, by=None, grace_days=grace_days, file_name="")
        transaction.set_rollback(True)


def _save(step: Step, *, by: User | None, grace_days: int) -> PolicyChange | None:
    where = f"Line {step.section.line}, {step.label}" if step.section else step.label
    try:
        return deciding.save(step.place, step.after, version=step.version, by=by, address=None, grace_days=grace_days)
    except Contradicts as error:
        raise Refused([f"{where}: {sentence}" for sentence in error.sentences]) from None
    except LockedAbove as error:
        raise Refused([f"{where}: {error.sentence}"]) from None
    except ChangedMeanwhile:
        raise Refused([f"{step.label} was changed by somebody else just now. Look again, with --dry-run."]) from None


def _order_groups(plan: Plan, *, by: User | None) -> None:
    for position, group in enumerate(plan.order):
        if group.position != position:
            Group.objects.filter(pk=group.pk).update(position=position)
    names = {"before": [one.name for one in plan.present_order], "after": [one.name for one in plan.order]}
    record("group.moved", organization=plan.organization, actor=by, details=names)
    policy_may_differ.send(
        sender=Group, organization=plan.organization, what="Order of groups, from a file", by=by, address=None
    )
