"""Write plugins for the Weir gateway in Python.

A module has a ``plugin``: the type of its configuration, and a function from that to the phases that
it needs. Who the plugin is, which phases it has and which capabilities it asks for stands in
pyproject.toml, section ``[tool.weir]``::

    from dataclasses import dataclass
    from weir_plugin import Plugin, Proceed, RequestHead, Setup, inputs

    @dataclass
    class Config:
        header: str

    def configure(config: Config) -> Setup:
        def on_request(path: str | None) -> Proceed:
            return Proceed().set_header(config.header, path or "")

        return Setup(request_head=RequestHead([inputs.path()], on_request))

    plugin = Plugin(Config, configure)

Nothing but :mod:`weir_plugin.host`, :mod:`weir_plugin.body` and ``weir_plugin.guest`` needs the gateway,
so a plugin can be imported and tested as any module.
"""

from . import body, host, inputs
from .bodies import Abort, Chunk, DeliverBody, Drop, Forward, ForwardRest, ProceedBody, Replace, Route
from .setup import (
    Batch,
    BeforeRouting,
    ConfigError,
    Entry,
    Log,
    Plugin,
    Problem,
    RequestHead,
    ResponseHead,
    Setup,
)
from .verdicts import (
    Answer,
    Append,
    Buffer,
    Deliver,
    Failure,
    HeaderOp,
    Identity,
    Proceed,
    Remove,
    RemovePrefix,
    Set,
    Stream,
    TargetChange,
)

__all__ = [
    "Abort",
    "Answer",
    "Append",
    "Batch",
    "BeforeRouting",
    "Buffer",
    "Chunk",
    "ConfigError",
    "Deliver",
    "DeliverBody",
    "Drop",
    "Entry",
    "Failure",
    "Forward",
    "ForwardRest",
    "HeaderOp",
    "Identity",
    "Log",
    "Plugin",
    "Problem",
    "Proceed",
    "ProceedBody",
    "Remove",
    "RemovePrefix",
    "Replace",
    "RequestHead",
    "ResponseHead",
    "Route",
    "Set",
    "Setup",
    "Stream",
    "TargetChange",
    "body",
    "host",
    "inputs",
]
