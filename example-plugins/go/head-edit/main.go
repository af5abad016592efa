// Edits the heads of requests and responses.
package main

import (
	_ "embed"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"weir.dev/plugin"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-head-edit",
		Version:      "0.1.0",
		Description:  "Edits the heads of requests and responses",
		ConfigSchema: schema,
		Priority:     800,
		Repeatable:   []plugin.Phase{plugin.PhaseRequestHead},
	}, configure)
}

func main() {}

type config struct {
	Remove      []string
	Set         map[string]string
	Append      map[string]string
	ResponseSet map[string]string `json:"response_set"`
	PathPrefix  *string           `json:"path_prefix"`
}

// headEdit has its edits ready: they are the same for every request.
type headEdit struct {
	request  plugin.Edits
	response plugin.Edits
	prefix   *string
}

func configure(config config) (*headEdit, plugin.Setup, error) {
	p := &headEdit{prefix: config.PathPrefix}
	var problems []error
	check := func(pointer, name string) {
		if name == "" || strings.ContainsFunc(name, unfit) {
			problems = append(problems, plugin.Problem{Pointer: pointer, Message: "not a header name in lower case"})
		}
	}
	for i, name := range config.Remove {
		check("/remove/"+strconv.Itoa(i), name)
		p.request.Remove(name)
	}
	for _, name := range slices.Sorted(maps.Keys(config.Set)) {
		check("/set/"+escape.Replace(name), name)
		p.request.Set(name, config.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(config.Append)) {
		check("/append/"+escape.Replace(name), name)
		p.request.Append(name, config.Append[name])
	}
	for _, name := range slices.Sorted(maps.Keys(config.ResponseSet)) {
		check("/response_set/"+escape.Replace(name), name)
		p.response.Set(name, config.ResponseSet[name])
	}
	setup := plugin.Setup{RequestHead: plugin.Ask()}
	if p.prefix != nil {
		setup.RequestHead = plugin.Ask(plugin.Path)
	}
	if len(p.response) > 0 {
		setup.ResponseHead = plugin.Ask()
	}
	return p, setup, errors.Join(problems...)
}

// escape is how a name stands in a JSON Pointer.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

func unfit(r rune) bool { return r <= ' ' || 'A' <= r && r <= 'Z' || r > '~' }

func (p *headEdit) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	proceed := &plugin.Proceed{Edits: p.request, SkipResponse: len(p.response) == 0}
	if p.prefix != nil {
		path := *p.prefix + in[0].TextOr("")
		proceed.Target = &plugin.Target{Path: &path}
	}
	return proceed, nil
}

func (p *headEdit) OnResponseHead(plugin.Inputs, []byte) (plugin.ResponseVerdict, error) {
	return &plugin.Deliver{Edits: p.response}, nil
}
