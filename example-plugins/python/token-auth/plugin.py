"""Lets requests in that carry a known token, in the name of the consumer that it belongs to."""

from dataclasses import dataclass

from weir_plugin import Answer, Failure, Identity, Plugin, Proceed, RequestHead, Setup, host, inputs

credentials = host.capability("credentials")
CapabilityError = host.error_type()


@dataclass
class Config:
    header: str
    tokens: dict[str, str]
    """The username of the consumer that each token stands for."""


def configure(config: Config) -> Setup:
    usernames = {token.encode(): username for token, username in config.tokens.items()}

    def on_request(values: list[bytes]) -> Proceed | Answer:
        if not values:
            return refuse("No token found in request", "no-token")
        username = usernames.get(values[0]) if len(values) == 1 else None
        if username is None:
            return refuse("Invalid token", "invalid-token")
        try:
            consumer = credentials.find_consumer(username)
        except CapabilityError as error:
            raise Failure(f"the consumer cannot be looked up: {error.value}", retryable=True) from None
        if consumer is None:
            return Answer(403, "Unknown consumer", reason="unknown-consumer")
        return Proceed(identity=Identity(consumer=consumer.id)).remove_header(config.header)

    return Setup(request_head=RequestHead([inputs.request_header(config.header)], on_request))


def refuse(message: str, reason: str) -> Answer:
    return Answer(401, message, headers=[("www-authenticate", "Token")], reason=reason)


plugin = Plugin(Config, configure)
