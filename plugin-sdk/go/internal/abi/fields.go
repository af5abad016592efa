package abi

import "unsafe"

// U8 reads the byte at offset at.
func (p Ptr) U8(at uint32) uint8 { return *(*uint8)(address(uint32(p) + at)) }

// U16 reads a number.
func (p Ptr) U16(at uint32) uint16 { return *(*uint16)(address(uint32(p) + at)) }

// U32 reads a number.
func (p Ptr) U32(at uint32) uint32 { return *(*uint32)(address(uint32(p) + at)) }

// U64 reads a number.
func (p Ptr) U64(at uint32) uint64 { return *(*uint64)(address(uint32(p) + at)) }

// Bool reads a truth.
func (p Ptr) Bool(at uint32) bool { return p.U8(at) != 0 }

// Text copies a string whose address and length stand at offset at.
func (p Ptr) Text(at uint32) string { return Text(p.U32(at), p.U32(at+4)) }

// Bytes copies a list of bytes whose address and length stand at offset at.
func (p Ptr) Bytes(at uint32) []byte { return Bytes(p.U32(at), p.U32(at+4)) }

// List gives address and length of the list at offset at.
func (p Ptr) List(at uint32) (Ptr, int) { return Ptr(p.U32(at)), int(p.U32(at + 4)) }

// Text copies a string.
func Text(at, length uint32) string {
	if length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(address(at)), length))
}

// Bytes copies a list of bytes.
func Bytes(at, length uint32) []byte {
	bytes := make([]byte, length)
	if length > 0 {
		copy(bytes, unsafe.Slice((*byte)(address(at)), length))
	}
	return bytes
}

// PutU8 writes a byte.
func (p Ptr) PutU8(at uint32, value uint8) { *(*uint8)(address(uint32(p) + at)) = value }

// PutU16 writes a number.
func (p Ptr) PutU16(at uint32, value uint16) { *(*uint16)(address(uint32(p) + at)) = value }

// PutU32 writes a number.
func (p Ptr) PutU32(at uint32, value uint32) { *(*uint32)(address(uint32(p) + at)) = value }

// PutU64 writes a number.
func (p Ptr) PutU64(at uint32, value uint64) { *(*uint64)(address(uint32(p) + at)) = value }

// PutBool writes a truth.
func (p Ptr) PutBool(at uint32, value bool) {
	if value {
		p.PutU8(at, 1)
	} else {
		p.PutU8(at, 0)
	}
}

// PutText copies a string, or bytes, and writes address and length.
func (p Ptr) PutText(at uint32, text string) {
	if len(text) == 0 {
		p.putList(at, 1, 0) // No byte is read there.
		return
	}
	to := New(len(text))
	copy(unsafe.Slice((*byte)(address(uint32(to))), len(text)), text)
	p.putList(at, to, len(text))
}

// PutOptionalText writes a discriminant and, 4 bytes on, a string.
func (p Ptr) PutOptionalText(at uint32, text *string) {
	if text != nil {
		p.PutU8(at, 1)
		p.PutText(at+4, *text)
	}
}

// PutOptionalBytes writes a discriminant and, 4 bytes on, a list; nil is none.
func (p Ptr) PutOptionalBytes(at uint32, bytes []byte) {
	if bytes != nil {
		p.PutU8(at, 1)
		p.PutText(at+4, unsafe.String(unsafe.SliceData(bytes), len(bytes)))
	}
}

func (p Ptr) putList(at uint32, to Ptr, length int) {
	p.PutU32(at, uint32(to))
	p.PutU32(at+4, uint32(length))
}

// PutList makes a list of elements of size bytes at offset at, and has each of them written by put.
func PutList[T any](p Ptr, at uint32, items []T, size int, put func(Ptr, *T)) {
	to, length := NewList(items, size, put)
	p.putList(at, to, length)
}

// NewList does the same for a list that is an argument.
func NewList[T any](items []T, size int, put func(Ptr, *T)) (Ptr, int) {
	if len(items) == 0 {
		return 8, 0 // Aligned for every element.
	}
	to := New(size * len(items))
	for i := range items {
		put(to+Ptr(size*i), &items[i])
	}
	return to, len(items)
}

// List copies a list of elements of size bytes.
func List[T any](at Ptr, length int, size int, get func(Ptr) T) []T {
	items := make([]T, length)
	for i := range items {
		items[i] = get(at + Ptr(size*i))
	}
	return items
}

// PutTexts writes a list of strings.
func (p Ptr) PutTexts(at uint32, texts []string) {
	PutList(p, at, texts, 8, func(p Ptr, text *string) { p.PutText(0, *text) })
}

// OptionalText copies an option of a string.
func (p Ptr) OptionalText(at uint32) (string, bool) {
	if !p.Bool(at) {
		return "", false
	}
	return p.Text(at + 4), true
}

// OptionalBytes copies an option of a list of bytes; nil is none.
func (p Ptr) OptionalBytes(at uint32) []byte {
	if !p.Bool(at) {
		return nil
	}
	return p.Bytes(at + 4)
}
