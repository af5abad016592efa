"""{{name}}: a plugin for the Weir gateway. It lets requests in that carry a known token.

pyproject.toml says who the plugin is, schema.json describes its configuration. The first build puts
the SDK into .weir/, where editors find its types.
"""

from dataclasses import dataclass

from weir_plugin import Answer, Failure, Identity, Plugin, Proceed, RequestHead, Setup, host, inputs

credentials = host.capability("credentials")
CapabilityError = host.error_type()


@dataclass
class Config:
    """What the operator says, as schema.json describes it."""

    header: str
    tokens: dict[str, str]
    """The username of the consumer that each token belongs to."""


def configure(config: Config) -> Setup:
    """Called once for each instance, with a configuration that fits the schema and has its defaults."""
    usernames = {token.encode(): username for token, username in config.tokens.items()}

    def on_request(values: list[bytes]) -> Proceed | Answer:
        """Called for each request, with the values of the inputs in the list: here those of one header."""
        if not values:
            return refuse(401, "No token found in request", "no-token")
        # One that came several times is nobody's.
        username = usernames.get(values[0]) if len(values) == 1 else None
        if username is None:
            return refuse(401, "Invalid token", "invalid-token")
        try:
            consumer = credentials.find_consumer(username)
        except CapabilityError as error:
            raise Failure(f"the consumer cannot be looked up: {error.value}", retryable=True) from None
        if consumer is None:
            return refuse(403, "Unknown consumer", "unknown-consumer")
        # The upstream has no use for the token.
        return Proceed(identity=Identity(consumer=consumer.id)).remove_header(config.header)

    return Setup(request_head=RequestHead([inputs.request_header(config.header)], on_request))


def refuse(status: int, message: str, reason: str) -> Answer:
    return Answer(status, message, headers=[("www-authenticate", "Token")], reason=reason)


plugin = Plugin(Config, configure)
