"""What happens after "Connect", read top to bottom: begin, sign in there or here, finish.

Views call these with a person and their session; each checks the policy again, because it may have changed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from integrations import errors, gateway, pending, policy, refusals, registry, verdicts
from integrations.changing import start_sync
from integrations.erasing import erase_unused
from integrations.models import Connection, Status
from integrations.permissions import Permissions, dump_permissions, parse_permissions
from integrations.policy_models import EffectState, PolicyEffect, policy_for
from integrations.providers.base import Authorization, SignInMethod
from integrations.remote import SignIn
from integrations.verdicts import Facts
from organizations.models import User, record


class CannotConnect(Exception):
    """It cannot be done as asked; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def find_connection(user: User) -> Connection | None:
    """The person's connection, in one query."""
    connection = Connection.objects.filter(user=user).first()
    if connection is not None:
        connection.user = user  # who knows already where they work and what holds for them
    return connection


def list_services(user: User) -> list[str]:
    """Services of this server that the person could sign in at, as far as ways to sign in are concerned."""
    allowed = policy_for(user)
    return [
        key
        for key in registry.providers()
        if any(
            policy.allows_method(allowed.service(key), needs_policy=one.needs_policy)
            for one in registry.methods_of(key)
        )
    ]


def recall(user: User, waiting: pending.Pending) -> Mapping[str, str]:
    """What the person typed last time, where they are reconnecting; never a password."""
    connection = find_connection(user)
    if connection is None or (connection.provider, connection.method) != (waiting.provider, waiting.method):
        return {}
    credentials = gateway.find_credentials(connection)
    return registry.get_form_provider(waiting.provider).recall(credentials) if credentials else {}


def begin(
    user: User,
    provider_key: str,
    asked: Permissions,
    *,
    method: SignInMethod,
    session: SessionBase,
    redirect_uri: str,
    back: str,
    address: str | None = None,
) -> str:
    """Ready to sign in, for what policy makes of `asked`; the state under which that waits in the session.

    With a connection in place this is a reconnect or a change of its permissions: the same account again.

    Raises:
        CannotConnect: another service is connected, nothing is left to ask for, or the service is not offered.
    """
    connection = find_connection(user)
    if connection and connection.provider != provider_key:
        raise CannotConnect(_sentence_about_another(connection))
    decided = decide_for(user, provider_key, method, asked)
    state = pending.new_state()
    leaving = Authorization("")
    if method.kind == "oauth":
        try:
            leaving = registry.get_oauth_provider(provider_key).authorize(
                decided,
                redirect_uri=redirect_uri,
                state=state,
                login_hint=connection.mailbox if connection else user.email,
                credentials=gateway.find_credentials(connection) if connection else None,
            )
        except errors.ProviderError as error:
            raise CannotConnect(error.sentence) from error
    pending.stash(session, state, pending.Pending(provider_key, method.key, asked, leaving.keep, back, leaving.url))
    record(
        "connection.begun",
        organization=user.organization,
        actor=user,
        subject=user,
        details={
            "provider": provider_key,
            "method": method.key,
            "asked": dump_permissions(asked),
            "decided": dump_permissions(decided),
        },
        address=address,
    )
    return state


def decide_for(user: User, provider_key: str, method: SignInMethod, asked: Permissions) -> Permissions:
    """What policy makes of a request.

    Raises:
        CannotConnect: the service is not offered to this person (in this way), or nothing is left.
    """
    allowed = policy_for(user)
    service = allowed.service(provider_key)
    if not service.offered:
        raise CannotConnect(f"{policy.why_not_offered(allowed, provider_key)} Ask your administrator.")
    if not policy.allows_method(service, needs_policy=method.needs_policy):
        who = service.source("require_oauth").words
        raise CannotConnect(
            f"Signing in with {method.name} is not allowed, by decision of {who}. Ask your administrator."
        )
    decided = policy.decide(asked, service)
    if not decided:
        off = dict.fromkeys(service.source(one).words for one in asked if service.mode(one) is policy.Mode.OFF)
        refused = f"Everything you ticked is switched off by {' and '.join(off)}." if asked else "Nothing is ticked."
        raise CannotConnect(f"{refused} Choose at least one permission.")
    return decided


@dataclass(frozen=True, slots=True)
class Finished:
    connection: Connection
    is_new: bool
    not_granted: Permissions
    """Decided here but unticked at the provider."""
    no_longer_allowed: Permissions
    """Asked for, but policy changed while the person was away."""
    notes: tuple[str, ...] = ()
    """What the provider had to put right on the way."""


def finish_oauth(
    user: User,
    answer: Mapping[str, str],
    waiting: pending.Pending,
    *,
    redirect_uri: str,
    address: str | None = None,
) -> Finished:
    """Turn the provider's answer into the person's only connection, and start its first sync.

    Raises:
        CannotConnect: with what to do; nothing has changed.
        ProviderError: what the provider said; nothing has changed.
    """
    provider = registry.get_oauth_provider(waiting.provider)
    sign_in = provider.redeem(answer, keep=waiting.keep, redirect_uri=redirect_uri)
    try:
        return _store(user, waiting, sign_in, address=address)
    except CannotConnect:
        _give_back(waiting.provider, sign_in)
        raise


