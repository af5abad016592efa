//go:build wasip1

package raw

import (
	"unsafe"

	"weir.dev/plugin/internal/abi"
)

//go:wasmimport weir:plugin/exchange@0.1.0 get-many
func ExchangeGetMany(list abi.Ptr, length uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/exchange@0.1.0 attribute
func ExchangeAttribute(key string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/exchange@0.1.0 set-attribute
func ExchangeSetAttribute(key, value string)

//go:wasmimport weir:plugin/exchange@0.1.0 groups
func ExchangeGroups(ret unsafe.Pointer)

//go:wasmimport weir:plugin/exchange@0.1.0 budget-left
func ExchangeBudgetLeft() uint64

//go:wasmimport weir:plugin/body@0.1.0 len
func BodyLen() uint64

//go:wasmimport weir:plugin/body@0.1.0 read
func BodyRead(offset uint64, most uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/body@0.1.0 json-pointers
func BodyJSONPointers(list abi.Ptr, length uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/body@0.1.0 sha256
func BodySHA256(ret unsafe.Pointer)

//go:wasmimport weir:plugin/logging@0.1.0 enabled
func LoggingEnabled(level uint32) uint32

//go:wasmimport weir:plugin/logging@0.1.0 log
func LoggingLog(level uint32, message string, list abi.Ptr, length uint32)

//go:wasmimport weir:plugin/metrics@0.1.0 [constructor]counter
func NewCounter(name string, list abi.Ptr, length uint32) uint32

//go:wasmimport weir:plugin/metrics@0.1.0 [method]counter.add
func CounterAdd(self uint32, n uint64, list abi.Ptr, length uint32)

//go:wasmimport weir:plugin/metrics@0.1.0 [constructor]histogram
func NewHistogram(name string, list abi.Ptr, length uint32) uint32

//go:wasmimport weir:plugin/metrics@0.1.0 [method]histogram.observe
func HistogramObserve(self uint32, value float64, list abi.Ptr, length uint32)

//go:wasmimport weir:plugin/secrets@0.1.0 open
func SecretsOpen(name string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/secrets@0.1.0 [method]secret.hmac-sha256
func SecretHMACSHA256(self uint32, data string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/secrets@0.1.0 [method]secret.equals
func SecretEquals(self uint32, candidate string) uint32

//go:wasmimport weir:plugin/secrets@0.1.0 [method]secret.reveal
func SecretReveal(self uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/secrets@0.1.0 [resource-drop]secret
func SecretDrop(self uint32)

//go:wasmimport weir:plugin/credentials@0.1.0 find
func CredentialsFind(kind, key string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/credentials@0.1.0 data
func CredentialsData(kind, key string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/credentials@0.1.0 find-consumer
func CredentialsFindConsumer(name string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/crypto@0.1.0 [static]public-key.from-jwk
func PublicKeyFromJWK(text string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/crypto@0.1.0 [static]public-key.from-pem
func PublicKeyFromPEM(text string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/crypto@0.1.0 [method]public-key.verify
func PublicKeyVerify(self, algorithm uint32, message, signature string) uint32

//go:wasmimport weir:plugin/crypto@0.1.0 [resource-drop]public-key
func PublicKeyDrop(self uint32)

//go:wasmimport weir:plugin/crypto@0.1.0 hmac
func CryptoHMAC(digest uint32, key, message string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/crypto@0.1.0 hash
func CryptoHash(digest uint32, message string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-counters@0.1.0 token-bucket
func TokenBucket(key string, capacity uint64, refill float64, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-counters@0.1.0 fixed-window
func FixedWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-counters@0.1.0 sliding-window
func SlidingWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-counters@0.1.0 take-windows
func TakeWindows(list abi.Ptr, length uint32, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/log-file@0.1.0 append
func LogFileAppend(path, data string, reopen uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-cache@0.1.0 get
func CacheGet(key string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-cache@0.1.0 put
func CachePut(key, value string, ttlMS uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/local-cache@0.1.0 delete
func CacheDelete(key string)

//go:wasmimport weir:plugin/shared-counters@0.1.0 fixed-window
func SharedFixedWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/shared-counters@0.1.0 take-windows
func SharedTakeWindows(list abi.Ptr, length uint32, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/shared-counters@0.1.0 sliding-window
func SharedSlidingWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/shared-kv@0.1.0 get
func KVGet(key string, ret unsafe.Pointer)

//go:wasmimport weir:plugin/shared-kv@0.1.0 put
func KVPut(key, value string, ttlMS uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/shared-kv@0.1.0 compare-and-swap
func KVCompareAndSwap(key string, some uint32, old, value string, ttlMS uint64, ret unsafe.Pointer)

//go:wasmimport weir:plugin/http-client@0.1.0 send
func HTTPSend(method, url string, headers abi.Ptr, count uint32, body string, timeoutMS, most uint32, ret unsafe.Pointer)

//go:wasmimport weir:plugin/http-client@0.1.0 send-all
func HTTPSendAll(list abi.Ptr, length uint32, ret unsafe.Pointer)
