// Package crypto does public-key work and digests at native speed (capability "crypto").
package crypto

import (
	"errors"
	"unsafe"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
)

// Algorithm is how a signature was made.
type Algorithm uint32

// In the order of the contract.
const (
	RS256 Algorithm = iota
	RS384
	RS512
	PS256
	PS384
	PS512
	ES256
	ES384
	ES512
	EdDSA
)

// Digest is a hash function.
type Digest uint32

// In the order of the contract.
const (
	MD5 Digest = iota
	SHA1
	SHA256
	SHA384
	SHA512
)

// PublicKey verifies signatures. Close it, or keep it for the life of the instance.
type PublicKey struct{ handle uint32 }

// FromJWK reads a key as JSON.
func FromJWK(json string) (*PublicKey, error) { return key(json, raw.PublicKeyFromJWK) }

// FromPEM reads a key as PEM.
func FromPEM(pem string) (*PublicKey, error) { return key(pem, raw.PublicKeyFromPEM) }

// Verify checks a signature.
func (k *PublicKey) Verify(algorithm Algorithm, message, signature []byte) bool {
	return raw.PublicKeyVerify(k.handle, uint32(algorithm), string(message), string(signature)) != 0
}

// Close gives the handle back.
func (k *PublicKey) Close() { raw.PublicKeyDrop(k.handle) }

// HMAC signs message with key.
func HMAC(digest Digest, key, message []byte) []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CryptoHMAC(uint32(digest), string(key), string(message), ret.Pointer())
	return ret.Bytes(0)
}

// Hash gives the digest of message.
func Hash(digest Digest, message []byte) []byte {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.CryptoHash(uint32(digest), string(message), ret.Pointer())
	return ret.Bytes(0)
}

func key(text string, read func(string, unsafe.Pointer)) (*PublicKey, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	read(text, ret.Pointer())
	if ret.Bool(0) {
		return nil, errors.New(ret.Text(4))
	}
	return &PublicKey{ret.U32(4)}, nil
}
