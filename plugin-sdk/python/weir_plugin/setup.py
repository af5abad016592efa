"""What a plugin answers to its configuration: the phases that it needs, with the inputs of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .bodies import Chunk, DeliverBody, ProceedBody, Route
from .inputs import Input
from .verdicts import Answer, Deliver, HeaderOp, Proceed


@dataclass(frozen=True)
class BeforeRouting:
    """Calls ``on`` with the values of ``inputs`` before a route is chosen. For global assignments only."""

    inputs: Sequence[Input]
    on: Callable[..., Route | Answer]


@dataclass(frozen=True)
class RequestHead:
    """Calls ``on`` with the values of ``inputs`` when the head of a request has arrived."""

    inputs: Sequence[Input]
    on: Callable[..., Proceed | Answer]


@dataclass(frozen=True)
class ResponseHead:
    """Calls ``on`` with the values of ``inputs`` when there is a head to answer with.

    The last argument is what the request phase carried: ``bytes`` or None.
    """

    inputs: Sequence[Input]
    on: Callable[..., Deliver | Answer]


@dataclass(frozen=True)
class Entry:
    """One exchange that is over."""

    values: list[Any]
    carry: bytes | None


@dataclass(frozen=True)
class Batch:
    """How the gateway gathers entries, and how it repeats a batch that failed with ``retryable``."""

    max_entries: int = 100
    max_delay_ms: int = 1000
    max_queued: int = 10_000
    max_queued_bytes: int | None = None
    max_retry_ms: int = 60_000
    initial_retry_delay_ms: int = 100
    max_retry_delay_ms: int = 10_000


@dataclass(frozen=True)
class Log:
    """Calls ``on`` with exchanges that are over, several at a time."""

    inputs: Sequence[Input]
    on: Callable[[list[Entry]], None]
    batch: Batch | None = None


OnChunk = Callable[[bytes, bool], Chunk]
"""Called with each chunk and whether it is the last: 64 KiB at most, never empty but for the last."""
OnTrailers = Callable[[list[tuple[str, bytes]]], Sequence[HeaderOp]]
"""Called if the message has trailers, behind its last chunk."""


@dataclass(frozen=True)
class Setup:
    """The phases that a configuration needs. One that is None is not called, and costs nothing."""

    request_head: RequestHead | None = None
    response_head: ResponseHead | None = None
    log: Log | None = None
    before_routing: BeforeRouting | None = None
    request_body: Callable[[bytes | None], ProceedBody | Answer] | None = None
    """Called once with what was carried, the body held, after a ``Proceed`` with ``Buffer``."""
    request_stream: OnChunk | None = None
    """Called for each chunk, after a ``Proceed`` with ``Stream``."""
    request_trailers: OnTrailers | None = None
    response_body: Callable[[bytes | None], DeliverBody | Answer] | None = None
    """Called once with what was carried, the body held, after a ``Deliver`` with ``Buffer``."""
    response_stream: OnChunk | None = None
    """Called for each chunk, after a ``Deliver`` with ``Stream``."""
    response_trailers: OnTrailers | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with the field at ``pointer`` (RFC 6901)."""

    pointer: str
    message: str


class ConfigError(Exception):
    """Raised by ``configure`` for what the schema cannot say; the Admin API shows it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.pointer}: {problem.message}" for problem in problems))
        self.problems = list(problems)


C = TypeVar("C")


@dataclass(frozen=True)
class Plugin(Generic[C]):
    """A plugin: what its configuration becomes, and what to do with it.

    ``config`` is called with the fields of the configuration, which have passed the schema and have
    its defaults, as named arguments; a dataclass fits.
    """

    config: Callable[..., C]
    configure: Callable[[C], Setup] = field(repr=False)
    migrate: Callable[[str, dict[str, Any]], dict[str, Any]] | None = field(default=None, repr=False)
    """Gives the configuration as the version that is named had it in the form of this version.

    Asked only for a configuration that the schema refuses, and what it gives has to pass the schema. What it
    raises is shown by the Admin API, and the version stays out. The manifest says ``migrates = true``.
    """
