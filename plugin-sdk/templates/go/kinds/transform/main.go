// Adds a header to every request, and says hello in the response.
package main

import (
	_ "embed"

	"weir.dev/plugin"
)

// The Admin API checks configurations against the schema, and fills its defaults in.
//
//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "{{name}}",
		Version:      "0.1.0",
		Description:  "Adds a header to every request",
		ConfigSchema: schema,
		// Higher priorities run first. Authentication plugins have 1000 and more, log plugins 4 to 14.
		Priority: 800,
		// What the plugin wants to use of the gateway, for instance:
		// Capabilities: []plugin.Capability{{Name: "metrics", Why: "to count greetings"}},
	}, configure)
}

// The gateway calls the methods below.
func main() {}

// config is what an operator says in an assignment: the fields of schema.json.
type config struct {
	Header string
	Value  string
}

// greeter is the plugin, configured for one assignment. It serves one call at a time, for many calls.
type greeter struct{ config }

// configure prepares what each request needs, and names the phases and what they want to be handed.
// What the schema cannot say is checked here: return a plugin.Problem with a pointer to the field.
func configure(config config) (*greeter, plugin.Setup, error) {
	return &greeter{config}, plugin.Setup{
		RequestHead: plugin.Ask(plugin.Path, plugin.RequestHeader("user-agent")),
	}, nil
}

// OnRequestHead is called when the head of a request has arrived. Other phases are OnResponseHead,
// OnLog and those of bodies: see the interfaces of the package plugin.
func (p *greeter) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	// Values come in the order of plugin.Ask.
	path, agent := in[0].TextOr("/"), in[1].TextOr("stranger")
	if path == "/forbidden" {
		return plugin.Respond(403, "Not for "+agent, "forbidden"), nil
	}
	proceed := &plugin.Proceed{}
	proceed.Set(p.Header, p.Value)
	proceed.ResponseEdits.Set("x-greeting", "hello "+agent)
	return proceed, nil
}
