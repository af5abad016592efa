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

Nothing but :mod:`weir_plugin.host` and ``weir_plugin.guest`` needs the gateway, so a plugin can be
imported and tested as any module.

Not here: phases that see bodies, which the gateway does not call yet.
"""

from . import host, inputs
from .setup import Batch, ConfigError, Entry, Log, Plugin, Problem, RequestHead, ResponseHead, Setup
from .verdicts import (
    Answer,
    Append,
    Deliver,
    Failure,
    HeaderOp,
    Identity,
    Proceed,
    Remove,
    Set,
    TargetChange,
)

__all__ = [
    "Answer",
    "Append",
    "Batch",
    "ConfigError",
    "Deliver",
    "Entry",
    "Failure",
    "HeaderOp",
    "Identity",
    "Log",
    "Plugin",
    "Problem",
    "Proceed",
    "Remove",
    "RequestHead",
    "ResponseHead",
    "Set",
    "Setup",
    "TargetChange",
    "host",
    "inputs",
]
