"""The type of a request whose person has signed in."""

from django.http import HttpRequest

from organizations.models import User


class PersonRequest(HttpRequest):
    """For type checkers: behind LoginRequiredMiddleware nobody is anonymous."""

    user: User
