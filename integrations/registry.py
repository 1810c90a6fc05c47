"""settings.PROVIDERS and settings.FEEDS as objects. A provider without its keys is not offered."""

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from integrations.errors import NotOffered
from integrations.providers.base import OAuthProvider, Provider, ProviderInfo
from safety import outbound


@cache
def providers() -> dict[str, Provider]:
    """Every provider that has its keys, by key, in the order of settings.PROVIDERS."""
    found = {}
    for key, path in settings.PROVIDERS.items():
        provider_class = import_string(path)
        values = settings.PROVIDER_SETTINGS.get(key, {})
        if all(values.get(name) for name in provider_class.info.needs):
            found[key] = provider_class(values, session_factory=make_session)
    return found


def make_session() -> Any:
    """A requests session that goes through the outbound guard."""
    return outbound.session(outbound.default_policy())


def get_provider(key: str) -> Provider:
    """Raises NotOffered where this server has no such provider, or has no keys for it."""
    try:
        return providers()[key]
    except KeyError:
        raise NotOffered(detail=f"no provider {key!r} with keys in the settings") from None


def get_oauth_provider(key: str) -> OAuthProvider:
    """Raises NotOffered, also where the provider signs people in otherwise."""
    provider = get_provider(key)
    if not isinstance(provider, OAuthProvider):
        raise NotOffered(detail=f"{key!r} has no OAuth sign-in")
    return provider


def find_info(key: str) -> ProviderInfo | None:
    """What pages say about a provider; also for one whose keys were taken away since."""
    path = settings.PROVIDERS.get(key)
    return import_string(path).info if path else None


@cache
def feeds() -> dict[str, Any]:
    """Every feed by name, in the order of settings.FEEDS. See integrations.sync.Feed."""
    return {name: import_string(path)() for name, path in settings.FEEDS.items()}


def _forget(*, setting: str, **_: object) -> None:
    if setting in ("PROVIDERS", "PROVIDER_SETTINGS", "FEEDS"):
        providers.cache_clear()
        feeds.cache_clear()


setting_changed.connect(_forget)
