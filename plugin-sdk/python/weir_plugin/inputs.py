"""What a phase is handed.

An input is named once, when the plugin is configured, and its value comes with each call: that costs
a fraction of asking the gateway for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Input:
    """Something to be handed to a phase."""

    case: str
    """Its name in the contract, in camel case."""
    name: str | None
    read: Callable[[Any], Any]
    """From the contract's value to Python's."""


def _plain_value(value: Any) -> Any:
    # An absent one has no payload.
    return getattr(value, "value", None)


def _all_values(value: Any) -> list[bytes]:
    payload = getattr(value, "value", None)
    if payload is None:
        return []
    if isinstance(payload, bytes):
        return [payload]
    return [header.value for header in payload]


def _headers(value: Any) -> list[tuple[str, bytes]]:
    return [(header.name, header.value) for header in getattr(value, "value", ())]


def _plain(case: str, docs: str) -> Callable[[], Input]:
    known = Input(case, None, _plain_value)

    def make() -> Input:
        return known

    make.__doc__ = docs
    return make


def _named(case: str, read: Callable[[Any], Any], docs: str) -> Callable[[str], Input]:
    def make(name: str) -> Input:
        return Input(case, name, read)

    make.__doc__ = docs
    return make


method = _plain("Method", "A ``str``.")
scheme = _plain("Scheme", "A ``str``.")
host = _plain("Host", "A ``str`` in lower case, without its port.")
path = _plain("Path", "A ``str`` as it was sent, not decoded.")
query = _plain("Query", "A ``str`` without ``?``, or None.")
client_ip = _plain("ClientIp", "A ``str``.")
client_port = _plain("ClientPort", "An ``int``.")
tls_sni = _plain("TlsSni", "A ``str``, or None without TLS.")
tls_client_cert_sha256 = _plain("TlsClientCertSha256", "``bytes``, or None.")
route_id = _plain("RouteId", "A ``str``, or None.")
service_id = _plain("ServiceId", "A ``str``, or None.")
consumer_id = _plain("ConsumerId", "A ``str``, or None.")
consumer_username = _plain("ConsumerUsername", "A ``str``, or None.")
credential_id = _plain("CredentialId", "A ``str``, or None.")
request_id = _plain("RequestId", "A ``str``.")
response_status = _plain("ResponseStatus", "An ``int``, or None before there is a response.")
upstream_addr = _plain("UpstreamAddr", "A ``str`` of address and port, or None.")
upstream_latency_us = _plain("UpstreamLatencyUs", "An ``int`` of microseconds.")
gateway_latency_us = _plain("GatewayLatencyUs", "An ``int`` of microseconds.")
total_latency_us = _plain("TotalLatencyUs", "An ``int`` of microseconds.")
bytes_in = _plain("BytesIn", "An ``int``.")
bytes_out = _plain("BytesOut", "An ``int``.")
started_at_unix_ms = _plain("StartedAtUnixMs", "An ``int``.")
log_record = _plain("LogRecord", "A ``str``: the whole record of the exchange as JSON.")

all_headers = Input("AllHeaders", None, _headers)
"""Every header of the message that the phase is about: a list of names with values."""

header = _named("Header", _all_values, "Every value of a header of the phase's message: a list of ``bytes``.")
request_header = _named("RequestHeader", _all_values, "Every value of a header of the request.")
query_param = _named("QueryParam", _all_values, "Every value of a query parameter, decoded.")
cookie = _named("Cookie", _all_values, "Every value of a cookie, decoded.")
path_param = _named("PathParam", _plain_value, "A named group of the route's path regex, or its number from 1.")
attribute = _named("Attribute", _plain_value, "What an earlier plugin left in this exchange.")
