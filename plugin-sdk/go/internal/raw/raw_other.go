//go:build !wasip1

package raw

import (
	"unsafe"

	"weir.dev/plugin/internal/abi"
)

// absent ends a native test that reaches for the gateway.
func absent(name string) {
	panic("weir:plugin/" + name + " is answered by a gateway only, and this is a native build")
}

func ExchangeGetMany(list abi.Ptr, length uint32, ret unsafe.Pointer) { absent("exchange get-many") }

func ExchangeAttribute(key string, ret unsafe.Pointer) { absent("exchange attribute") }

func ExchangeSetAttribute(key, value string) { absent("exchange set-attribute") }

func ExchangeGroups(ret unsafe.Pointer) { absent("exchange groups") }

func ExchangeBudgetLeft() uint64 { absent("exchange budget-left"); return 0 }

func BodyLen() uint64 { absent("body len"); return 0 }

func BodyRead(offset uint64, most uint32, ret unsafe.Pointer) { absent("body read") }

func BodyJSONPointers(list abi.Ptr, length uint32, ret unsafe.Pointer) { absent("body json-pointers") }

func BodySHA256(ret unsafe.Pointer) { absent("body sha256") }

func LoggingEnabled(level uint32) uint32 { absent("logging enabled"); return 0 }

func LoggingLog(level uint32, message string, list abi.Ptr, length uint32) { absent("logging log") }

func NewCounter(name string, list abi.Ptr, length uint32) uint32 {
	absent("metrics [constructor]counter")
	return 0
}

func CounterAdd(self uint32, n uint64, list abi.Ptr, length uint32) {
	absent("metrics [method]counter.add")
}

func NewHistogram(name string, list abi.Ptr, length uint32) uint32 {
	absent("metrics [constructor]histogram")
	return 0
}

func HistogramObserve(self uint32, value float64, list abi.Ptr, length uint32) {
	absent("metrics [method]histogram.observe")
}

func SecretsOpen(name string, ret unsafe.Pointer) { absent("secrets open") }

func SecretHMACSHA256(self uint32, data string, ret unsafe.Pointer) {
	absent("secrets [method]secret.hmac-sha256")
}

func SecretEquals(self uint32, candidate string) uint32 {
	absent("secrets [method]secret.equals")
	return 0
}

func SecretReveal(self uint32, ret unsafe.Pointer) { absent("secrets [method]secret.reveal") }

func SecretDrop(self uint32) { absent("secrets [resource-drop]secret") }

func CredentialsFind(kind, key string, ret unsafe.Pointer) { absent("credentials find") }

func CredentialsData(kind, key string, ret unsafe.Pointer) { absent("credentials data") }

func CredentialsFindConsumer(name string, ret unsafe.Pointer) { absent("credentials find-consumer") }

func PublicKeyFromJWK(text string, ret unsafe.Pointer) { absent("crypto [static]public-key.from-jwk") }

func PublicKeyFromPEM(text string, ret unsafe.Pointer) { absent("crypto [static]public-key.from-pem") }

func PublicKeyVerify(self, algorithm uint32, message, signature string) uint32 {
	absent("crypto [method]public-key.verify")
	return 0
}

func PublicKeyDrop(self uint32) { absent("crypto [resource-drop]public-key") }

func CryptoHMAC(digest uint32, key, message string, ret unsafe.Pointer) { absent("crypto hmac") }

func CryptoHash(digest uint32, message string, ret unsafe.Pointer) { absent("crypto hash") }

func TokenBucket(key string, capacity uint64, refill float64, cost uint64, ret unsafe.Pointer) {
	absent("local-counters token-bucket")
}

func FixedWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer) {
	absent("local-counters fixed-window")
}

func SlidingWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer) {
	absent("local-counters sliding-window")
}

func TakeWindows(list abi.Ptr, length uint32, cost uint64, ret unsafe.Pointer) {
	absent("local-counters take-windows")
}

func LogFileAppend(path, data string, reopen uint32, ret unsafe.Pointer) { absent("log-file append") }

func CacheGet(key string, ret unsafe.Pointer) { absent("local-cache get") }

func CachePut(key, value string, ttlMS uint64, ret unsafe.Pointer) { absent("local-cache put") }

func CacheDelete(key string) { absent("local-cache delete") }

func SharedFixedWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer) {
	absent("shared-counters fixed-window")
}

func SharedTakeWindows(list abi.Ptr, length uint32, cost uint64, ret unsafe.Pointer) {
	absent("shared-counters take-windows")
}

func SharedSlidingWindow(key string, limit, windowMS, cost uint64, ret unsafe.Pointer) {
	absent("shared-counters sliding-window")
}

func KVGet(key string, ret unsafe.Pointer) { absent("shared-kv get") }

func KVPut(key, value string, ttlMS uint64, ret unsafe.Pointer) { absent("shared-kv put") }

func KVCompareAndSwap(key string, some uint32, old, value string, ttlMS uint64, ret unsafe.Pointer) {
	absent("shared-kv compare-and-swap")
}

func HTTPSend(method, url string, headers abi.Ptr, count uint32, body string, timeoutMS, most uint32, ret unsafe.Pointer) {
	absent("http-client send")
}

func HTTPSendAll(list abi.Ptr, length uint32, ret unsafe.Pointer) { absent("http-client send-all") }
