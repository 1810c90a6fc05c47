"""What happens to people's places, for the apps above that this one does not know.

Sent inside the transaction of the change. `by` and `address` say who did it and from where, for the audit trail.
"""

from django.dispatch import Signal

policy_may_differ = Signal()
"""organization, what (words: "Alice moved to Sales"), by (User or None), address: groups, their order or who is in them
changed, so that other policies may hold for people from now on. `groups`, where it is given: the keys of those that
people came into or left, that changed places with others, or that are deleted when this transaction ends."""

member_left = Signal()
"""user, organization, reason (a sentence), by, address: somebody was switched off or left; they keep nothing here."""

region_changed = Signal()
"""organization: phone numbers without a country code are to be read in another country from now on."""
