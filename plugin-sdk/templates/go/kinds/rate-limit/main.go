// Lets each address make so many requests in a window of time.
package main

import (
	_ "embed"
	"strconv"

	"weir.dev/plugin"
	"weir.dev/plugin/counters"
)

// The Admin API checks configurations against the schema, and fills its defaults in.
//
//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "{{name}}",
		Version:      "0.1.0",
		Description:  "Lets each address make so many requests in a window of time",
		ConfigSchema: schema,
		// What the plugin wants to use of the gateway, each with its reason.
		Capabilities: []plugin.Capability{{Name: "local-counters", Why: "to count requests"}},
		// Higher priorities run first. Authentication plugins have 1000 and more, log plugins 4 to 14.
		Priority: 900,
	}, configure)
}

// The gateway calls the methods below.
func main() {}

// config is what an operator says in an assignment: the fields of schema.json.
type config struct {
	// Requests of one address in one window.
	Limit    uint64 `json:"limit"`
	WindowMS uint64 `json:"window_ms"`
}

// limit is the plugin, configured for one assignment. It serves one call at a time, for many calls.
type limit struct{ config }

// configure names the phases and what they want to be handed.
func configure(config config) (*limit, plugin.Setup, error) {
	return &limit{config}, plugin.Setup{RequestHead: plugin.Ask(plugin.ClientIP)}, nil
}

// OnRequestHead is called when the head of a request has arrived. Values come in the order of plugin.Ask.
func (p *limit) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	take := counters.FixedWindow(in[0].TextOr(""), p.Limit, p.WindowMS, 1)
	if !take.Allowed {
		seconds := strconv.FormatUint((take.ResetMS+999)/1000, 10)
		return plugin.Respond(429, "Too many requests", "limited").WithHeader("retry-after", seconds), nil
	}
	proceed := &plugin.Proceed{}
	proceed.ResponseEdits.Set("x-limit-remaining", strconv.FormatUint(take.Remaining, 10))
	return proceed, nil
}
