// Writes a line to the gateway's log for each exchange.
package main

import (
	_ "embed"
	"strconv"
	"time"

	"weir.dev/plugin"
	"weir.dev/plugin/logging"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-log-line",
		Version:      "0.1.0",
		Description:  "Writes a line to the gateway's log for each exchange",
		ConfigSchema: schema,
		Capabilities: []plugin.Capability{{Name: "logging", Why: "to write the lines"}},
		Priority:     10,
	}, configure)
}

func main() {}

type config struct{ Message string }

type logLine struct{ config }

func configure(config config) (*logLine, plugin.Setup, error) {
	batch := plugin.DefaultBatch()
	batch.MaxEntries, batch.MaxDelay, batch.MaxQueued = 10, 50*time.Millisecond, 1000
	return &logLine{config}, plugin.Setup{
		Log:   plugin.Ask(plugin.Method, plugin.Path, plugin.ResponseStatus, plugin.RequestID),
		Batch: &batch,
	}, nil
}

func (p *logLine) OnLog(entries []plugin.LogEntry) error {
	for _, entry := range entries {
		status, _ := entry.Inputs[2].Number()
		logging.Info(p.Message,
			logging.Field{Name: "method", Value: entry.Inputs[0].TextOr("")},
			logging.Field{Name: "path", Value: entry.Inputs[1].TextOr("")},
			logging.Field{Name: "status", Value: strconv.FormatUint(status, 10)},
			logging.Field{Name: "request_id", Value: entry.Inputs[3].TextOr("")},
		)
	}
	return nil
}
