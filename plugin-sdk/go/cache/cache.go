// Package cache keeps values on this node for a while (capability "local-cache").
package cache

import (
	"time"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Get gives a value; nil if there is none.
func Get(key string) []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CacheGet(key, ret.Pointer())
	return ret.OptionalBytes(0)
}

// Put keeps a value for the given time at most.
func Put(key string, value []byte, keep time.Duration) error {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CachePut(key, string(value), uint64(keep/time.Millisecond), ret.Pointer())
	return ret.Failure()
}

// Delete forgets a value.
func Delete(key string) { raw.CacheDelete(key) }
