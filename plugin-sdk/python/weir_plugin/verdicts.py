"""What a phase answers. The methods of ``Proceed``, ``Deliver`` and ``Answer`` can be chained."""

from dataclasses import dataclass, field
from typing import Self


def encode(value: str | bytes) -> bytes:
    """A header value as the contract has it."""
    return value.encode() if isinstance(value, str) else value


@dataclass(frozen=True)
class Set:
    """Replaces every value of ``name``, which is lower-case, or adds it."""

    name: str
    value: str | bytes


@dataclass(frozen=True)
class Append:
    """Adds one more value of ``name``, which is lower-case."""

    name: str
    value: str | bytes


@dataclass(frozen=True)
class Remove:
    """Removes every value of ``name``, which is lower-case."""

    name: str


@dataclass(frozen=True)
class RemovePrefix:
    """Removes every header whose name begins with ``prefix``, which is lower-case."""

    prefix: str


HeaderOp = Set | Append | Remove | RemovePrefix


@dataclass(frozen=True)
class Buffer:
    """The head is held, up to ``max_bytes`` of the body are collected, and the body phase is called once.

    A longer request is answered with 413; a longer response goes through the failure policy.
    """

    max_bytes: int


@dataclass(frozen=True)
class Stream:
    """The head goes on, and the stream phase is called for each chunk of the body, in this instance."""


@dataclass
class Editable:
    """What lets a message go on, with edits of its head."""

    edits: list[HeaderOp] = field(default_factory=list)

    def edit(self, *edits: HeaderOp) -> Self:
        """Edits of the message's headers."""
        self.edits.extend(edits)
        return self

    def set_header(self, name: str, value: str | bytes) -> Self:
        return self.edit(Set(name, value))

    def append_header(self, name: str, value: str | bytes) -> Self:
        return self.edit(Append(name, value))

    def remove_header(self, name: str) -> Self:
        return self.edit(Remove(name))


@dataclass(frozen=True)
class TargetChange:
    """Where the request goes; None leaves a part as it is."""

    scheme: str | None = None
    host: str | None = None
    path: str | None = None
    query: str | None = None
    method: str | None = None
    upstream: str | None = None


@dataclass(frozen=True)
class Identity:
    """Who the caller is. Only for plugins whose manifest says ``authenticates``."""

    consumer: str | None = None
    credential: str | None = None
    groups: list[str] = field(default_factory=list)
    claims_json: str | None = None
    anonymous: bool = False


@dataclass
class Proceed(Editable):
    """The request goes on, with these changes."""

    target: TargetChange | None = None
    identity: Identity | None = None
    response: bool = True
    """False: this plugin's response phases are skipped for this exchange."""
    response_edits: list[HeaderOp] = field(default_factory=list)
    """Edits of the response's headers, whoever answers. They spare a response phase."""
    carry: bytes | None = None
    """Handed to this plugin's later phases of this exchange (4 KiB by default)."""
    body: Buffer | Stream | None = None
    """None: this plugin does not see the body."""

    def set_response_header(self, name: str, value: str | bytes) -> Self:
        self.response_edits.append(Set(name, value))
        return self


@dataclass
class Deliver(Editable):
    """The response goes to the caller, with these changes."""

    status: int | None = None
    carry: bytes | None = None
    body: Buffer | Stream | None = None
    """None: this plugin does not see the body."""


@dataclass
class Answer:
    """An answer in place of the upstream's, with a status of 200 to 599."""

    status: int
    message: str | None = None
    """A sentence for the caller. The gateway writes it in the form that the caller accepts."""
    body: bytes | None = None
    """A body as it is, if there is no message. Say what it is with a ``content-type`` header."""
    headers: list[tuple[str, str | bytes]] = field(default_factory=list)
    reason: str = ""
    """A short machine-readable reason for logs and metrics."""


class Failure(Exception):
    """Raised when a plugin cannot decide.

    The assignment's failure policy applies, and the instance lives on. Any other exception costs the
    instance.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable

