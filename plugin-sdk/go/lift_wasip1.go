package plugin

import (
	"errors"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/wit"
)

// carried copies what an earlier phase left, the last argument of its call.
func carried(some, at, length uint32) []byte {
	var carry []byte
	if some != 0 {
		carry = abi.Bytes(at, length)
	}
	abi.Arguments()
	return carry
}

func taken(at, length uint32) []byte {
	chunk := abi.Bytes(at, length)
	abi.Arguments()
	return chunk
}

func headers(at, count uint32) []Header {
	trailers := abi.List(abi.Ptr(at), int(count), wit.HeaderSize, wit.GetHeader)
	abi.Arguments()
	return trailers
}

// putVerdict writes result<verdict, failure>, whose two discriminants each take align bytes.
func putVerdict[P any](to abi.Ptr, align abi.Ptr, verdict any, err error, put func(abi.Ptr, *P)) {
	if err != nil {
		to.PutU8(0, 1)
		putFailure(to+align, err)
		return
	}
	switch verdict := verdict.(type) {
	case *Answer:
		to.PutU8(uint32(align), 1)
		putAnswer(to+2*align, verdict)
	case *P:
		put(to+2*align, verdict)
	default:
		to.PutU8(0, 1)
		putFailure(to+align, errors.New("the plugin gave neither a verdict nor an error"))
	}
}
