"""Edits the heads of requests and responses."""

import re
from dataclasses import dataclass, field

from weir_plugin import (
    Append,
    ConfigError,
    Deliver,
    HeaderOp,
    Plugin,
    Problem,
    Proceed,
    Remove,
    RequestHead,
    ResponseHead,
    Set,
    Setup,
    TargetChange,
    inputs,
)

HEADER_NAME = re.compile(r"[!-@\[-~]+")
"""Printable ASCII without blanks and upper-case letters."""


@dataclass
class Config:
    remove: list[str] = field(default_factory=list)
    set: dict[str, str] = field(default_factory=dict)
    append: dict[str, str] = field(default_factory=dict)
    response_set: dict[str, str] = field(default_factory=dict)
    path_prefix: str | None = None


def configure(config: Config) -> Setup:
    check(config)
    # The edits are the same for every request, so they are made once.
    edits: list[HeaderOp] = [
        *(Remove(name) for name in config.remove),
        *(Set(name, value) for name, value in config.set.items()),
        *(Append(name, value) for name, value in config.append.items()),
    ]
    response_edits: list[HeaderOp] = [Set(name, value) for name, value in config.response_set.items()]
    responds = bool(response_edits)

    def on_request(path: str = "") -> Proceed:
        target = None if config.path_prefix is None else TargetChange(path=config.path_prefix + path)
        return Proceed(edits, target=target, response=responds)

    def on_response(_carry: bytes | None) -> Deliver:
        return Deliver(response_edits)

    return Setup(
        request_head=RequestHead([] if config.path_prefix is None else [inputs.path()], on_request),
        response_head=ResponseHead([], on_response) if responds else None,
    )


def check(config: Config) -> None:
    named = [(f"/remove/{place}", name) for place, name in enumerate(config.remove)]
    for part in ("set", "append", "response_set"):
        named += [(f"/{part}/{escape(name)}", name) for name in getattr(config, part)]
    wrong = [pointer for pointer, name in named if not HEADER_NAME.fullmatch(name)]
    if wrong:
        raise ConfigError([Problem(pointer, "not a header name in lower case") for pointer in wrong])


def escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


plugin = Plugin(Config, configure)
