// Package wit holds the values that several interfaces of the contract share, and moves them.
package wit

import "weir.dev/plugin/internal/abi"

// HeaderSize is what one header takes in a list.
const HeaderSize = 16

// Header is a name in lower case and a value, which may be any bytes.
type Header struct{ Name, Value string }

// PutHeader writes a header.
func PutHeader(to abi.Ptr, header *Header) {
	to.PutText(0, header.Name)
	to.PutText(8, header.Value)
}

// GetHeader copies a header.
func GetHeader(from abi.Ptr) Header { return Header{Name: from.Text(0), Value: from.Text(8)} }

// GetTake copies what a counter said.
func GetTake(from abi.Ptr) Take {
	return Take{Allowed: from.Bool(0), Remaining: from.U64(8), ResetMS: from.U64(16)}
}

// Take is what a counter said.
type Take struct {
	// Allowed says whether the cost was counted; what would go over the limit is not.
	Allowed bool
	// Remaining is what is left of the limit.
	Remaining uint64
	// ResetMS is after how many milliseconds there is more.
	ResetMS uint64
}
