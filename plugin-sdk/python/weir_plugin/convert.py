"""From what a plugin says to the values of the contract."""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from wit_world.imports import types

from .bodies import Abort, Chunk, DeliverBody, Drop, Forward, ProceedBody, Replace, Route
from .inputs import Input
from .verdicts import Answer, Append, Buffer, Deliver, HeaderOp, Identity, Proceed, RemovePrefix, Set, Stream, encode


def _module(name: str) -> ModuleType | None:
    """None if the plugin has no such phase."""
    try:
        return importlib.import_module("wit_world." + name)
    except ImportError:
        return None


_before_routing = _module("exports.before_routing")
_request_head = _module("exports.request_head")
_request_body = _module("exports.request_body")
_response_head = _module("exports.response_head")
_response_body = _module("exports.response_body")
_chunks = _module("imports.chunks")

_PASS = types.BodyMode_Pass()
_STREAM = types.BodyMode_Stream()


def wire(wanted: Input) -> Any:
    case = getattr(types, "Input_" + wanted.case)
    return case() if wanted.name is None else case(wanted.name)


def edits(wanted: Sequence[HeaderOp]) -> list[Any]:
    return [_edit(edit) for edit in wanted]


def _edit(edit: HeaderOp) -> Any:
    if isinstance(edit, Set):
        return types.HeaderOp_Set(types.Header(edit.name, encode(edit.value)))
    if isinstance(edit, Append):
        return types.HeaderOp_Append(types.Header(edit.name, encode(edit.value)))
    if isinstance(edit, RemovePrefix):
        return types.HeaderOp_RemovePrefix(edit.prefix)
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


def _mode(body: Buffer | Stream | None) -> Any:
    if body is None:
        return _PASS
    return _STREAM if isinstance(body, Stream) else types.BodyMode_Buffer(body.max_bytes)


def routed(said: Route | Answer) -> Any:
    if isinstance(said, Answer):
        return _before_routing.Verdict_Respond(_answer(said))
    change = _before_routing.RoutingChange(said.method, said.host, said.path, said.query)
    return _before_routing.Verdict_Proceed(_before_routing.Proceed(edits(said.edits), change))


def _identity(who: Identity | None) -> Any:
    return who and types.Identity(**vars(who))


def request_head(said: Proceed | Answer) -> Any:
    if isinstance(said, Answer):
        return _request_head.Verdict_Respond(_answer(said))
    target = said.target
    return _request_head.Verdict_Proceed(
        _request_head.Proceed(
            edits(said.edits),
            target and _request_head.TargetChange(**vars(target)),
            _identity(said.identity),
            _mode(said.body),
            said.response,
            edits(said.response_edits),
            said.carry,
        )
    )


def request_body(said: ProceedBody | Answer) -> Any:
    if isinstance(said, Answer):
        return _request_body.Verdict_Respond(_answer(said))
    return _request_body.Verdict_Proceed(
        _request_body.Proceed(edits(said.edits), said.body, said.carry, _identity(said.identity))
    )


def response_head(said: Deliver | Answer) -> Any:
    if isinstance(said, Answer):
        return _response_head.Verdict_Replace(_answer(said))
    proceed = _response_head.Proceed(said.status, edits(said.edits), _mode(said.body), said.carry)
    return _response_head.Verdict_Proceed(proceed)


def response_body(said: DeliverBody | Answer) -> Any:
    if isinstance(said, Answer):
        return _response_body.Verdict_Replace(_answer(said))
    return _response_body.Verdict_Proceed(_response_body.Proceed(said.status, edits(said.edits), said.body))


def chunk(said: Chunk) -> Any:
    if isinstance(said, Forward):
        return _chunks.ChunkVerdict_Forward()
    if isinstance(said, Replace):
        return _chunks.ChunkVerdict_Replace(said.data)
    if isinstance(said, Drop):
        return _chunks.ChunkVerdict_Drop()
    if isinstance(said, Abort):
        return _chunks.ChunkVerdict_Abort(said.reason)
    return _chunks.ChunkVerdict_ForwardRest()
