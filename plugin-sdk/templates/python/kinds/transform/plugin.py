"""{{name}}: a plugin for the Weir gateway.

pyproject.toml says who the plugin is, schema.json describes its configuration. The first build puts
the SDK into .weir/, where editors find its types.
"""

from dataclasses import dataclass

from weir_plugin import Plugin, Proceed, RequestHead, Setup, inputs


@dataclass
class Config:
    """What the operator says, as schema.json describes it."""

    greeting: str


def configure(config: Config) -> Setup:
    """Called once for each instance, with a configuration that fits the schema and has its defaults."""

    def on_request(path: str) -> Proceed:
        """Called for each request, with the values of the inputs in the list."""
        return Proceed(response=False).set_header("x-greeting", f"{config.greeting} from {path}")

    return Setup(request_head=RequestHead([inputs.path()], on_request))


plugin = Plugin(Config, configure)
