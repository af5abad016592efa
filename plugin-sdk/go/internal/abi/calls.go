package abi

import (
	"errors"
	"unsafe"
)

// ret is where imports put what is more than one number. Calls out do not nest, so there is one.
var ret [8]uint64

// Ret gives the place for the answer of one call out.
func Ret() Ptr {
	clear(ret[:])
	return Ptr(uintptr(unsafe.Pointer(&ret)))
}

// Pointer gives the address as imports want it.
func (p Ptr) Pointer() unsafe.Pointer { return address(uint32(p)) }

// Failure reads the head of a result<_, string> whose payload stands 4 bytes on.
func (p Ptr) Failure() error {
	if p.Bool(0) {
		return errors.New(p.Text(4))
	}
	return nil
}
