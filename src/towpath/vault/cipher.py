"""AES-256-GCM over texts. What is sealed opens only with the same key and in the same context."""

import hashlib
import hmac
import json
import os
from base64 import urlsafe_b64encode
from binascii import a2b_base64, b2a_base64
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32

#: First part of every ciphertext. A new format gets a new one; the old stays readable.
VERSION = "tp1"

_NONCE_BYTES = 12

#: From the alphabet of `encode` to that of the standard, whose own two letters are none here.
_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")


class DoesNotOpenError(Exception):
    """Wrong key, wrong context, or not a bit as it was: these are not told apart."""


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def key_id(key: bytes) -> str:
    """Tells keys apart and says nothing about them: the start of a keyed hash."""
    return hmac.digest(key, b"towpath key id", hashlib.sha256).hex()[:16]


def seal(key: bytes, plain: bytes, *context: str) -> str:
    """``tp1:<key id>:<nonce and ciphertext>``. The nonce is random: no key ever seals more than a few
    thousand values, far from the 2^32 that would wear it out.
    """
    id, nonce = key_id(key), os.urandom(_NONCE_BYTES)
    body = nonce + AESGCM(key).encrypt(nonce, plain, _bound_to(id, context))
    return f"{VERSION}:{id}:{encode(body)}"


def unseal(key: bytes, text: str, *context: str) -> bytes:
    """What `seal` was given. Raises `DoesNotOpenError`."""
    id, body = _parts(text)
    raw = decode(body)
    try:
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound_to(id, context))
    except (InvalidTag, ValueError) as error:
        raise DoesNotOpenError from error


def _parts(text: str) -> tuple[str, str]:
    version, id, body, *more = (*text.split(":"), "", "")
    if version != VERSION or more != ["", ""]:
        raise DoesNotOpenError
    return id, body


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Strict: exactly one text stands for the same bytes, so that no bit of it can be changed unseen."""
    try:
        standard = text.encode("ascii").translate(_STANDARD) + b"=" * (-len(text) % 4)
        raw = a2b_base64(standard)
    except ValueError as error:
        raise DoesNotOpenError from error
    if b2a_base64(raw, newline=False) != standard:
        raise DoesNotOpenError
    return raw


# Nothing here is secret, and the same few thousand places are opened again and again.
@lru_cache(maxsize=8192)
def _bound_to(id: str, context: tuple[str, ...]) -> bytes:
    """A JSON list: no two contexts write the same bytes, whatever their names contain."""
    return json.dumps([VERSION, id, *context]).encode()
