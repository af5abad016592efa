"""Counts the bytes of bodies while they stream past; nothing is held back, however long they are.

One instance serves a body from its head to its end, so what is counted may live in the plugin.
"""

from dataclasses import dataclass

from weir_plugin import (
    Abort,
    Chunk,
    Deliver,
    Forward,
    ForwardRest,
    HeaderOp,
    Plugin,
    Proceed,
    Replace,
    RequestHead,
    ResponseHead,
    Set,
    Setup,
    Stream,
)


@dataclass
class Config:
    summary: bool
    max_bytes: int | None = None
    only_bytes: int | None = None


class Counter:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.bytes = 0

    def on_request(self) -> Proceed:
        self.bytes = 0
        return Proceed(body=Stream())

    def on_response(self, _carry: bytes | None) -> Deliver:
        self.bytes = 0
        return Deliver(body=Stream())

    def count(self, chunk: bytes, _last: bool) -> Chunk:
        self.bytes += len(chunk)
        most, only = self.config.max_bytes, self.config.only_bytes
        if most is not None and self.bytes > most:
            return Abort(f"longer than {most} bytes")
        return ForwardRest() if only is not None and self.bytes >= only else Forward()

    def count_response(self, chunk: bytes, last: bool) -> Chunk:
        verdict = self.count(chunk, last)
        if verdict != Forward() or not last or not self.config.summary:
            return verdict
        return Replace(chunk + f"\n{self.bytes} bytes\n".encode())

    def on_trailers(self, _trailers: list[tuple[str, bytes]]) -> list[HeaderOp]:
        return [Set("x-bytes", str(self.bytes))]


def configure(config: Config) -> Setup:
    counter = Counter(config)
    return Setup(
        request_head=RequestHead([], counter.on_request),
        request_stream=counter.count,
        response_head=ResponseHead([], counter.on_response),
        response_stream=counter.count_response,
        response_trailers=counter.on_trailers,
    )


plugin = Plugin(Config, configure)
