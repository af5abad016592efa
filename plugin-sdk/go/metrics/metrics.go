// Package metrics keeps metrics of the plugin's own (capability "metrics"). Make them in configure,
// and keep them.
package metrics

import (
	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Counter is a number that only grows.
type Counter struct{ handle uint32 }

// Histogram counts how often values fell into which range.
type Histogram struct{ handle uint32 }

// NewCounter makes a counter with these label names, which stay fixed.
func NewCounter(name string, labels ...string) Counter {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := texts(labels)
	return Counter{raw.NewCounter(name, list, length)}
}

// Add adds n under these label values, in the order of the names.
func (c Counter) Add(n uint64, labels ...string) {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := texts(labels)
	raw.CounterAdd(c.handle, n, list, length)
}

// NewHistogram makes a histogram with these label names, which stay fixed.
func NewHistogram(name string, labels ...string) Histogram {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := texts(labels)
	return Histogram{raw.NewHistogram(name, list, length)}
}

// Observe notes value under these label values, in the order of the names.
func (h Histogram) Observe(value float64, labels ...string) {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := texts(labels)
	raw.HistogramObserve(h.handle, value, list, length)
}

func texts(labels []string) (abi.Ptr, uint32) {
	list, length := abi.NewList(labels, 8, func(to abi.Ptr, text *string) { to.PutText(0, *text) })
	return list, uint32(length)
}
