"""{{name}}: a plugin for the Weir gateway. It lets each address make so many requests in a window of time.

pyproject.toml says who the plugin is, schema.json describes its configuration. The first build puts
the SDK into .weir/, where editors find its types.
"""

from dataclasses import dataclass

from weir_plugin import Answer, Plugin, Proceed, RequestHead, Setup, host, inputs

counters = host.capability("local-counters")


@dataclass
class Config:
    """What the operator says, as schema.json describes it."""

    limit: int
    """Requests of one address in one window."""
    window_ms: int


def configure(config: Config) -> Setup:
    """Called once for each instance, with a configuration that fits the schema and has its defaults."""

    def on_request(address: str) -> Proceed | Answer:
        """Called for each request, with the values of the inputs in the list."""
        take = counters.fixed_window(address, config.limit, config.window_ms, 1)
        if take.allowed:
            return Proceed().set_response_header("x-limit-remaining", str(take.remaining))
        seconds = -(-take.reset_ms // 1000)
        headers: list[tuple[str, str | bytes]] = [("retry-after", str(seconds))]
        return Answer(429, "Too many requests", headers=headers, reason="limited")

    return Setup(request_head=RequestHead([inputs.client_ip()], on_request))


plugin = Plugin(Config, configure)
