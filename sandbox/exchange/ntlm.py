"""NTLM from the server's side: a challenge for each connection, and the check of what comes back for it.

pyspnego has an acceptor, but it wants a file of everybody's passwords, named by an environment variable of the whole
process. Here its messages and its arithmetic are used with the password of the one account that is asked about.

Reference: https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp
Reference: https://learn.microsoft.com/openspecs/windows_protocols/ms-nthb (NTLM over HTTP)
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import md5

from spnego._ntlm_raw.crypto import compute_response_v2, ntowfv1, ntowfv2
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvId,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    TargetInfo,
)
from spnego.channel_bindings import GssChannelBindings

SIGNATURE = b"NTLMSSP\x00"
NOTHING_BOUND = bytes(16)


class Malformed(Exception):
    """A token that is none of NTLM, or not the one that is due."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The third message. user and domain as the client wrote them; is_v2: not one of the old answers."""

    user: str
    domain: str
    answer: bytes
    is_v2: bool


def kind_of(token: bytes) -> int:
    """1 negotiate, 2 challenge, 3 authenticate; 0 for anything else."""
    return int.from_bytes(token[8:12], "little") if token.startswith(SIGNATURE) and len(token) >= 12 else 0


@dataclass(slots=True)
class Handshake:
    """The state of one connection between the server's challenge and the client's reply."""

    challenge: bytes = b""

    def challenge_for(self, token: bytes, *, domain: str, server: str) -> bytes:
        """The second message, for a first one. Raises Malformed."""
        try:
            asked = Negotiate.unpack(token).flags
        except Exception as error:  # whatever a mangled message makes of the unpacking
            raise Malformed("negotiate") from error
        self.challenge = secrets.token_bytes(8)
        flags = (
            (asked | NegotiateFlags.request_target | NegotiateFlags.ntlm | NegotiateFlags.target_info)
            | NegotiateFlags.always_sign | NegotiateFlags.target_type_domain | NegotiateFlags.unicode
        )  # fmt: skip
        flags &= ~(NegotiateFlags.oem | NegotiateFlags.version)
        if flags & NegotiateFlags.extended_session_security:
            flags &= ~NegotiateFlags.lm_key
        info = TargetInfo()
        info[AvId.nb_domain_name] = domain
        info[AvId.nb_computer_name] = server.upper()
        info[AvId.dns_domain_name] = f"{domain.lower()}.example"
        info[AvId.dns_computer_name] = f"{server.lower()}.{domain.lower()}.example"
        info[AvId.timestamp] = FileTime.now()
        packed: bytes = Challenge(flags, self.challenge, target_name=domain, target_info=info).pack()
        return packed

    def read_reply(self, token: bytes) -> Reply:
        """Raises Malformed."""
        if not self.challenge:
            raise Malformed("no challenge was given")
        try:
            message = Authenticate.unpack(token)
            answer = message.nt_challenge_response or b""
            return Reply(message.user_name or "", message.domain_name or "", answer, len(answer) > 24)
        except Exception as error:
            raise Malformed("authenticate") from error

    def proves(self, reply: Reply, password: str, *, binding: bytes | None = None) -> bool:
        """Whether the reply was made with this password; a challenge serves once.

        binding: what the client must have bound its answer to (`make_binding`), None where that does not matter.
        Answers older than NTLMv2 prove nothing.
        """
        challenge, self.challenge = self.challenge, b""
        if not reply.is_v2 or not challenge:
            return False
        try:
            sent = NTClientChallengeV2.unpack(reply.answer[16:])
            key = ntowfv2(reply.user, ntowfv1(password), reply.domain)
            expected, _, _ = compute_response_v2(
                key, challenge, sent.challenge_from_client, sent.time_stamp, sent.av_pairs
            )
            bound = sent.av_pairs.get(AvId.channel_bindings, NOTHING_BOUND)
        except Exception:  # a mangled answer proves nothing
            return False
        return hmac.compare_digest(expected, reply.answer) and binding in (None, bound)


def make_binding(certificate_hash: bytes) -> bytes:
    """What NTLM binds to a TLS connection whose server showed a certificate with this hash.

    Reference: https://www.rfc-editor.org/rfc/rfc5929#section-4
    """
    bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + certificate_hash)
    return md5(bindings.pack()).digest()  # noqa: S324 - the protocol's own choice
