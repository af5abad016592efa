"""Between the contract and a plugin.

The builder writes a module that makes a :class:`Guest` and exports what the plugin's world wants;
plugins do not import this.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from componentize_py_types import Err
from wit_world.exports import lifecycle, meta
from wit_world.imports import types

from . import convert
from .inputs import Input
from .setup import Batch, ConfigError, Entry, Plugin, Setup
from .verdicts import Failure


def _batch(batch: Batch | None) -> Any:
    return batch and lifecycle.LogBatch(**vars(batch))


def _read(inputs: Sequence[Input], values: list[Any]) -> list[Any]:
    return [wanted.read(value) for wanted, value in zip(inputs, values)]


def _said(on: Callable[..., Any], *arguments: Any) -> Any:
    """What a phase says; a failure that the plugin saw coming goes to the gateway."""
    try:
        return on(*arguments)
    except Failure as failure:
        raise Err(types.Failure(failure.message, failure.retryable)) from None


def _trailers(trailers: list[Any]) -> list[tuple[str, bytes]]:
    return [(trailer.name, trailer.value) for trailer in trailers]


class Guest:
    """What the component exports."""

    def __init__(self, plugin: Plugin[Any], about: str, migrates: bool, repeatable: list[str]) -> None:
        if migrates != bool(plugin.migrate):
            raise RuntimeError(f"tool.weir.migrates is {migrates}, and the plugin says otherwise")
        self._plugin = plugin
        self._about = json.loads(about)
        self._repeatable = [types.Phase[name.upper().replace("-", "_")] for name in repeatable]
        self._setup = Setup()

    def describe(self) -> Any:
        about = self._about
        asked = [
            meta.Capability(one["name"], one["why"], one["paramsJson"]) for one in about["capabilities"]
        ]
        return meta.PluginInfo(
            name=about["name"],
            version=about["version"],
            description=about["description"],
            config_schema=about["configSchema"],
            capabilities=asked,
            instances=meta.InstancePolicy.REUSE,
            default_priority=about["defaultPriority"],
            authenticates=about["authenticates"],
        )

    def repeatable_phases(self) -> Any:
        return self._repeatable

    def configure(self, config_json: str) -> Any:
        try:
            setup = self._plugin.configure(self._plugin.config(**json.loads(config_json)))
        except ConfigError as error:
            problems = [lifecycle.ConfigProblem(one.pointer, one.message) for one in error.problems]
            raise Err(problems) from None
        self._setup = setup
        # What each phase wants to be handed; those of bodies are handed the body alone.
        phases = [
            lifecycle.PhaseSetup(phase, [convert.wire(wanted) for wanted in getattr(wants, "inputs", ())])
            for phase, wants in (
                (types.Phase.BEFORE_ROUTING, setup.before_routing),
                (types.Phase.REQUEST_HEAD, setup.request_head),
                (types.Phase.REQUEST_BODY, setup.request_body),
                (types.Phase.REQUEST_STREAM, setup.request_stream),
                (types.Phase.REQUEST_TRAILERS, setup.request_trailers),
                (types.Phase.RESPONSE_HEAD, setup.response_head),
                (types.Phase.RESPONSE_BODY, setup.response_body),
                (types.Phase.RESPONSE_STREAM, setup.response_stream),
                (types.Phase.RESPONSE_TRAILERS, setup.response_trailers),
                (types.Phase.LOG, setup.log),
            )
            if wants is not None
        ]
        return lifecycle.Setup(phases, _batch(setup.log.batch) if setup.log else None)

    def migrate(self, from_version: str, config_json: str) -> str:
        migrate = self._plugin.migrate
        if not migrate:
            raise Err("it does not migrate configurations")
        try:
            return json.dumps(migrate(from_version, json.loads(config_json)))
        except Exception as error:
            raise Err(str(error) or repr(error)) from None

    def on_before_routing(self, values: list[Any]) -> Any:
        phase = self._setup.before_routing
        return convert.routed(_said(phase.on, *_read(phase.inputs, values)))

    def on_request_head(self, values: list[Any]) -> Any:
        phase = self._setup.request_head
        return convert.request_head(_said(phase.on, *_read(phase.inputs, values)))

    def on_request_body(self, carry: bytes | None) -> Any:
        return convert.request_body(_said(self._setup.request_body, carry))

    def on_request_chunk(self, chunk: bytes, last: bool) -> Any:
        return convert.chunk(self._setup.request_stream(chunk, last))

    def on_request_trailers(self, trailers: list[Any]) -> Any:
        return convert.edits(self._setup.request_trailers(_trailers(trailers)))

    def on_response_head(self, values: list[Any], carry: bytes | None) -> Any:
        phase = self._setup.response_head
        return convert.response_head(_said(phase.on, *_read(phase.inputs, values), carry))

    def on_response_body(self, carry: bytes | None) -> Any:
        return convert.response_body(_said(self._setup.response_body, carry))

    def on_response_chunk(self, chunk: bytes, last: bool) -> Any:
        return convert.chunk(self._setup.response_stream(chunk, last))

    def on_response_trailers(self, trailers: list[Any]) -> Any:
        return convert.edits(self._setup.response_trailers(_trailers(trailers)))

    def on_log(self, entries: list[Any]) -> None:
        phase = self._setup.log
        over = [Entry(_read(phase.inputs, entry.inputs), entry.carry) for entry in entries]
        _said(phase.on, over)
