"""Writes a line to the gateway's log for each exchange."""

from dataclasses import dataclass

from weir_plugin import Batch, Entry, Log, Plugin, Setup, host, inputs

logging = host.capability("logging")

INPUTS = {
    "method": inputs.method(),
    "path": inputs.path(),
    "status": inputs.response_status(),
    "request_id": inputs.request_id(),
}


@dataclass
class Config:
    message: str


def configure(config: Config) -> Setup:
    def on_log(entries: list[Entry]) -> None:
        for entry in entries:
            fields = [(name, str(value)) for name, value in zip(INPUTS, entry.values)]
            logging.log(logging.Level.INFO, config.message, fields)

    return Setup(log=Log(list(INPUTS.values()), on_log, Batch(max_entries=10, max_delay_ms=50, max_queued=1000)))


plugin = Plugin(Config, configure)
