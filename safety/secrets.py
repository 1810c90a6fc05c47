"""Secrets at rest: AES-256-GCM under named keys, each ciphertext tied to the row it was made for.

A token is text, `v1.<key id>.<base64url of nonce and ciphertext>`. The row's identity
("integrations.connection:<pk>:credentials") is authenticated with it, so a token copied to another row, field or model
does not open. `SECRETS_KEYS` holds "keyid:base64 of 32 bytes" strings: the first encrypts, all decrypt.

A new key: `python -c "from safety.secrets import generate_key; print(generate_key())"`.
"""

import base64
import binascii
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NoReturn, SupportsIndex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

logger = logging.getLogger(__name__)

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12

Reason = Literal["unknown key", "wrong row", "malformed"]

_TOKEN = re.compile(r"v1\.(?P<key_id>[A-Za-z0-9_-]{1,40})\.(?P<sealed>[A-Za-z0-9_-]+)")


class Undecryptable(Exception):
    """This token does not open here. `reason` says why; neither it nor the message holds any of the content.

    "wrong row" also stands for a token that was tampered with or whose key id now names another key: the cipher cannot
    tell these apart.
    """

    def __init__(self, reason: Reason, *, about: str) -> None:
        self.reason = reason
        self.about = about
        super().__init__(f"{about} cannot be decrypted: {reason}")


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    current: str
    """The id of the key that encrypts."""
    ciphers: Mapping[str, AESGCM]


@lru_cache(maxsize=8)
def parse_keys(entries: tuple[str, ...]) -> Keyring:
    """Read `SECRETS_KEYS`. Cached: a key is set up once per process.

    Raises:
        ImproperlyConfigured: an entry is not "keyid:base64 of 32 bytes". The message names its position only.
    """
    ciphers: dict[str, AESGCM] = {}
    for position, entry in enumerate(entries, start=1):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded.strip().replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            key = b""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", key_id) or len(key) != KEY_BYTES:
            raise ImproperlyConfigured(f"Entry {position} of SECRETS_KEYS is not keyid:base64 of {KEY_BYTES} bytes.")
        if key_id in ciphers:
            raise ImproperlyConfigured(f"SECRETS_KEYS names the key id {key_id!r} twice.")
        ciphers[key_id] = AESGCM(key)
    if not ciphers:
        raise ImproperlyConfigured("SECRETS_KEYS is empty: nothing could be encrypted.")
    return Keyring(next(iter(ciphers)), ciphers)


def generate_key() -> str:
    """A new entry for `SECRETS_KEYS`. Its id starts with today's date, so that people can tell the old from the new."""
    key_id = f"{datetime.now(UTC):%Y%m%d}-{os.urandom(3).hex()}"
    return f"{key_id}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def encrypt(plaintext: bytes, *, about: str) -> str:
    """A token that `decrypt` opens with the same `about`."""
    keys = _keyring()
    nonce = os.urandom(NONCE_BYTES)
    sealed = keys.ciphers[keys.current].encrypt(nonce, plaintext, _associated(keys.current, about))
    return f"{VERSION}.{keys.current}.{base64.urlsafe_b64encode(nonce + sealed).rstrip(b'=').decode()}"


def decrypt(token: str, *, about: str) -> bytes:
    """The plaintext of a token made with the same `about`.

    Raises:
        Undecryptable: and logged, with the row and the reason.
    """
    match = _TOKEN.fullmatch(token)
    sealed = _decode(match["sealed"]) if match else None
    if match is None or sealed is None or len(sealed) < NONCE_BYTES + 16:
        raise _report("malformed", about)
    cipher = _keyring().ciphers.get(match["key_id"])
    if cipher is None:
        raise _report("unknown key", about)
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _associated(match["key_id"], about))
    except InvalidTag:
        raise _report("wrong row", about) from None


def needs_rotation(token: str) -> bool:
    """Whether this was encrypted by any other key than the first."""
    return not token.startswith(f"{VERSION}.{_keyring().current}.")


def _keyring() -> Keyring:
    return parse_keys(tuple(settings.SECRETS_KEYS))


def _associated(key_id: str, about: str) -> bytes:
    return f"{VERSION}.{key_id}\n{about}".encode()


