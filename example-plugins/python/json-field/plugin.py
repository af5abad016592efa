"""Looks into JSON bodies: a field goes into a header, another one leaves the body.

The head waits for the body, so the header can still be set. The gateway itself looks the field up; the
body comes into the plugin only if it has to be written anew.
"""

import json
from dataclasses import dataclass

from weir_plugin import (
    Answer,
    Buffer,
    Deliver,
    DeliverBody,
    Failure,
    HeaderOp,
    Plugin,
    Proceed,
    ProceedBody,
    RequestHead,
    ResponseHead,
    Set,
    Setup,
    body,
    inputs,
)


@dataclass
class Config:
    message: str
    pointer: str
    header: str
    max_bytes: int
    remove: str | None = None

    def mode(self, types: list[bytes], encodings: list[bytes]) -> Buffer | None:
        """To hold a body that is JSON; the gateway hands compressed ones over as they are."""
        return Buffer(self.max_bytes) if types and b"json" in types[0] and not encodings else None

    def look(self) -> tuple[list[HeaderOp], bytes | None]:
        """The edits that the body leads to, and another body or None."""
        edits: list[HeaderOp] = []
        (found,) = body.json_pointers([self.pointer])
        if found is not None:
            value = json.loads(found)
            edits.append(Set(self.header, value if isinstance(value, str) else found))
        if self.remove is None:
            return edits, None
        fields = json.loads(body.all())
        if not isinstance(fields, dict) or self.remove not in fields:
            return edits, None
        del fields[self.remove]
        return edits, json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def configure(config: Config) -> Setup:
    wanted = [inputs.header("content-type"), inputs.header("content-encoding")]

    def on_request_body(_carry: bytes | None) -> ProceedBody | Answer:
        try:
            edits, new = config.look()
        except ValueError:
            return Answer(400, "The body is not valid JSON", reason="no-json")
        return ProceedBody(edits, body=new)

    def on_response_body(_carry: bytes | None) -> DeliverBody:
        try:
            edits, new = config.look()
        except ValueError as error:
            raise Failure(str(error)) from None
        return DeliverBody(edits, body=new)

    if config.message == "response":
        head = ResponseHead(wanted, lambda types, codings, _carry: Deliver(body=config.mode(types, codings)))
        return Setup(response_head=head, response_body=on_response_body)
    return Setup(
        request_head=RequestHead(wanted, lambda types, codings: Proceed(body=config.mode(types, codings))),
        request_body=on_request_body,
    )


plugin = Plugin(Config, configure)
