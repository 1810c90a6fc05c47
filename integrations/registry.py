"""settings.PROVIDERS and settings.FEEDS as objects. What lacks its keys, provider or way to sign in, is not offered."""

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from integrations.errors import NotOffered
from integrations.providers.base import FormProvider, OAuthProvider, Provider, ProviderInfo, SignInMethod
from safety import outbound


@cache
def providers() -> dict[str, Provider]:
    """Every provider that people can sign in at, by key, in the order of settings.PROVIDERS."""
    return {
        key: import_string(path)(settings_of(key), session_factory=make_session)
        for key, path in settings.PROVIDERS.items()
        if methods_of(key)
    }


def settings_of(key: str) -> dict[str, str]:
    """What the operator has set for a provider."""
    values: dict[str, str] = settings.PROVIDER_SETTINGS.get(key, {})
    return values


def methods_of(key: str) -> list[SignInMethod]:
    """The ways to sign in that have their keys, the recommended one first; [] for an unknown provider."""
    info = find_info(key)
    return [one for one in info.methods if not one.missing(settings_of(key))] if info else []


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


def get_form_provider(key: str) -> FormProvider:
    """Raises NotOffered, also where the provider has no form to sign in with."""
    provider = get_provider(key)
    if not isinstance(provider, FormProvider):
        raise NotOffered(detail=f"{key!r} has no sign-in by a form")
    return provider


def find_info(key: str) -> ProviderInfo | None:
    """What pages say about a provider; also for one whose keys were taken away since."""
    path = settings.PROVIDERS.get(key)
    return import_string(path).info if path else None


@cache
def feeds() -> dict[str, Any]:
    """Every feed by name, in the order of settings.FEEDS. See integrations.pulling.Feed."""
    return {name: import_string(path)() for name, path in settings.FEEDS.items()}


def _forget(*, setting: str, **_: object) -> None:
    if setting in ("PROVIDERS", "PROVIDER_SETTINGS", "FEEDS"):
        providers.cache_clear()
        feeds.cache_clear()


setting_changed.connect(_forget)
