// Counts the bytes of bodies while they stream past; nothing is held back, however long they are.
//
// One instance serves a body from its head to its end, so what is counted may live in the plugin.
package main

import (
	_ "embed"
	"fmt"
	"strconv"

	"weir.dev/plugin"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-chunk-count",
		Version:      "0.1.0",
		Description:  "Counts the bytes of bodies while they stream past",
		ConfigSchema: schema,
		Priority:     730,
	}, configure)
}

func main() {}

type config struct {
	MaxBytes  *uint64 `json:"max_bytes"`
	Summary   bool
	OnlyBytes *uint64 `json:"only_bytes"`
}

type chunkCount struct {
	config
	bytes uint64
}

func configure(config config) (*chunkCount, plugin.Setup, error) {
	return &chunkCount{config: config}, plugin.Setup{
		RequestHead: plugin.Ask(), RequestStream: true,
		ResponseHead: plugin.Ask(), ResponseStream: true, ResponseTrailers: true,
	}, nil
}

func (p *chunkCount) count(chunk []byte) plugin.Chunk {
	p.bytes += uint64(len(chunk))
	if p.MaxBytes != nil && p.bytes > *p.MaxBytes {
		return plugin.Abort(fmt.Sprintf("longer than %d bytes", *p.MaxBytes))
	}
	if p.OnlyBytes != nil && p.bytes >= *p.OnlyBytes {
		return plugin.ForwardRest
	}
	return plugin.Forward
}

func (p *chunkCount) OnRequestHead(plugin.Inputs) (plugin.RequestVerdict, error) {
	p.bytes = 0
	return &plugin.Proceed{Body: plugin.StreamBody}, nil
}

func (p *chunkCount) OnRequestChunk(chunk []byte, _ bool) plugin.Chunk { return p.count(chunk) }

func (p *chunkCount) OnResponseHead(plugin.Inputs, []byte) (plugin.ResponseVerdict, error) {
	p.bytes = 0
	return &plugin.Deliver{Body: plugin.StreamBody}, nil
}

func (p *chunkCount) OnResponseChunk(chunk []byte, last bool) plugin.Chunk {
	verdict := p.count(chunk)
	if verdict != plugin.Forward || !last || !p.Summary {
		return verdict
	}
	return plugin.Replace(fmt.Appendf(chunk, "\n%d bytes\n", p.bytes))
}

func (p *chunkCount) OnResponseTrailers([]plugin.Header) (edits plugin.Edits) {
	edits.Set("x-bytes", strconv.FormatUint(p.bytes, 10))
	return edits
}
