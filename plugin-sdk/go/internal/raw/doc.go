// Package raw declares what a component may import, with the types that the canonical ABI gives it.
//
// Lists are an address and a length; what is not a single number is written to ret. The linker leaves
// out what no code reaches, so a component imports just what it uses.
package raw
