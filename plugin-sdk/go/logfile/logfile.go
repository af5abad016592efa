// Package logfile appends to files that the operator granted (capability "log-file").
package logfile

import (
	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Append appends data; the write happens after the call. With reopen the file is opened anew for it,
// so that a rotated file is followed at once.
func Append(path string, data []byte, reopen bool) error {
	mark := abi.Mark()
	defer abi.Release(mark)
	var anew uint32
	if reopen {
		anew = 1
	}
	ret := abi.Ret()
	raw.LogFileAppend(path, string(data), anew, ret.Pointer())
	return ret.Failure()
}
