"""What pages about people and their audit trail say."""

from collections.abc import Mapping, Sized
from typing import Any

from django import template

from organizations.audit_words import Detail, list_details, say_action
from organizations.invitation_lists import WORDS, Outcome

register = template.Library()


@register.filter
def action_words(action: str) -> str:
    """ "Changed the role" for "member.role_changed"."""
    return say_action(action)


@register.filter
def detail_lines(details: Mapping[str, Any]) -> list[Detail]:
    """An event's details, one after the other, what changed first. The key of a policy's change is a link instead."""
    return list_details({name: value for name, value in details.items() if name != "change"})


@register.filter
def minus(count: int, shown: Sized) -> int:
    """How many of so many are not shown."""
    return count - len(shown)


@register.filter
def outcome_words(outcome: str) -> str:
    """ "Already works here" for "works_here"."""
    return WORDS[Outcome(outcome)]
