"""Whose calls are these? People of the organization, by what the phone system calls them."""

from collections import Counter
from collections.abc import Collection

from django.db.models import Q
from django.db.models.functions import Lower

from organizations.models import Organization, User
from phone.models import Licence
from phone.systems import Owner


def find_owners(organization: Organization, owners: Collection[Owner]) -> dict[Owner, int]:
    """Their users' primary keys, without those that nobody here is. Two queries.

    The system's own id comes first, then the address. Extensions are passed on, and the next one may not be here: so
    they count only where nothing else is said, and one that two people have is nobody's.
    """
    ids, extensions = {one.remote_id for one in owners} - {""}, {one.extension for one in owners} - {""}
    addresses = {one.email.lower() for one in owners} - {""}
    by_id, by_extension, by_address = dict[str, int](), dict[str, int](), dict[str, int]()
    if ids or extensions:
        mine = Licence.objects.filter(user__membership__organization=organization, user__is_active=True)
        named = mine.filter(Q(remote_id__in=ids) | Q(extension__in=extensions))
        found = list(named.values_list("user_id", "remote_id", "extension"))
        by_id = _unique([(remote_id, user_id) for user_id, remote_id, _ in found])
        by_extension = _unique([(extension, user_id) for user_id, _, extension in found])
    if addresses:
        members = User.objects.filter(membership__organization=organization, is_active=True)
        named_by_address = members.annotate(address=Lower("email")).filter(address__in=addresses)
        by_address = dict(named_by_address.values_list("address", "pk"))
    result = {}
    for one in owners:
        owner = by_id.get(one.remote_id) or by_address.get(one.email.lower())
        if not (one.remote_id or one.email):
            owner = by_extension.get(one.extension)
        if owner is not None:
            result[one] = owner
    return result


def _unique(pairs: list[tuple[str, int]]) -> dict[str, int]:
    counts = Counter(name for name, _ in pairs)
    return {name: user_id for name, user_id in pairs if name and counts[name] == 1}
