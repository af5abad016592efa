// Limits how many requests one client address may make in a window of time.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"

	"weir.dev/plugin"
	"weir.dev/plugin/counters"
)

//go:embed schema.json
var schema string

func init() {
	plugin.Register(plugin.Info{
		Name:         "go-fixed-limit",
		Version:      "0.1.0",
		Description:  "Limits the requests of one client address",
		ConfigSchema: schema,
		Capabilities: []plugin.Capability{{Name: "local-counters", Why: "to count requests"}},
		Priority:     900,
	}, configure)
}

func main() {}

type config struct {
	Limit    uint64 `json:"limit"`
	WindowMS uint64 `json:"window_ms"`
}

type fixedLimit struct{ config }

func configure(config config) (*fixedLimit, plugin.Setup, error) {
	return &fixedLimit{config}, plugin.Setup{RequestHead: plugin.Ask(plugin.ClientIP)}, nil
}

// Migrate knows versions before 0.1, which had per_minute and no other window.
func (*fixedLimit) Migrate(fromVersion, configJSON string) (string, error) {
	var earlier struct {
		PerMinute uint64 `json:"per_minute"`
	}
	if err := json.Unmarshal([]byte(configJSON), &earlier); err != nil {
		return "", err
	}
	if earlier.PerMinute < 1 {
		return "", fmt.Errorf("version %s let nothing through", fromVersion)
	}
	migrated, err := json.Marshal(config{Limit: earlier.PerMinute, WindowMS: 60_000})
	return string(migrated), err
}

func (p *fixedLimit) OnRequestHead(in plugin.Inputs) (plugin.RequestVerdict, error) {
	take := counters.FixedWindow(in[0].TextOr(""), p.Limit, p.WindowMS, 1)
	if !take.Allowed {
		seconds := strconv.FormatUint((take.ResetMS+999)/1000, 10)
		return plugin.Respond(429, "Too many requests", "limited").WithHeader("retry-after", seconds), nil
	}
	proceed := &plugin.Proceed{}
	proceed.ResponseEdits.Set("x-limit-remaining", strconv.FormatUint(take.Remaining, 10))
	return proceed, nil
}
