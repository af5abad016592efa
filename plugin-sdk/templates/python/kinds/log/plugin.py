"""{{name}}: a plugin for the Weir gateway. It writes a line for each exchange, after it has ended.

pyproject.toml says who the plugin is, schema.json describes its configuration. The first build puts
the SDK into .weir/, where editors find its types.
"""

from dataclasses import dataclass

from weir_plugin import Entry, Log, Plugin, Setup, host, inputs

logging = host.capability("logging")

INPUTS = {
    "method": inputs.method(),
    "path": inputs.path(),
    "status": inputs.response_status(),
}


@dataclass
class Config:
    """What the operator says, as schema.json describes it."""

    message: str
    """What each line says."""


def configure(config: Config) -> Setup:
    """Called once for each instance, with a configuration that fits the schema and has its defaults."""

    def on_log(entries: list[Entry]) -> None:
        """Called for several exchanges at a time, with the values of the inputs in the list for each."""
        for entry in entries:
            fields = [(name, str(value)) for name, value in zip(INPUTS, entry.values)]
            logging.log(logging.Level.INFO, config.message, fields)

    return Setup(log=Log(list(INPUTS.values()), on_log))


plugin = Plugin(Config, configure)
