// Package counters counts: on this node (capability "local-counters", which never waits), and for all
// nodes together (capability "shared-counters").
package counters

import (
	"errors"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
	"weir.dev/plugin/internal/wit"
)

// Take is what a counter said.
type Take = wit.Take

// Window has edges of the plugin's choosing; months have no fixed length.
type Window struct {
	Key                     string
	Limit                   uint64
	FromUnixMS, UntilUnixMS uint64
}

// TokenBucket takes cost tokens of a bucket that holds capacity and refills steadily.
func TokenBucket(key string, capacity uint64, refillPerSecond float64, cost uint64) Take {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.TokenBucket(key, capacity, refillPerSecond, cost, ret.Pointer())
	return wit.GetTake(ret)
}

// FixedWindow counts cost in the current window, which starts at a multiple of windowMS since 1970.
func FixedWindow(key string, limit, windowMS, cost uint64) Take {
	ret := abi.Ret()
	raw.FixedWindow(key, limit, windowMS, cost, ret.Pointer())
	return wit.GetTake(ret)
}

// SlidingWindow counts cost in a window that slides with time.
func SlidingWindow(key string, limit, windowMS, cost uint64) Take {
	ret := abi.Ret()
	raw.SlidingWindow(key, limit, windowMS, cost, ret.Pointer())
	return wit.GetTake(ret)
}

// TakeWindows counts cost in every window, or in none if one would go over its limit. There is one
// answer for each window, in their order.
func TakeWindows(windows []Window, cost uint64) []Take {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := putWindows(windows)
	ret := abi.Ret()
	raw.TakeWindows(list, length, cost, ret.Pointer())
	at, count := ret.List(0)
	return abi.List(at, count, 24, wit.GetTake)
}

// SharedTakeWindows is TakeWindows for all nodes together; it may wait.
func SharedTakeWindows(windows []Window, cost uint64) ([]Take, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := putWindows(windows)
	ret := abi.Ret()
	raw.SharedTakeWindows(list, length, cost, ret.Pointer())
	if ret.Bool(0) {
		return nil, errors.New(ret.Text(4))
	}
	at, count := ret.List(4)
	return abi.List(at, count, 24, wit.GetTake), nil
}

func putWindows(windows []Window) (abi.Ptr, uint32) {
	list, length := abi.NewList(windows, 32, func(to abi.Ptr, window *Window) {
		to.PutText(0, window.Key)
		to.PutU64(8, window.Limit)
		to.PutU64(16, window.FromUnixMS)
		to.PutU64(24, window.UntilUnixMS)
	})
	return list, uint32(length)
}

// SharedFixedWindow is FixedWindow for all nodes together; it may wait.
func SharedFixedWindow(key string, limit, windowMS, cost uint64) (Take, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.SharedFixedWindow(key, limit, windowMS, cost, ret.Pointer())
	return shared(ret)
}

// SharedSlidingWindow is SlidingWindow for all nodes together; it may wait.
func SharedSlidingWindow(key string, limit, windowMS, cost uint64) (Take, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.SharedSlidingWindow(key, limit, windowMS, cost, ret.Pointer())
	return shared(ret)
}

func shared(ret abi.Ptr) (Take, error) {
	if ret.Bool(0) {
		return Take{}, errors.New(ret.Text(8))
	}
	return wit.GetTake(ret + 8), nil
}
