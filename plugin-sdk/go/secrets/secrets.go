// Package secrets works with secrets whose bytes stay with the gateway (capability "secrets").
package secrets

import (
	"errors"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Secret is a secret that was opened. Close it, or keep it for the life of the instance.
type Secret struct{ handle uint32 }

// Open opens a secret that the operator granted.
func Open(name string) (*Secret, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.SecretsOpen(name, ret.Pointer())
	if ret.Bool(0) {
		return nil, errors.New(ret.Text(4))
	}
	return &Secret{ret.U32(4)}, nil
}

// HMACSHA256 signs data with the secret.
func (s *Secret) HMACSHA256(data []byte) []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.SecretHMACSHA256(s.handle, string(data), ret.Pointer())
	return ret.Bytes(0)
}

// Equals compares in constant time.
func (s *Secret) Equals(candidate []byte) bool {
	return raw.SecretEquals(s.handle, string(candidate)) != 0
}

// Reveal gives the bytes; it needs a grant of its own.
func (s *Secret) Reveal() ([]byte, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.SecretReveal(s.handle, ret.Pointer())
	if ret.Bool(0) {
		return nil, errors.New("the secret may not be revealed")
	}
	return ret.Bytes(4), nil
}

// Close gives the handle back.
func (s *Secret) Close() { raw.SecretDrop(s.handle) }
