package abi

import "unsafe"

// scratch takes what the WASI adapter is answered.
var scratch [2]uint64

//go:wasmimport wasi_snapshot_preview1 weir_scratch
func setScratch(at unsafe.Pointer)

// hold stops the clock, or lets it go on. The module's cabi_realloc calls it around spill.
//
//go:wasmimport wasi_snapshot_preview1 weir_hold
func hold(held uint32)

func init() {
	setScratch(unsafe.Pointer(&scratch))
	hold(0)
}

// arenaAt tells the builder where the arena is; the linker put it there for good.
//
//go:wasmexport weir_arena
func arenaAt() uint32 { return uint32(uintptr(unsafe.Pointer(&arena))) }

//go:wasmexport weir_spill
func spillFor(size uint32) uint32 { return spill(size) }
