"""What happens after "Connect", read top to bottom: begin, sign in there or here, finish.

Views call these with a person and their session; each checks the policy again, because it may have changed meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from integrations import errors, gateway, pending, policy, refusals, registry
from integrations.changing import start_sync
from integrations.erasing import erase_unused
from integrations.models import Connection, Status
from integrations.permissions import NONE, Permissions, dump_permissions, parse_permissions, without_orphans
from integrations.policy_models import EffectState, PolicyEffect, freeze_policies, held_for, policy_for
from integrations.providers.base import Authorization, SignInMethod
from integrations.remote import SignIn
from integrations.terms import CannotConnect, terms_for, terms_on
from organizations.models import User, record


def find_connection(user: User, *, locks: bool = False) -> Connection | None:
    """The person's connection, in one query; with `locks`, its row is locked until the transaction ends."""
    rows = Connection.objects.select_for_update() if locks else Connection.objects
    connection = rows.filter(user=user).first()
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


def recall(connection: Connection | None, waiting: pending.Pending) -> Mapping[str, str]:
    """What the person typed last time, where they are reconnecting; never a password."""
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
    decided = terms_for(user, provider_key, connection, method=method).check(asked)
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
    """Decide once more, under a policy that nobody changes meanwhile, and make the account the person's connection."""
    method = _find_method(waiting)
    consented = parse_permissions(sign_in.consented)
    with transaction.atomic():
        person = _lock(user)
        connection = _find_same_account(person, waiting, sign_in)
        is_new, before = connection is None, connection.granted if connection else NONE
        connection = connection or Connection(user=person, provider=waiting.provider, account_id=sign_in.account_id)
        _write_sign_in(connection, method, sign_in)
        terms = terms_on(held_for(person), connection.facts)
        decided = terms.check(waiting.asked)
        granted = without_orphans(consented & decided)
        if not granted:
            raise CannotConnect("No permission was ticked at the provider, so nothing is connected. Try again.")
        not_granted = decided - granted - terms.going_on  # what goes on is not to be had a second time
        _write_grant(connection, granted, not_granted)
        erase_unused(connection, before - granted)
        _settle_news(person)
        stages = {"asked": waiting.asked, "decided": decided, "consented": consented, "granted": granted}
        _record(connection, stages, is_new=is_new, address=address)
        start_sync(connection, trigger="connect")
    return Finished(connection, is_new, not_granted, waiting.asked - decided, sign_in.notes)


def _find_method(waiting: pending.Pending) -> SignInMethod:
    info = registry.find_info(waiting.provider)
    method = info.find_method(waiting.method) if info else None
    if method is None:
        raise CannotConnect(errors.NotOffered.sentence)
    return method


def _lock(user: User) -> User:
    """The person as they are now; nothing is decided about them, and nothing connected, until the transaction ends.

    The organization first, as everybody does; and two tabs that come back together make one connection. Rows that only
    point to the person, as a worker writes who holds the connection, need not wait for this.
    """
    if user.organization is not None:
        freeze_policies(user.organization)
    person = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not person.is_active or person.organization != user.organization:
        raise CannotConnect("You may not connect anything here any more.")
    return person


def _find_same_account(person: User, waiting: pending.Pending, sign_in: SignIn) -> Connection | None:
    """What is connected already, to be renewed. Raises CannotConnect where that is another account."""
    connection = find_connection(person, locks=True)
    if connection and (connection.provider, connection.account_id) != (waiting.provider, sign_in.account_id):
        raise CannotConnect(_sentence_about_another(connection, sign_in.mailbox))
    return connection


def _write_sign_in(connection: Connection, method: SignInMethod, sign_in: SignIn) -> None:
    connection.mailbox = sign_in.mailbox
    connection.method = method.key
    connection.host, connection.version = sign_in.host, sign_in.version
    connection.credentials = dict(sign_in.credentials)


def _write_grant(connection: Connection, granted: Permissions, not_granted: Permissions) -> None:
    """Good as new, whatever was wrong before. A sync under way with the old credentials stops at its next page."""
    connection.granted = granted
    connection.declined = dump_permissions(not_granted)
    connection.status, connection.status_changed_at = Status.CONNECTED, timezone.now()
    connection.error_code = connection.error_sentence = ""
    connection.failures, connection.told_at = 0, None
    connection.leased_by, connection.leased_until = "", None
    connection.save()


def _settle_news(person: User) -> None:
    """What policy did to an earlier connection is no news any more."""
    done = PolicyEffect.objects.filter(user=person, state=EffectState.DONE, dismissed_at=None)
    done.update(dismissed_at=timezone.now())


def _record(connection: Connection, stages: Mapping[str, Permissions], *, is_new: bool, address: str | None) -> None:
    record(
        "connection.created" if is_new else "connection.renewed",
        organization=connection.user.organization,
        actor=connection.user,
        subject=connection.user,
        details={
            "provider": connection.provider,
            "method": connection.method,
            "mailbox": connection.mailbox,
            **{stage: dump_permissions(permissions) for stage, permissions in stages.items()},
        },
        address=address,
    )


def _sentence_about_another(connection: Connection, mailbox: str = "") -> str:
    info = registry.find_info(connection.provider)
    name = info.name if info else connection.provider
    came_back = f"You signed in as {mailbox}, but " if mailbox else ""
    start = f"{came_back}{connection.mailbox} at {name} is connected already"
    return f"{start}, and only one account can be connected at a time. Delete that connection first."


def _give_back(provider_key: str, sign_in: SignIn) -> None:
    """Do not keep a grant that we do not use.

    One grant may stand behind every sign-in with an account: where a connection lives by it, it is not ended.
    """
    if Connection.objects.filter(provider=provider_key, account_id=sign_in.account_id).exists():
        return
    try:
        registry.get_provider(provider_key).revoke(sign_in.credentials)
    except errors.ProviderError:
        return
