// Package kv keeps values that all nodes share (capability "shared-kv"). Calls may wait.
package kv

import (
	"time"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Get gives a value; nil if there is none.
func Get(key string) ([]byte, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.KVGet(key, ret.Pointer())
	if err := ret.Failure(); err != nil {
		return nil, err
	}
	return ret.OptionalBytes(4), nil
}

// Put keeps a value for the given time.
func Put(key string, value []byte, keep time.Duration) error {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.KVPut(key, string(value), uint64(keep/time.Millisecond), ret.Pointer())
	return ret.Failure()
}

// CompareAndSwap puts value in place of old, and says whether old was what was there; nil is nothing.
func CompareAndSwap(key string, old, value []byte, keep time.Duration) (bool, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	var some uint32
	if old != nil {
		some = 1
	}
	ret := abi.Ret()
	raw.KVCompareAndSwap(key, some, string(old), string(value), uint64(keep/time.Millisecond), ret.Pointer())
	if err := ret.Failure(); err != nil {
		return false, err
	}
	return ret.Bool(4), nil
}
