"""What Django checks at start: half-set configuration fails here with a hint, not at somebody's first click.

No check talks to the network, and only the one tagged "database" asks the database.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps.config import AppConfig
from django.conf import settings
from django.core import checks
from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string

from integrations.permissions import Permission
from integrations.providers.base import ProviderInfo
from meetings.hosting import HostInfo
from organizations import append_only
from phone.models import SystemKind
from safety.reach import Policy, parse_allow
from safety.secrets import parse_keys

PROVIDER_METHODS = ("open", "revoke")
METHODS_OF_KIND = {"oauth": ("authorize", "approval_url", "redeem"), "form": ("log_in", "recall")}
MAY_BE_EMPTY = {("office365", "authorize_url"), ("exchange", "ews_url")}
FEED_METHODS = ("changes", "apply", "count", "held", "discard", "erase")
CALLER_METHODS = ("find_callers", "find_numbers", "find_ways")
BROKERS = ("filesystem", "memory", "redis", "rediss", "sentinel", "amqp", "amqps")

Messages = list[checks.CheckMessage]


def is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_in_production() -> bool:
    """Whether people reach us from elsewhere than this machine."""
    return not is_loopback(urlsplit(settings.PUBLIC_URL).hostname)


@checks.register
def check_providers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for key, path in settings.PROVIDERS.items():
        try:
            provider = import_string(path)
        except ImportError as error:
            found.append(_error("E001", f'PROVIDERS["{key}"] cannot be imported: {error}.', f"Look for {path}."))
            continue
        found += _check_provider_class(key, path, provider) or _check_provider_keys(key, provider.info)
    return found


def _check_provider_class(key: str, path: str, provider: Any) -> Messages:
    info = getattr(provider, "info", None)
    if not isinstance(info, ProviderInfo):
        return [_error("E002", f"{path} has no `info`.", "See integrations/providers/base.py.")]
    wanted = {*PROVIDER_METHODS, *(name for method in info.methods for name in METHODS_OF_KIND[method.kind])}
    found: Messages = [
        _error("E002", f"{path} has no {name}().", "See the Protocols in integrations/providers/base.py.")
        for name in _missing(provider, sorted(wanted))
    ]
    if info.key != key:
        found.append(
            _error("E002", f'{path} calls itself "{info.key}", PROVIDERS calls it "{key}".', "Use one name for it.")
        )
    return found


def _check_provider_keys(key: str, info: ProviderInfo) -> Messages:
    """Without any key it is simply not offered; with some of them somebody forgot the others."""
    values = settings.PROVIDER_SETTINGS.get(key, {})
    found: Messages = []
    for method in info.methods:
        missing = method.missing(values)
        if missing and len(missing) < len(method.needs):
            names = " and ".join(" or ".join(f"{key}_{name}".upper() for name in need.split("|")) for need in missing)
            found.append(
                _error(
                    "E003",
                    f"{info.name} is set up by half: {names} is empty.",
                    f"Set {names}, or empty the others too: then {info.name} is not offered.",
                )
            )
    return found


@checks.register
def check_provider_addresses(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for key, values in (settings.PROVIDER_SETTINGS | settings.HOST_SETTINGS).items():
        for name, value in values.items():
            if not name.endswith(("_url", "_root", "authority")) or (not value and (key, name) in MAY_BE_EMPTY):
                continue
            parts = urlsplit(value)
            if parts.scheme not in ("https", "http") or not parts.hostname:
                found.append(
                    _error("E004", f"{key}_{name}".upper() + f" is {value!r}.", "It needs a whole https:// address.")
                )
            elif name.endswith("_root") and not value.endswith("/"):
                found.append(_error("E004", f"{key}_{name}".upper() + f" is {value!r}.", "It has to end in a slash."))
            elif name == "authority" and (parts.scheme != "https" or not parts.path.strip("/")):
                hint = "Write https://login.microsoftonline.com/organizations, or your tenant's id as its last word."
                found.append(_error("E004", f"{key}_{name}".upper() + f" is {value!r}.", hint))
    return found


@checks.register
def check_certificate(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """A file that is named and not there would fail at somebody's first click."""
    return [
        _error("E014", f"{key}_CERTIFICATE".upper() + f" names {path}, which is no file.", "It is a PEM file.")
        for key, values in settings.PROVIDER_SETTINGS.items()
        if (path := values.get("certificate")) and not Path(path).is_file()
    ]


