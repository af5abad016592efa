"""Between the contract and a plugin.

The builder writes a module that makes a :class:`Guest` and exports what the plugin's world wants;
plugins do not import this.
"""

import json
from collections.abc import Sequence
from typing import Any

from componentize_py_types import Err
from wit_world.exports import lifecycle, meta
from wit_world.imports import types

from .inputs import Input
from .setup import Batch, ConfigError, Entry, Plugin, Setup
from .verdicts import Answer, Append, Deliver, Failure, HeaderOp, Proceed, Set, encode

try:
    from wit_world.exports import request_head
except ImportError:  # the plugin has no such phase
    request_head = None
try:
    from wit_world.exports import response_head
except ImportError:
    response_head = None

_PASS = types.BodyMode_Pass()


def _edits(edits: Sequence[HeaderOp]) -> list[Any]:
    return [_edit(edit) for edit in edits]


def _edit(edit: HeaderOp) -> Any:
    if isinstance(edit, Set):
        return types.HeaderOp_Set(types.Header(edit.name, encode(edit.value)))
    if isinstance(edit, Append):
        return types.HeaderOp_Append(types.Header(edit.name, encode(edit.value)))
    return types.HeaderOp_Remove(edit.name)


def _answer(answer: Answer) -> Any:
    headers = [types.Header(name, encode(value)) for name, value in answer.headers]
    if answer.message is not None:
        body: Any = types.AnswerBody_Message(answer.message)
    elif answer.body is not None:
        body = types.AnswerBody_Raw(answer.body)
    else:
        body = types.AnswerBody_None_()
    return types.LocalResponse(answer.status, headers, body, answer.reason)


def _proceed(said: Proceed) -> Any:
    target, who = said.target, said.identity
    return request_head.Proceed(
        _edits(said.edits),
        target and request_head.TargetChange(**vars(target)),
        who and request_head.Identity(**vars(who)),
        _PASS,
        said.response,
        _edits(said.response_edits),
        said.carry,
    )


def _wire(wanted: Input) -> Any:
    case = getattr(types, "Input_" + wanted.case)
    return case() if wanted.name is None else case(wanted.name)


def _failure(failure: Failure) -> Err[Any]:
    return Err(types.Failure(failure.message, failure.retryable))


def _batch(batch: Batch | None) -> Any:
    return batch and lifecycle.LogBatch(**vars(batch))


class Guest:
    """What the component exports."""

    def __init__(self, plugin: Plugin[Any], about: str) -> None:
        self._plugin = plugin
        self._about = json.loads(about)
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

    def configure(self, config_json: str) -> Any:
        try:
            setup = self._plugin.configure(self._plugin.config(**json.loads(config_json)))
        except ConfigError as error:
            problems = [lifecycle.ConfigProblem(one.pointer, one.message) for one in error.problems]
            raise Err(problems) from None
        self._setup = setup
        phases = [
            lifecycle.PhaseSetup(phase, [_wire(wanted) for wanted in wants.inputs])
            for phase, wants in (
                (lifecycle.Phase.REQUEST_HEAD, setup.request_head),
                (lifecycle.Phase.RESPONSE_HEAD, setup.response_head),
                (lifecycle.Phase.LOG, setup.log),
            )
            if wants is not None
        ]
        return lifecycle.Setup(phases, _batch(setup.log.batch) if setup.log else None)

    def on_request_head(self, values: list[Any]) -> Any:
        phase = self._setup.request_head
        try:
            said = phase.on(*[wanted.read(value) for wanted, value in zip(phase.inputs, values)])
        except Failure as failure:
            raise _failure(failure) from None
        if isinstance(said, Answer):
            return request_head.Verdict_Respond(_answer(said))
        return request_head.Verdict_Proceed(_proceed(said))

    def on_response_head(self, values: list[Any], carry: bytes | None) -> Any:
        phase = self._setup.response_head
        read = [wanted.read(value) for wanted, value in zip(phase.inputs, values)]
        try:
            said: Deliver | Answer = phase.on(*read, carry)
        except Failure as failure:
            raise _failure(failure) from None
        if isinstance(said, Answer):
            return response_head.Verdict_Replace(_answer(said))
        edits = _edits(said.edits)
        return response_head.Verdict_Proceed(response_head.Proceed(said.status, edits, _PASS, said.carry))

    def on_log(self, entries: list[Any]) -> None:
        phase = self._setup.log
        over = [
            Entry([wanted.read(value) for wanted, value in zip(phase.inputs, entry.inputs)], entry.carry)
            for entry in entries
        ]
        try:
            phase.on(over)
        except Failure as failure:
            raise _failure(failure) from None
