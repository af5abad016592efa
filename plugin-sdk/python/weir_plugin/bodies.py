"""What phases that see bodies answer, and the phase before a route is chosen."""

from dataclasses import dataclass

from .verdicts import Editable, Identity


@dataclass
class ProceedBody(Editable):
    """The request goes on with its body, both changed or not."""

    body: bytes | None = None
    """Sent in place of the client's; the gateway sets its length."""
    carry: bytes | None = None
    """Handed to this plugin's later phases, in place of what the head phase left."""
    identity: Identity | None = None
    """Who the caller is, by what stands in the body."""


@dataclass
class DeliverBody(Editable):
    """The response goes on with its body, both changed or not."""

    status: int | None = None
    body: bytes | None = None
    """Sent in place of the upstream's; the gateway sets its length."""


@dataclass
class Route(Editable):
    """The request goes on to be routed, as if the client had asked so. None leaves a part as it is."""

    method: str | None = None
    host: str | None = None
    path: str | None = None
    query: str | None = None


@dataclass(frozen=True)
class Forward:
    """The chunk is passed on."""


@dataclass(frozen=True)
class Drop:
    """The chunk is left out."""


@dataclass(frozen=True)
class ForwardRest:
    """The chunk is passed on, and so is all that follows, without a call."""


@dataclass(frozen=True)
class Replace:
    """Other bytes are sent in place of the chunk."""

    data: bytes


@dataclass(frozen=True)
class Abort:
    """The body is broken off here."""

    reason: str
    """For the log."""


Chunk = Forward | Drop | ForwardRest | Replace | Abort
"""What becomes of one chunk of a body."""
