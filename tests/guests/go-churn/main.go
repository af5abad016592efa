// Makes garbage and has it collected, while values of every size cross.
package main

import (
	"runtime"
	"strconv"
	"time"

	"weir.dev/plugin"
)

func init() { plugin.Register(plugin.Info{Name: "go-churn", Version: "0.1.0"}, configure) }

func main() {}

type churn struct {
	calls   int
	garbage [8][]byte
	names   map[string]string
}

func configure(struct{}) (*churn, plugin.Setup, error) {
	return &churn{names: map[string]string{}}, plugin.Setup{
		RequestHead: plugin.Ask(plugin.Path, plugin.RequestHeader("a"), plugin.AllHeaders),
	}, nil
}

// OnRequestHead answers with what it was handed, so that a value that was lost or moved is seen.
func (p *churn) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	p.calls++
	p.garbage[p.calls%len(p.garbage)] = make([]byte, 1+p.calls%20_000)
	p.names[strconv.Itoa(p.calls%1000)] = time.Now().String()
	if p.calls%100 == 0 {
		runtime.GC()
	}
	path, _ := in[0].Text()
	value, _ := in[1].Text()
	proceed := &plugin.Proceed{Carry: []byte(strconv.Itoa(p.calls))}
	proceed.Set("x-path", path)
	proceed.Set("x-value", value)
	for _, header := range in[2].Headers() {
		proceed.Append("x-"+header.Name, header.Value)
	}
	return proceed, nil
}
