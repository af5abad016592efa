// Looks into JSON bodies: a field goes into a header, another one leaves the body.
//
// The head waits for the body, so the header can still be set. The gateway itself looks the field up; the
// body comes into the plugin only if it has to be written anew.
package main

import (
	_ "embed"
	"encoding/json"
	"strings"

	"weir.dev/plugin"
	"weir.dev/plugin/body"
	"weir.dev/plugin/logging"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-json-field",
		Version:      "0.1.0",
		Description:  "Puts a field of a JSON body into a header",
		ConfigSchema: schema,
		Priority:     740,
	}, configure)
}

func main() {}

type config struct {
	Message  string
	Pointer  string
	Header   string
	Remove   *string
	MaxBytes uint64 `json:"max_bytes"`
}

type jsonField struct{ config }

func configure(config config) (*jsonField, plugin.Setup, error) {
	inputs := plugin.Ask(plugin.MessageHeader("content-type"), plugin.MessageHeader("content-encoding"))
	if config.Message == "response" {
		return &jsonField{config}, plugin.Setup{ResponseHead: inputs, ResponseBody: true}, nil
	}
	return &jsonField{config}, plugin.Setup{RequestHead: inputs, RequestBody: true}, nil
}

// mode is to hold a body that is JSON; the gateway hands compressed ones over as they are.
func (p *jsonField) mode(in plugin.Inputs) plugin.Body {
	if strings.Contains(in[0].TextOr(""), "json") && in[1].Absent() {
		return plugin.BufferBody(p.MaxBytes)
	}
	return plugin.PassBody
}

// look gives the edits that the body leads to, and another body, or nil.
func (p *jsonField) look() (edits plugin.Edits, changed []byte, err error) {
	found, err := body.JSONPointers(p.Pointer)
	if err != nil {
		return nil, nil, err
	}
	if found[0] != nil {
		value := *found[0]
		// A string without its quotes; anything else as JSON.
		_ = json.Unmarshal([]byte(value), &value)
		edits.Set(p.Header, value)
	}
	if p.Remove == nil {
		return edits, nil, nil
	}
	var fields map[string]json.RawMessage
	// It is JSON; what is no object has no field.
	_ = json.Unmarshal(body.All(), &fields)
	if _, there := fields[*p.Remove]; !there {
		return edits, nil, nil
	}
	delete(fields, *p.Remove)
	changed, err = json.Marshal(fields)
	return edits, changed, err
}

func (p *jsonField) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	return &plugin.Proceed{Body: p.mode(in)}, nil
}

func (p *jsonField) OnRequestBody([]byte) (plugin.RequestBodyVerdict, error) {
	edits, changed, err := p.look()
	if err != nil {
		logging.Info(err.Error())
		return plugin.Respond(400, "The body is not valid JSON", "no-json"), nil
	}
	return &plugin.ProceedBody{Edits: edits, Body: changed}, nil
}

func (p *jsonField) OnResponseHead(in plugin.Inputs, _ []byte) (plugin.ResponseVerdict, error) {
	return &plugin.Deliver{Body: p.mode(in)}, nil
}

func (p *jsonField) OnResponseBody([]byte) (plugin.ResponseBodyVerdict, error) {
	edits, changed, err := p.look()
	if err != nil {
		return nil, err
	}
	return &plugin.DeliverBody{Edits: edits, Body: changed}, nil
}