def _decode(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None


def _report(reason: Reason, about: str) -> Undecryptable:
    logger.error("A secret cannot be decrypted: %s (%s)", about, reason, extra={"about": about, "reason": reason})
    return Undecryptable(reason, about=about)


class Sealed:
    """A secret mapping that shows itself to nobody: `open()` is the only way in.

    Its repr is "<sealed>". Pickled, it is its ciphertext; one that is not saved yet refuses to be pickled.
    """

    __slots__ = ("__about", "__plain", "__token")

    def __init__(self, *, token: str = "", plain: bytes = b"", about: str = "") -> None:
        self.__token = token
        self.__plain = plain
        self.__about = about

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Sealed":
        """Not tied to a row yet.

        Raises:
            TypeError: `value` is not JSON. The message does not repeat it.
        """
        try:
            return cls(plain=json.dumps(dict(value), separators=(",", ":")).encode())
        except (TypeError, ValueError):
            raise TypeError("A sealed mapping holds JSON values only.") from None

    def open(self) -> dict[str, Any]:
        """The mapping, decrypted now and not kept.

        Raises:
            Undecryptable: and logged.
        """
        plain = self.__plain or decrypt(self.__token, about=self.__about)
        opened: dict[str, Any] = json.loads(plain)
        return opened

    def for_row(self, about: str) -> "Sealed":
        """This, tied to the row `about` names.

        Raises:
            ValueError: it already belongs to another row.
        """
        if self.__about == about:
            return self
        if self.__about:
            raise ValueError("This was sealed for another row: assign what open() returns.")
        return Sealed(plain=self.__plain, about=about)

    def token(self) -> str:
        """The ciphertext, as it is stored."""
        if self.__token:
            return self.__token
        if not self.__about:
            raise ValueError("Not tied to a row yet.")
        return encrypt(self.__plain, about=self.__about)

    def __repr__(self) -> str:
        return "<sealed>"

    def __copy__(self) -> "Sealed":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Sealed":
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        if self.__plain:
            raise TypeError("Save the row before pickling it: this secret is not encrypted yet.")
        return (_unpickle, (self.__token, self.__about))

    def __getstate__(self) -> NoReturn:
        raise TypeError("A sealed value has no state to show.")


def _unpickle(token: str, about: str) -> Sealed:
    return Sealed(token=token, about=about)


class _SealedAttribute(DeferredAttribute):
    """`row.field`: a Sealed. Assigned: a mapping. The row itself holds ciphertext, or a Sealed until it is saved."""

    field: "EncryptedJSONField"

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if value is None:
            return None
        if isinstance(value, str):
            return Sealed(token=value, about=self.field.about(instance))
        return value.for_row(self.field.about(instance))

    def __set__(self, instance: models.Model, value: object) -> None:
        if isinstance(value, Mapping):
            value = Sealed.of(value)
        if not (value is None or isinstance(value, Sealed) or (isinstance(value, str) and _TOKEN.fullmatch(value))):
            raise TypeError(f"{self.field.name} takes a mapping.")
        instance.__dict__[self.field.attname] = value


if TYPE_CHECKING:
    _TextField = models.TextField[Mapping[str, Any] | Sealed, Sealed]
else:
    _TextField = models.TextField


class EncryptedJSONField(_TextField):
    """A mapping kept encrypted. Assign a dict, read a `Sealed`, call `.open()` on it.

    The row needs a primary key that is known before it is inserted (a UUID with a default), because the ciphertext is
    tied to it. `values()`, `dumpdata` and pickles hold ciphertext; forms and the admin do not show the field at all.
    Renaming the model or the field changes what the ciphertext is tied to: such a migration opens and seals each row.
    """

    description = "Encrypted JSON"
    descriptor_class = _SealedAttribute
    empty_strings_allowed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("null") or kwargs.get("unique") or kwargs.get("db_index"):
            raise TypeError("An encrypted field is neither null (store {}), unique nor indexed.")
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def about(self, instance: models.Model) -> str:
        """The identity that the ciphertext of this field in this row is tied to."""
        if instance.pk is None:
            raise ValueError(f"{self.model._meta.label} needs its primary key before {self.name} can be sealed.")
        return self.about_pk(instance.pk)

    def about_pk(self, pk: object) -> str:
        return f"{self.model._meta.label_lower}:{pk}:{self.name}"

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        messages: Sequence[checks.CheckMessage] = super().check(**kwargs)
        if isinstance(self.model._meta.pk, models.AutoField):
            error = checks.Error(
                "An encrypted field is tied to its row's primary key, which this model learns only when it is saved.",
                hint="Give the model a UUIDField(primary_key=True, default=uuid.uuid4).",
                obj=self,
                id="safety.E001",
            )
            return [*messages, error]
        return list(messages)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        value = getattr(model_instance, self.attname)
        if value is None:
            return None
        token: str = value.token()
        model_instance.__dict__[self.attname] = token
        return token

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.token()
        if (
            value is None
            or (isinstance(value, str) and _TOKEN.fullmatch(value))
            or hasattr(value, "resolve_expression")
        ):
            return value
        raise TypeError(f"{self.name} is sealed for one row: assign it to an instance and save that.")

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        token: str = getattr(obj, self.attname).token()
        return token

    def formfield(self, **kwargs: Any) -> None:
        """No form shows it."""
