"""Short identifiers by which standalone exports and imports are called: a letter and eight hex digits.

They stand for the number that the resource has in its organization, mixed so that nobody can count with them,
and they are the same for ever. Nothing is stored but the number.
"""

import hmac
from collections.abc import Sequence

from towpath.core.errors import NotFoundError
from towpath.services.context import Rooms
from towpath.services.numbering import Numbering

_LETTERS = {"export": "e", "import": "i"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_ROUNDS, _HALF = 4, 16
_MASK = (1 << _HALF) - 1
_DIGITS = 8


def identifiers(rooms: Rooms, org: str, kind: str, ids: Sequence[str]) -> dict[str, str]:
    """The identifiers of these exports or imports, by id; ``kind`` is ``export`` or ``import``. In a unit of
    work of its own.
    """
    key = _key(rooms, org, kind)
    numbers = Numbering(rooms).of(org, kind, ids)
    return {id: f"{_LETTERS[kind]}{_mixed(key, number):0{_DIGITS}x}" for id, number in numbers.items()}


def identified(rooms: Rooms, org: str, identifier: str) -> tuple[str, str]:
    """Kind and id of what is called so. Raises `NotFoundError`."""
    kind, digits = _KINDS.get(identifier[:1]), identifier[1:]
    if kind and len(digits) == _DIGITS and set(digits) <= set("0123456789abcdef"):
        number = _unmixed(_key(rooms, org, kind), int(digits, 16))
        return kind, Numbering(rooms).id(org, kind, number)
    raise NotFoundError("resource.not_found", "There is no such resource.", hint="Check the apiIdentifier.")


def _key(rooms: Rooms, org: str, kind: str) -> bytes:
    return hmac.digest(rooms.vault.derive("api identifier"), f"{org} {kind}".encode(), "sha256")


def _mixed(key: bytes, number: int) -> int:
    """A permutation of 32 bits: a Feistel network, which `_unmixed` walks backwards."""
    left, right = number >> _HALF, number & _MASK
    for turn in range(_ROUNDS):
        left, right = right, left ^ _round(key, turn, right)
    return left << _HALF | right


def _unmixed(key: bytes, mixed: int) -> int:
    left, right = mixed >> _HALF, mixed & _MASK
    for turn in reversed(range(_ROUNDS)):
        left, right = right ^ _round(key, turn, left), left
    return left << _HALF | right


def _round(key: bytes, turn: int, half: int) -> int:
    return int.from_bytes(hmac.digest(key, bytes((turn, *half.to_bytes(2))), "sha256")[:2])
