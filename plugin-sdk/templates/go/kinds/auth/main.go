// Lets requests in that carry a known token, and says whose it is.
package main

import (
	_ "embed"
	"fmt"

	"weir.dev/plugin"
	"weir.dev/plugin/credentials"
)

// The Admin API checks configurations against the schema, and fills its defaults in.
//
//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "{{name}}",
		Version:      "0.1.0",
		Description:  "Lets requests in that carry a known token",
		ConfigSchema: schema,
		// What the plugin wants to use of the gateway, each with its reason.
		Capabilities: []plugin.Capability{{
			Name: "credentials", Why: "to know the consumer that a token belongs to", Params: `{"kinds":[]}`,
		}},
		// Higher priorities run first. Authentication plugins have 1000 and more, log plugins 4 to 14.
		Priority:      1200,
		Authenticates: true,
	}, configure)
}

// The gateway calls the methods below.
func main() {}

// config is what an operator says in an assignment: the fields of schema.json.
type config struct {
	Header string
	// The username of the consumer that each token belongs to.
	Tokens map[string]string
}

// tokenAuth is the plugin, configured for one assignment. It serves one call at a time, for many calls.
type tokenAuth struct{ config }

// configure names the phases and what they want to be handed.
func configure(config config) (*tokenAuth, plugin.Setup, error) {
	setup := plugin.Setup{RequestHead: plugin.Ask(plugin.RequestHeader(config.Header))}
	return &tokenAuth{config}, setup, nil
}

// OnRequestHead is called when the head of a request has arrived. Values come in the order of plugin.Ask.
func (p *tokenAuth) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	if in[0].Absent() {
		return refuse(401, "No token found in request", "no-token"), nil
	}
	// A header that came several times has no text, and neither has one that is not UTF-8.
	token, single := in[0].Text()
	username, known := p.Tokens[token]
	if !single || !known {
		return refuse(401, "Invalid token", "invalid-token"), nil
	}
	consumer, err := credentials.FindConsumer(username)
	if err != nil {
		return nil, plugin.Retry(fmt.Errorf("the consumer cannot be looked up: %w", err))
	}
	if consumer == nil {
		return refuse(403, "Unknown consumer", "unknown-consumer"), nil
	}
	proceed := &plugin.Proceed{Identity: &plugin.Identity{Consumer: &consumer.ID}}
	// The upstream has no use for the token.
	proceed.Remove(p.Header)
	return proceed, nil
}

func refuse(status uint16, message, reason string) *plugin.Answer {
	return plugin.Respond(status, message, reason).WithHeader("www-authenticate", "Token")
}
