"""Limits the requests of a client address in fixed windows."""

from dataclasses import dataclass
from typing import Any

from weir_plugin import Answer, Plugin, Proceed, RequestHead, Setup, host, inputs

counters = host.capability("local-counters")


@dataclass
class Config:
    limit: int
    window_ms: int


def configure(config: Config) -> Setup:
    def on_request(ip: str) -> Proceed | Answer:
        take = counters.fixed_window(ip, config.limit, config.window_ms, 1)
        if take.allowed:
            return Proceed().set_response_header("x-limit-remaining", str(take.remaining))
        seconds = -(-take.reset_ms // 1000)
        headers: list[tuple[str, str | bytes]] = [("retry-after", str(seconds))]
        return Answer(429, "Too many requests", headers=headers, reason="limited")

    return Setup(request_head=RequestHead([inputs.client_ip()], on_request))


def migrate(from_version: str, config: dict[str, Any]) -> dict[str, Any]:
    """Versions before 0.1 had `per_minute` and no other window."""
    limit = config["per_minute"]
    if limit < 1:
        raise ValueError(f"version {from_version} let nothing through")
    return {"limit": limit, "window_ms": 60_000}


plugin = Plugin(Config, configure, migrate)
