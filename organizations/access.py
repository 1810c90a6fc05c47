"""Who finds the pages of an organization's admins."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase

from organizations.models import Membership, Role
from organizations.requests import SignedInRequest

View = Callable[..., HttpResponseBase]


def for_admins(view: View) -> View:
    """Give the view the admin's own membership as its second argument; to everybody else the page does not exist."""

    @wraps(view)
    def check(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, _own_membership(request, Role.OWNER, Role.ADMIN), *args, **kwargs)

    return check


def for_owners(view: View) -> View:
    """The same for what only owners do."""

    @wraps(view)
    def check(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, _own_membership(request, Role.OWNER), *args, **kwargs)

    return check


def _own_membership(request: SignedInRequest, *roles: Role) -> Membership:
    membership = request.user.find_membership()
    if membership is None or membership.role not in roles:
        raise Http404("Only admins find this page.")
    return membership
