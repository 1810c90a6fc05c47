"""One level of policy on an admin's desk: what is stored, what stands above and beside it, and what was posted."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from integrations import deciding, levels, policy, registry, wording
from integrations.deciding import Place
from integrations.levels import Layer
from integrations.policy import Level
from integrations.policy_models import AdminPolicy, ChangeState, PolicyChange

SHOWN_MEMBERS = 20
PAGES = {Level.ORGANIZATION: "policy", Level.GROUP: "group_policy", Level.MEMBER: "member_policy"}
"""Names of the URLs."""


@dataclass(frozen=True, slots=True)
class Desk:
    """`row`: None where the level has never said anything. `posted`: None where the page is only looked at."""

    place: Place
    row: AdminPolicy | None
    above: list[Layer]
    posted: QueryDict | None
    waiting: PolicyChange | None
    """The change whose grace period runs on this level."""

    @property
    def layer(self) -> Layer:
        group = self.place.group
        return self.row.as_layer() if self.row else Layer(self.place.level, group.name if group else "")

    @property
    def version(self) -> int:
        """What is stored; 0 where nothing was ever said."""
        return self.row.version if self.row else 0

    @property
    def posted_version(self) -> int:
        found = self.posted.get("version", "") if self.posted else ""
        return int(found) if found.isdecimal() and len(found) < 10 else -1

    @property
    def path(self) -> str:
        return reverse(f"administration:{PAGES[self.place.level]}", args=_key_of(self.place))

    @property
    def forecast_path(self) -> str:
        return reverse(f"administration:{PAGES[self.place.level]}_forecast", args=_key_of(self.place))


def _key_of(place: Place) -> list[int]:
    return [one.pk for one in (place.group, place.membership) if one is not None]


def sit_down(request: HttpRequest, place: Place) -> Desk:
    posted: QueryDict | None = None
    if request.method == "POST":
        # From the preview, what the form posted comes back in one piece.
        posted = QueryDict(request.POST["entries"]) if "entries" in request.POST else request.POST
        if "clear" in posted and place.level is not Level.ORGANIZATION:
            posted = _say_nothing(posted)
    row = deciding.find_policy(place)
    waiting = row.changes.filter(state=ChangeState.WAITING).first() if row and row.kept_until else None
    return Desk(place, row, deciding.layers_above(place), posted, waiting)


def _say_nothing(posted: QueryDict) -> QueryDict:
    """Leave everything to the levels above, whatever the form held. "clear" stays: a preview brings it back."""
    data = QueryDict(mutable=True)
    data["clear"] = "1"
    data["version"], data["base"] = posted.get("version", ""), posted.get("base", "")
    return data


def list_levels(desk: Desk) -> dict[str, Any]:
    """The other levels, in the order that decides, each with how much it says."""
    organization = desk.place.organization
    rows = AdminPolicy.objects.filter(organization=organization)
    said = {row.group_id: row for row in rows.filter(membership=None).select_related("group")}
    whole = [said[None].as_layer()] if None in said else []
    groups = list(organization.groups.all())
    unfit = [(group, _find_contradictions([*whole, said[group.pk].as_layer()])) for group in groups if group.pk in said]
    members = rows.filter(membership__isnull=False).exclude(choices={}).select_related("membership__user")
    context: dict[str, Any] = {
        "whole": said.get(None),
        "groups": [{"group": one, "row": said.get(one.pk)} for one in groups],
        "contradictions": [{"group": group, "sentences": sentences} for group, sentences in unfit if sentences],
        "members": members.order_by("membership__user__name", "membership__user__email")[:SHOWN_MEMBERS],
    }
    if desk.place.membership:
        context["own_groups"] = list(desk.place.membership.groups.all())
    return context


def _find_contradictions(layers: list[Layer]) -> list[str]:
    """What a group said may not fit what was decided above it since. Who is in it gets the lesser of both."""
    names = {key: wording.service_name(key) for key in registry.providers()}
    return policy.problems(levels.resolve(layers), names)