def finish_login(
    user: User, values: Mapping[str, str], waiting: pending.Pending, *, address: str | None = None
) -> Finished:
    """Sign in with what was typed, make it the person's only connection, and start its first sync.

    Raises:
        CannotConnect, ProviderError: as `finish_oauth`; nothing has changed.
    """
    return _store(user, waiting, try_login(user, values, waiting, address=address), address=address)


def try_login(user: User, values: Mapping[str, str], waiting: pending.Pending, *, address: str | None = None) -> SignIn:
    """Sign in with what was typed, and keep nothing.

    A refused password is counted: directories lock an account after some, and nobody shall lock theirs, or someone
    else's, from here.

    Raises:
        CannotConnect: too many were refused lately.
        ProviderError: what the provider said.
    """
    if refusals.count(user) >= refusals.MOST:
        raise CannotConnect(refusals.SENTENCE)
    try:
        return registry.get_form_provider(waiting.provider).log_in(values, method=waiting.method)
    except errors.ProviderError as error:
        if isinstance(error, errors.ReconnectNeeded):
            refusals.add(user)
        record(
            "connection.refused",
            organization=user.organization,
            actor=user,
            subject=user,
            details={"provider": waiting.provider, "method": waiting.method, "error": error.code},
            address=address,
        )
        raise


def _store(user: User, waiting: pending.Pending, sign_in: SignIn, *, address: str | None) -> Finished:
    asked = waiting.asked
    info = registry.find_info(waiting.provider)
    method = info.find_method(waiting.method) if info else None
    if method is None:
        raise CannotConnect(errors.NotOffered.sentence)
    decided = decide_for(user, waiting.provider, method, asked)
    consented = parse_permissions(sign_in.consented)
    facts = Facts(
        waiting.provider,
        granted=consented & decided,
        mailbox=sign_in.mailbox,
        address=user.email,
        needs_policy=method.needs_policy,
        host=sign_in.host,
        version=sign_in.version,
    )
    if objections := verdicts.find_objections(facts, policy_for(user)):
        raise CannotConnect(f"{objections[0].sentence} Nothing was connected.")
    granted = verdicts.usable(facts, policy_for(user))
    if not granted:
        raise CannotConnect("No permission was ticked at the provider, so nothing is connected. Try again.")
    with transaction.atomic():
        # The person's row is locked, so that two tabs that come back together cannot both make a connection.
        User.objects.select_for_update().get(pk=user.pk)
        connection = find_connection(user)
        if connection and (connection.provider, connection.account_id) != (waiting.provider, sign_in.account_id):
            raise CannotConnect(_sentence_about_another(connection, sign_in.mailbox))
        is_new = connection is None
        before = connection.granted if connection else frozenset()
        if connection is None:
            connection = Connection(user=user, provider=waiting.provider, account_id=sign_in.account_id)
        connection.mailbox = sign_in.mailbox
        connection.method = method.key
        connection.host, connection.version = sign_in.host, sign_in.version
        connection.granted = granted
        connection.declined = dump_permissions(decided - granted)
        connection.credentials = dict(sign_in.credentials)
        connection.status, connection.status_changed_at = Status.CONNECTED, timezone.now()
        connection.error_code = connection.error_sentence = ""
        connection.failures, connection.told_at = 0, None
        # A sync under way with the old credentials stops at its next page.
        connection.leased_by, connection.leased_until = "", None
        connection.save()
        erase_unused(connection, before - granted)
        # What policy did to an earlier connection is no news any more.
        PolicyEffect.objects.filter(user=user, state=EffectState.DONE, dismissed_at=None).update(
            dismissed_at=timezone.now()
        )
        record(
            "connection.created" if is_new else "connection.renewed",
            organization=user.organization,
            actor=user,
            subject=user,
            details={
                "provider": waiting.provider,
                "method": method.key,
                "mailbox": sign_in.mailbox,
                "asked": dump_permissions(asked),
                "decided": dump_permissions(decided),
                "consented": dump_permissions(consented),
                "granted": dump_permissions(granted),
            },
            address=address,
        )
        start_sync(connection, trigger="connect")
    return Finished(connection, is_new, decided - granted, asked - decided, sign_in.notes)


def _sentence_about_another(connection: Connection, mailbox: str = "") -> str:
    info = registry.find_info(connection.provider)
    name = info.name if info else connection.provider
    came_back = f"You signed in as {mailbox}, but " if mailbox else ""
    start = f"{came_back}{connection.mailbox} at {name} is connected already"
    return f"{start}, and only one account can be connected at a time. Delete that connection first."


def _give_back(provider_key: str, sign_in: SignIn) -> None:
    """Do not keep a grant that we do not use."""
    try:
        registry.get_provider(provider_key).revoke(sign_in.credentials)
    except errors.ProviderError:
        return
