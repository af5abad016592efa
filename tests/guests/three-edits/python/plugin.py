"""What a call of a plugin is measured with: three inputs, and three edits that are made of them."""

from weir_plugin import Plugin, Proceed, RequestHead, Setup, inputs


def on_request(method: str, path: str, accept: list[bytes]) -> Proceed:
    proceed = Proceed().set_header("x-method", method)
    return proceed.set_header("x-path", path).set_header("x-accept", accept[0])


def configure(_config: None) -> Setup:
    return Setup(request_head=RequestHead([inputs.method(), inputs.path(), inputs.header("accept")], on_request))


plugin = Plugin(lambda: None, configure)
