// Package abi moves values across the border of the component: the canonical ABI of the component
// model, for the shapes that wit/plugin.wit has.
//
// Values that come in are copied out of the arena before an author sees them; values that go out are
// copied into it. The arena is a fixed block that begins anew with each call, served to the gateway by
// a cabi_realloc that is not Go code: the builder adds it to the module. So nothing that the garbage
// collector does can happen while the gateway is passing values, when a component may not call out.
package abi