@checks.register
def check_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for key, path in settings.HOSTS.items():
        try:
            host = import_string(path)
        except ImportError as error:
            found.append(_error("E015", f'HOSTS["{key}"] cannot be imported: {error}.', f"Look for {path}."))
            continue
        info = getattr(host, "info", None)
        if not isinstance(info, HostInfo) or _missing(host, ["open"]):
            found.append(_error("E016", f"{path} is no meeting host.", "See Host in meetings/hosting.py."))
    return found


@checks.register
def check_phone_systems(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for key, path in settings.PHONE_SYSTEMS.items():
        try:
            system = import_string(path)
        except ImportError as error:
            found.append(_error("E019", f'PHONE_SYSTEMS["{key}"] cannot be imported: {error}.', f"Look for {path}."))
            continue
        if not isinstance(getattr(system, "name", None), str) or _missing(system, ["open"]):
            found.append(_error("E020", f"{path} is no phone system.", "See System in phone/systems.py."))
        if key not in SystemKind.values:
            found.append(_error("E020", f'No organization can choose "{key}".', "See SystemKind in phone/models.py."))
    try:
        book = import_string(settings.CALLERS)
    except ImportError as error:
        found.append(_error("E021", f"CALLERS cannot be imported: {error}.", f"Look for {settings.CALLERS}."))
    else:
        hint = "See CallerBook in phone/callers.py."
        missing = _missing(book, CALLER_METHODS)
        found += [_error("E021", f"{settings.CALLERS} has no {method}().", hint) for method in missing]
    return found


@checks.register
def check_feeds(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for name, path in settings.FEEDS.items():
        try:
            feed = import_string(path)()
        except ImportError as error:
            found.append(_error("E005", f'FEEDS["{name}"] cannot be imported: {error}.', f"Look for {path}."))
            continue
        hint = "See Feed in integrations/sync.py."
        found += [_error("E006", f"{path} has no {method}().", hint) for method in _missing(feed, FEED_METHODS)]
        if not isinstance(getattr(feed, "permission", None), Permission):
            found.append(_error("E006", f"{path} does not say which permission it needs.", hint))
        if not isinstance(getattr(feed, "relist_after", None), timedelta):
            found.append(_error("E006", f"{path} does not say how old a complete listing may get.", hint))
    return found


@checks.register
def check_people_search(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    for path in settings.PEOPLE_SEARCH:
        try:
            search = import_string(path)
        except ImportError as error:
            found.append(_error("E018", f"PEOPLE_SEARCH cannot be imported: {error}.", f"Look for {path}."))
            continue
        if not callable(search):
            hint = "See organizations/colleagues.py: a function of the person, the text and how many are wanted."
            found.append(_error("E018", f"{path} in PEOPLE_SEARCH cannot be called.", hint))
    return found


@checks.register(checks.Tags.security)
def check_secrets_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    try:
        parse_keys(tuple(settings.SECRETS_KEYS))
    except ImproperlyConfigured as error:
        return [_error("E007", str(error), "bin/setup writes one; docs/operating.md says how to change it.")]
    return []


@checks.register
def check_public_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        hint = "Write https://portico.example.com: scheme, host and, where needed, port."
        return [_error("E008", f"PUBLIC_URL is {settings.PUBLIC_URL!r}.", hint)]
    found: Messages = []
    if not any(_host_fits(parts.hostname, pattern) for pattern in settings.ALLOWED_HOSTS):
        found.append(
            _error(
                "E009", f"ALLOWED_HOSTS leaves out {parts.hostname}, the host of PUBLIC_URL.", "Add it, or empty it."
            )
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        found.append(
            checks.Warning(
                "PUBLIC_URL is plain http: passwords and cookies cross the network readable.",
                hint="Put a reverse proxy with TLS in front and set PUBLIC_URL to https://... (docs/operating.md).",
                id="portal.W001",
            )
        )
    return found


def _host_fits(host: str, pattern: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith(".") and f".{host}".endswith(pattern))


@checks.register
def check_push(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    if not settings.PUSH_ADDRESS:
        return []
    parts = urlsplit(settings.PUSH_ADDRESS)
    if not parts.hostname or parts.path or parts.query or parts.username:
        hint = "Write https://portico.example.com: scheme, host and, where needed, port. Or set PUSH=0."
        return [_error("E017", f"PUSH_ADDRESS is {settings.PUSH_ADDRESS!r}.", hint)]
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        hint = "Providers post to https alone. Give an https address in PUSH_ADDRESS, or set PUSH=0."
        return [_error("E017", "PUSH is on, and its address is not https.", hint)]
    if not any(_host_fits(parts.hostname, pattern) for pattern in settings.ALLOWED_HOSTS):
        sentence = f"ALLOWED_HOSTS leaves out {parts.hostname}, the host of PUSH_ADDRESS."
        return [_error("E017", sentence, "Add it: else every notification is refused.")]
    return []


@checks.register
def check_outbound(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    found: Messages = []
    try:
        parse_allow(settings.OUTBOUND_ALLOW)
    except ValueError as error:
        found.append(_error("E010", f"OUTBOUND_ALLOW: {error}", "Example: 10.20.0.0/16,exchange.corp.example:8443"))
    try:
        Policy(proxy=settings.OUTBOUND_PROXY or None)
    except ValueError as error:
        found.append(_error("E010", f"OUTBOUND_PROXY: {error}", "Example: http://proxy.corp.example:3128"))
    bundle = settings.OUTBOUND_CA_BUNDLE
    if bundle and not Path(bundle).is_file():
        found.append(_error("E010", f"OUTBOUND_CA_BUNDLE names {bundle}, which is no file.", "It is a PEM file."))
    return found


@checks.register
def check_numbers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    sync = settings.SYNC
    least = {"days_back": 0, "days_ahead": 1, "every_seconds": 30, "lease_seconds": 30, "keep_runs_days": 1}
    found: Messages = [
        _error("E011", f"SYNC_{name.upper()} is {sync[name]}.", f"It has to be {smallest} or more.")
        for name, smallest in least.items()
        if sync[name] < smallest
    ]
    if sync["longest_run_seconds"] < sync["lease_seconds"]:
        found.append(
            _error(
                "E011",
                "SYNC_LONGEST_RUN_SECONDS is shorter than SYNC_LEASE_SECONDS.",
                "A run renews its lease while it goes on: make the run the longer one.",
            )
        )
    if settings.ACCOUNT_EMAIL_VERIFICATION not in ("mandatory", "optional", "none"):
        found.append(
            _error(
                "E011",
                f"EMAIL_VERIFICATION is {settings.ACCOUNT_EMAIL_VERIFICATION!r}.",
                "Say mandatory, optional or none.",
            )
        )
    return found


@checks.register
def check_broker(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    scheme = settings.CELERY_BROKER_URL.partition(":")[0]
    if scheme not in BROKERS:
        hint = "redis://host:6379/0 (also Valkey), amqp://user:password@host// (RabbitMQ), or empty for plain files."
        return [_error("E012", f"BROKER_URL starts with {scheme!r}.", hint)]
    return []


@checks.register(deploy=True)
def check_fit_for_production(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Messages:
    """What works on one desk, and should not carry an organization."""
    if not is_in_production():
        return []
    found: Messages = []
    if settings.CELERY_BROKER_URL.startswith("filesystem"):
        found.append(
            checks.Warning(
                "Background work is handed over in files: slower, and the worker must run on the same machine.",
                hint="Set BROKER_URL to Redis, Valkey or RabbitMQ.",
                id="portal.W002",
            )
        )
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        found.append(
            checks.Warning(
                "Mail is written to files: nobody gets a sign-in code, an invitation or a reconnect notice.",
                hint="Set SMTP_HOST.",
                id="portal.W003",
            )
        )
    return found


@checks.register(checks.Tags.database)
def check_cache_table(
    app_configs: Sequence[AppConfig] | None, databases: Iterable[str] | None = None, **kwargs: Any
) -> Messages:
    """The cache counts sign-in tries for every process: without its table each sign-in fails."""
    cache = caches["default"]
    if not isinstance(cache, DatabaseCache) or "default" not in (databases or ()):
        return []
    table = settings.CACHES["default"]["LOCATION"]
    if table in connections["default"].introspection.table_names():
        return []
    return [_error("E013", f"The database has no table {table!r} for the cache.", "Run: manage.py prepare")]


@checks.register(checks.Tags.database)
def check_audit_guard(
    app_configs: Sequence[AppConfig] | None, databases: Iterable[str] | None = None, **kwargs: Any
) -> Messages:
    """A warning, since `migrate`, which is the cure, runs the checks first."""
    if "default" not in (databases or ()):
        return []
    database = connections["default"]
    tables = set(database.introspection.table_names())
    if not {append_only.EVENTS, append_only.PURGES} <= tables or append_only.is_installed(database):
        return []
    sentence = "The database does not guard the audit trail: its lines could be changed or deleted."
    return [checks.Warning(sentence, hint="Run: manage.py migrate", id="portal.W010")]


def _missing(thing: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if not callable(getattr(thing, name, None))]


def _error(number: str, sentence: str, hint: str) -> checks.Error:
    return checks.Error(sentence, hint=hint, id=f"portal.{number}")
