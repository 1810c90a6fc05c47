"""How often a person's password was refused lately: directories lock an account after some wrong ones."""

from django.core.cache import cache

from organizations.models import User

MOST = 4
LASTS_SECONDS = 15 * 60
SENTENCE = (
    "Your password was refused several times in a row. So that your organization does not lock your account, Portico "
    "tries no more for 15 minutes. Check it by signing in to your mail elsewhere, then try again."
)


def count(user: User) -> int:
    return int(cache.get(_key(user), 0))


def add(user: User) -> None:
    """One more; the time begins anew."""
    cache.set(_key(user), count(user) + 1, LASTS_SECONDS)


def _key(user: User) -> str:
    return f"refused-passwords:{user.pk}"
