package abi

import "unsafe"

// arenaBytes holds what ordinary calls pass; the rest falls back to the heap.
const arenaBytes = 64 << 10

// Ptr is an address in the memory that the component and the gateway share.
type Ptr uint32

// block is the memory that values cross in. The builder knows the layout of the first two fields.
type block struct {
	next  uint32
	end   uint32
	bytes [arenaBytes / 8]uint64
}

var (
	arena block
	// spilled keeps what did not fit alive until the next call has read its arguments.
	spilled [][]uint64
)

func init() { Rewind() }

// spill is where cabi_realloc goes when the arena is full. The clock stands still while it runs.
func spill(size uint32) uint32 {
	words := make([]uint64, (size+7)/8)
	spilled = append(spilled, words)
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(words))))
}

// Arguments marks that the arguments of a call were read: their place is free for what it answers.
func Arguments() {
	spilled = nil
	Rewind()
}

// Rewind begins the arena anew. What lies in it stays readable until something is put there.
func Rewind() {
	arena.next = uint32(uintptr(unsafe.Pointer(&arena.bytes)))
	arena.end = arena.next + arenaBytes
}

// Mark is how far the arena is filled.
func Mark() uint32 { return arena.next }

// Release frees what came after mark.
func Release(mark uint32) { arena.next = mark }

// New gives zeroed memory, aligned to 8.
func New(size int) Ptr {
	at := (arena.next + 7) &^ 7
	if uint64(at)+uint64(size) > uint64(arena.end) {
		return Ptr(spill(uint32(size)))
	}
	arena.next = at + uint32(size)
	clear(unsafe.Slice((*byte)(address(at)), size))
	return Ptr(at)
}

// address turns a number that the canonical ABI passes into a pointer.
func address(at uint32) unsafe.Pointer {
	base := unsafe.Pointer(&arena)
	return unsafe.Add(base, int(at)-int(uintptr(base)))
}
