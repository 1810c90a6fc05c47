"""The one door out: every request that leaves this machine is made by a session from here.

Where it goes is vetted at the moment of connecting (`connections`) against what may be reached (`reach`). A redirect is
a new request and is vetted again. Answers are bounded in bytes (decoded) and in seconds.

`Blocked` and `TooBig` are plain exceptions: as OSError or requests' own they would be wrapped and told as time-outs.
"""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.poolmanager import PoolManager

from safety.connections import TooBig, make_pools, make_tls_context, resolve
from safety.reach import Blocked, Policy, check_parts, normalize_host, parse_allow

__all__ = [
    "Blocked",
    "GuardedAdapter",
    "Policy",
    "TooBig",
    "check_same_origin",
    "check_url",
    "default_policy",
    "guard",
    "parse_allow",
    "same_host",
    "session",
]

MOST_REDIRECTS = 5
TIMEOUT = (5.0, 30.0)
USER_AGENT = "Portico"

Timeout = float | tuple[float, float]
"""Seconds, or (to connect, between two pieces of the answer)."""
SomeSession = TypeVar("SomeSession", bound=requests.Session)


def default_policy() -> Policy:
    """The operator's policy, from settings. For callers that know Django; providers are handed a session."""
    from django.conf import settings

    return Policy(
        allow=parse_allow(settings.OUTBOUND_ALLOW),
        max_bytes=settings.OUTBOUND_MAX_BYTES,
        ca_bundle=settings.OUTBOUND_CA_BUNDLE or None,
        proxy=settings.OUTBOUND_PROXY or None,
    )


def session(
    policy: Policy, *, timeout: Timeout = TIMEOUT, max_bytes: int | None = None, user_agent: str = USER_AGENT
) -> requests.Session:
    """A guarded session with its own connection pool. It keeps no cookies: close it, or use it in a `with`."""
    new = requests.Session()
    new.headers["User-Agent"] = user_agent
    new.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return guard(new, policy, timeout=timeout, max_bytes=max_bytes)


def guard(
    existing: SomeSession, policy: Policy, *, timeout: Timeout = TIMEOUT, max_bytes: int | None = None
) -> SomeSession:
    """Put a session that a library made (OAuth2Session, AuthorizedSession) behind the guard; returns the same one."""
    for old in existing.adapters.values():
        old.close()
    existing.adapters.clear()
    adapter = GuardedAdapter(policy, timeout=timeout, max_bytes=max_bytes)
    existing.mount("https://", adapter)
    existing.mount("http://", adapter)
    existing.trust_env = False  # no proxies, .netrc or CA bundles from the environment
    existing.proxies.clear()
    existing.verify = True
    existing.cert = None
    existing.max_redirects = MOST_REDIRECTS
    return existing


def check_url(url: str, policy: Policy) -> None:
    """Judge a URL that a person typed, before it is used: the guard itself judges again at the moment of connecting.

    Raises:
        Blocked: with the sentence for the form.
    """
    host, port, is_tls = check_parts(url, policy)
    if policy.proxy is not None:
        return
    try:
        resolve(policy, host, port, is_tls=is_tls)
    except OSError:
        raise Blocked(f"No server called {host} was found. Check the address for typing errors.", host=host) from None


def same_host(url: str, base: str) -> bool:
    """Whether both have the same scheme, host and port."""
    try:
        return _origin(url) == _origin(base)
    except ValueError:
        return False


def check_same_origin(link: str, base: str) -> None:
    """Judge a link out of an answer (a next page): it is followed on the provider's own host only.

    Raises:
        Blocked
    """
    if not same_host(link, base):
        host = urlsplit(base).hostname or ""
        raise Blocked(f"{host} answered with a link to another server. Portico does not follow it.", host=host)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("not an absolute web address")
    return parts.scheme, normalize_host(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)


class GuardedAdapter(HTTPAdapter):
    """requests' adapter behind the guard. Takes what HTTPAdapter takes, after the policy."""

    def __init__(
        self, policy: Policy, *, timeout: Timeout = TIMEOUT, max_bytes: int | None = None, **pooling: Any
    ) -> None:
        self.policy = policy
        self.timeout = timeout
        self._pools = make_pools(policy, policy.max_bytes if max_bytes is None else max_bytes)
        super().__init__(**pooling)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> PoolManager:
        if proxy != self.policy.proxy:
            raise Blocked("Requests go through the operator's proxy or through none.")
        manager: PoolManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host_params, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host_params, {"ssl_context": make_tls_context(self.policy.ca_bundle)}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to set: the context of the pool knows the authorities."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """As HTTPAdapter.send. `proxies` is ignored.

        Raises:
            Blocked
            TooBig
            requests.exceptions.RequestException
        """
        url = request.url or ""
        host, _, _ = check_parts(url, self.policy)
        if verify is not True or cert is not None:
            raise Blocked("The certificate check cannot be switched off or replaced.", host=host)
        proxy = self.policy.proxy
        response = super().send(
            request,
            stream=stream,
            timeout=self.timeout if timeout is None else timeout,
            proxies={"http": proxy, "https": proxy} if proxy else {},
        )
        target = response.headers.get("Location")
        # A 307 or 308 repeats the body, which for a sign-in holds a secret.
        if target and response.status_code in (307, 308) and request.body and not same_host(urljoin(url, target), url):
            response.close()
            raise Blocked(f"{host} wanted what was sent to it passed on to another server.", host=host)
        return response
