// What a call of a plugin is measured with: three inputs, and three edits that are made of them.
package main

import "weir.dev/plugin"

func init() { plugin.Register(plugin.Info{Name: "three-edits", Version: "0.1.0"}, configure) }

func main() {}

type threeEdits struct{}

func configure(struct{}) (threeEdits, plugin.Setup, error) {
	inputs := plugin.Ask(plugin.Method, plugin.Path, plugin.RequestHeader("accept"))
	return threeEdits{}, plugin.Setup{RequestHead: inputs}, nil
}

func (threeEdits) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	proceed := &plugin.Proceed{}
	proceed.Set("x-method", in[0].TextOr(""))
	proceed.Set("x-path", in[1].TextOr(""))
	proceed.Set("x-accept", in[2].TextOr(""))
	return proceed, nil
}
