// Lets requests in that carry a known token, in the name of the consumer that it belongs to.
package main

import (
	_ "embed"
	"fmt"

	"weir.dev/plugin"
	"weir.dev/plugin/credentials"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-token-auth",
		Version:      "0.1.0",
		Description:  "Lets requests in that carry a known token",
		ConfigSchema: schema,
		Capabilities: []plugin.Capability{{
			Name: "credentials", Why: "to find the consumer that a token belongs to", Params: `{"kinds":[]}`,
		}},
		Priority:      1200,
		Authenticates: true,
	}, configure)
}

func main() {}

type config struct {
	Header string
	Tokens map[string]string
}

type tokenAuth struct{ config }

func configure(config config) (*tokenAuth, plugin.Setup, error) {
	setup := plugin.Setup{RequestHead: plugin.Ask(plugin.RequestHeader(config.Header))}
	return &tokenAuth{config}, setup, nil
}

func (p *tokenAuth) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	if in[0].Absent() {
		return refuse("No token found in request", "no-token"), nil
	}
	// A header that came several times has no text, and neither has one that is not UTF-8.
	token, single := in[0].Text()
	username, known := p.Tokens[token]
	if !single || !known {
		return refuse("Invalid token", "invalid-token"), nil
	}
	consumer, err := credentials.FindConsumer(username)
	if err != nil {
		return nil, plugin.Retry(fmt.Errorf("the consumer cannot be looked up: %w", err))
	}
	if consumer == nil {
		return plugin.Respond(403, "Unknown consumer", "unknown-consumer"), nil
	}
	proceed := &plugin.Proceed{Identity: &plugin.Identity{Consumer: &consumer.ID}}
	proceed.Remove(p.Header)
	return proceed, nil
}

func refuse(message, reason string) *plugin.Answer {
	return plugin.Respond(401, message, reason).WithHeader("www-authenticate", "Token")
}
