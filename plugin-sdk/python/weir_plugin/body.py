"""The body that the gateway holds during ``request_body`` and ``response_body``.

Bytes come into the plugin only when it reads them; JSON is looked through by the gateway.
"""

from collections.abc import Sequence
from contextlib import suppress

from .host import capability, error_type

# In a phase there are no files any more to import from. A plugin without such a phase has no module of this name.
with suppress(ImportError):
    capability("body")
    error_type()

_READ = 1 << 20
"""Bytes of one read; the gateway gives no more at once."""


def length() -> int:
    """Its length in bytes."""
    return capability("body").len()


def read(offset: int, most: int) -> bytes:
    """Up to ``most`` bytes from ``offset`` on, 1 MiB at most; empty behind the end."""
    return capability("body").read(offset, most)


def all() -> bytes:
    """All of it."""
    parts: list[bytes] = []
    at = 0
    while more := read(at, _READ):
        parts.append(more)
        at += len(more)
    return b"".join(parts)


def json_pointers(pointers: Sequence[str]) -> list[str | None]:
    """The JSON text of the values that these RFC 6901 pointers lead to (64 at most), in one pass.

    Raises ``ValueError`` if the body is no JSON.
    """
    try:
        return capability("body").json_pointers(list(pointers))
    except error_type() as error:
        raise ValueError(error.value) from None


def sha256() -> bytes:
    """Its SHA-256."""
    return capability("body").sha256()
