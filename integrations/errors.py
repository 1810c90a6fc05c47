"""What can go wrong with a provider, each class saying who must act.

Every error has a `sentence` for the person (what happened, what to do next) and an optional `detail` for support
staff. Neither ever holds a credential: providers build both from codes and reasons, not from request or answer bodies.
"""

from datetime import timedelta


class ProviderError(Exception):
    """The family. `code` is stable and short; it is stored with a sync run and searched by support staff."""

    code = "provider_error"
    sentence = "Something went wrong at your calendar service. We will try again."

    def __init__(self, sentence: str = "", *, detail: str = "") -> None:
        self.sentence = sentence or type(self).sentence
        self.detail = detail
        super().__init__(f"{self.sentence} ({detail})" if detail else self.sentence)


class ReconnectNeeded(ProviderError):
    """The person signs in again: 401, invalid_grant, a changed password."""

    code = "reconnect_needed"
    sentence = "Your calendar service no longer accepts this connection. Reconnect to go on."


class PermissionMissing(ProviderError):
    """The person consents to more: 403 for want of a scope."""

    code = "permission_missing"
    sentence = "Your calendar service says that this permission was not granted. Reconnect and tick it there."


class AdminNeeded(ProviderError):
    """An administrator of the organization must act at the provider first.

    `can_approve`: what they have to do is approve Portico, and there may be a page for it (OAuthProvider.approval_url).
    The code then is "approval_needed".
    """

    code = "admin_needed"
    sentence = "An administrator of your organization has to allow this at your calendar service."

    def __init__(self, sentence: str = "", *, detail: str = "", can_approve: bool = False) -> None:
        super().__init__(sentence, detail=detail)
        self.can_approve = can_approve
        if can_approve:
            self.code = "approval_needed"


class RateLimited(ProviderError):
    """Wait `retry_after` (None: the provider did not say) and try again."""

    code = "rate_limited"
    sentence = "Your calendar service asks us to slow down. We will go on by ourselves in a while."

    def __init__(self, sentence: str = "", *, detail: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.retry_after = retry_after


class Unreachable(ProviderError):
    """Try later: time-out, DNS, TLS, 5xx. `retry_after` where the provider said when."""

    code = "unreachable"
    sentence = "Your calendar service cannot be reached just now. We will try again by ourselves."

    def __init__(self, sentence: str = "", *, detail: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.retry_after = retry_after


class Refused(ProviderError):
    """Our own guard said no: a private address, plain http, a link to another host. Never tried again as it is."""

    code = "refused"
    sentence = (
        "Portico did not make this request, because the address is not one it may talk to. Tell your administrator."
    )


class CursorExpired(ProviderError):
    """The provider has forgotten where we were: list everything again."""

    code = "cursor_expired"
    sentence = "Your calendar service asked us to read everything again."


class Gone(ProviderError):
    """This one item is no longer there."""

    code = "gone"
    sentence = "This no longer exists at your calendar service."


class Conflict(ProviderError):
    """This one item was changed there meanwhile."""

    code = "conflict"
    sentence = "This was changed at your calendar service meanwhile."


class Rejected(ProviderError):
    """The provider does not take this change as it stands: the person changes what they want. Never tried again."""

    code = "rejected"
    sentence = "Your calendar service does not accept this change."


class Unexpected(ProviderError):
    """An answer that fits no shape we know: the makers must look. Tried again at growing distances."""

    code = "unexpected"
    sentence = "Your calendar service answered in a way that Portico does not understand. We will try again."


class ConsentDenied(ProviderError):
    """The person said no, or went back, at the provider's own screen. What was given up before stays given up."""

    code = "consent_denied"
    sentence = "You did not allow access, so nothing was added."


class NotOffered(ProviderError):
    """The operator has not set this provider up, or set it up wrongly (client id, secret): they must act."""

    code = "not_offered"
    sentence = "This service is not set up correctly on this server. Tell your administrator."
