// Writes a line for each exchange, after it has ended.
package main

import (
	_ "embed"
	"strconv"

	"weir.dev/plugin"
	"weir.dev/plugin/logging"
)

// The Admin API checks configurations against the schema, and fills its defaults in.
//
//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "{{name}}",
		Version:      "0.1.0",
		Description:  "Writes a line for each exchange",
		ConfigSchema: schema,
		// What the plugin wants to use of the gateway, each with its reason.
		Capabilities: []plugin.Capability{{Name: "logging", Why: "to write a line for each exchange"}},
		// Higher priorities run first. Authentication plugins have 1000 and more, log plugins 4 to 14.
		Priority: 10,
	}, configure)
}

// The gateway calls the methods below.
func main() {}

// config is what an operator says in an assignment: the fields of schema.json.
type config struct {
	// What each line says.
	Message string
}

// line is the plugin, configured for one assignment. It serves one call at a time, for many calls.
type line struct{ config }

// configure names the phases and what they want to be handed.
func configure(config config) (*line, plugin.Setup, error) {
	return &line{config}, plugin.Setup{
		Log: plugin.Ask(plugin.Method, plugin.Path, plugin.ResponseStatus),
	}, nil
}

// OnLog is called for several exchanges at a time. Values come in the order of plugin.Ask.
func (p *line) OnLog(entries []plugin.LogEntry) error {
	for _, entry := range entries {
		status, _ := entry.Inputs[2].Number()
		logging.Info(p.Message,
			logging.Field{Name: "method", Value: entry.Inputs[0].TextOr("")},
			logging.Field{Name: "path", Value: entry.Inputs[1].TextOr("")},
			logging.Field{Name: "status", Value: strconv.FormatUint(status, 10)},
		)
	}
	return nil
}
