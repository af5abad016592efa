// Package body reads the body that the gateway holds during a body phase. Bytes cross only when they
// are asked for.
package body

import (
	"errors"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Len gives the length in bytes.
func Len() uint64 { return raw.BodyLen() }

// Read gives up to most bytes from offset on.
func Read(offset uint64, most uint32) []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.BodyRead(offset, most, ret.Pointer())
	return ret.Bytes(0)
}

// All gives the whole body.
func All() []byte {
	all := make([]byte, 0, Len())
	for {
		more := Read(uint64(len(all)), 32<<10)
		if len(more) == 0 {
			return all
		}
		all = append(all, more...)
	}
}

// JSONPointers looks several values up (RFC 6901) in one pass on the gateway's side. What is there is
// given as JSON, nil stands for what is not.
func JSONPointers(pointers ...string) ([]*string, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	put := func(to abi.Ptr, pointer *string) { to.PutText(0, *pointer) }
	list, length := abi.NewList(pointers, 8, put)
	ret := abi.Ret()
	raw.BodyJSONPointers(list, uint32(length), ret.Pointer())
	if ret.Bool(0) {
		return nil, errors.New(ret.Text(4))
	}
	at, count := ret.List(4)
	return abi.List(at, count, 12, func(from abi.Ptr) *string {
		if text, ok := from.OptionalText(0); ok {
			return &text
		}
		return nil
	}), nil
}

// SHA256 gives the digest of the body.
func SHA256() []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.BodySHA256(ret.Pointer())
	return ret.Bytes(0)
}
