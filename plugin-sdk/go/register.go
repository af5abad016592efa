// Package plugin is for writing plugins for the Weir gateway in Go.
//
// A plugin is a main package whose init calls [Register] with what the plugin is and a function that
// turns a configuration into a value. The value implements an interface for each phase that it takes
// part in: [RequestHead], [ResponseHead], [Log] and the body phases.
//
//	func init() {
//		plugin.Register(plugin.Info{Name: "greeter", Version: "0.1.0"}, configure)
//	}
//
//	func main() {} // The gateway calls the phases.
//
// `weir plugin build DIR` makes a component of it with the stock toolchain. One value serves one call
// at a time, for as long as its instance lives. There are no files, no network and no environment:
// what a plugin may reach are the packages beside this one, as far as the operator grants it. The
// standard library's time and crypto/rand work (the latter with the capability "random"), package log
// writes to the gateway's log after logging.Standard(), and a goroutine runs only while a call does.
package plugin

import "encoding/json"

// registered is the plugin of this component.
var registered struct {
	info      Info
	phases    uint32
	configure func(configJSON string) (Setup, error)
	migrate   func(fromVersion, configJSON string) (string, error)
	value     any
}

// Register says what the plugin is. Call it once, from init. configure gets a configuration that has
// passed the schema and has its defaults, once for each instance; its errors may be or join [Problem].
func Register[C, P any](info Info, configure func(config C) (P, Setup, error)) {
	var zero P
	registered.info = info
	registered.phases = phasesOf(any(zero))
	if migration, ok := any(zero).(Migration); ok {
		registered.migrate = migration.Migrate
	}
	if len(info.Repeatable) > 0 {
		registered.phases |= saysRepeatable
	}
	registered.configure = func(configJSON string) (Setup, error) {
		var config C
		if err := json.Unmarshal([]byte(configJSON), &config); err != nil {
			return Setup{}, err
		}
		value, setup, err := configure(config)
		registered.value = value
		return setup, err
	}
}

// saysRepeatable stands behind the bits of phasesOf.
const saysRepeatable = 1 << 11

// phasesOf has a bit for each phase that a value takes part in: what the builder exports. The order is
// that of the contract's phases, with the migration of configurations behind them.
func phasesOf(value any) uint32 {
	var phases uint32
	for bit, is := range []func(any) bool{
		implements[RequestHead], implements[RequestBody], implements[RequestStream], implements[RequestTrailers],
		implements[ResponseHead], implements[ResponseBody], implements[ResponseStream], implements[ResponseTrailers],
		implements[Log], implements[BeforeRouting], implements[Migration],
	} {
		if is(value) {
			phases |= 1 << bit
		}
	}
	return phases
}

func implements[Phase any](value any) bool {
	_, ok := value.(Phase)
	return ok
}
