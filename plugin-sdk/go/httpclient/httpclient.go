// Package httpclient sends HTTP requests (capability "http-client"). The plugin waits, the gateway
// does not.
package httpclient

import (
	"time"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
	"weir.dev/plugin/internal/wit"
)

// Header is a name in lower case and a value.
type Header = wit.Header

// Request is one request. Redirects are not followed.
type Request struct {
	Method, URL      string
	Headers          []Header
	Body             []byte
	Timeout          time.Duration
	MaxResponseBytes uint32
}

// Response is what came back.
type Response struct {
	Status  uint16
	Headers []Header
	Body    []byte
}

// Error says why nothing came back.
type Error uint8

// In the order of the contract.
const (
	Denied Error = iota
	DNS
	Connect
	TLS
	Timeout
	TooLarge
	Protocol
	Budget
)

func (e Error) Error() string {
	names := [...]string{
		"denied", "no address", "no connection", "no secure connection", "no answer in time",
		"the answer is too large", "the answer is not HTTP", "the budget of the call is spent",
	}
	if int(e) < len(names) {
		return names[e]
	}
	return "unknown error"
}

// Result is what one of several requests came to: Err is nil, or an Error.
type Result struct {
	Response *Response
	Err      error
}

// Send sends one request.
func Send(request Request) (*Response, error) {
	mark := abi.Mark()
	defer abi.Release(mark)
	headers, count := abi.NewList(request.Headers, wit.HeaderSize, wit.PutHeader)
	ret := abi.Ret()
	raw.HTTPSend(request.Method, request.URL, headers, uint32(count), string(request.Body),
		uint32(request.Timeout/time.Millisecond), request.MaxResponseBytes, ret.Pointer())
	result := getResult(ret)
	return result.Response, result.Err
}

// SendAll sends several at once; results are in their order.
func SendAll(requests []Request) []Result {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := abi.NewList(requests, 40, func(to abi.Ptr, request *Request) {
		to.PutText(0, request.Method)
		to.PutText(8, request.URL)
		abi.PutList(to, 16, request.Headers, wit.HeaderSize, wit.PutHeader)
		to.PutText(24, string(request.Body))
		to.PutU32(32, uint32(request.Timeout/time.Millisecond))
		to.PutU32(36, request.MaxResponseBytes)
	})
	ret := abi.Ret()
	raw.HTTPSendAll(list, uint32(length), ret.Pointer())
	at, count := ret.List(0)
	return abi.List(at, count, 24, getResult)
}

func getResult(from abi.Ptr) Result {
	if from.Bool(0) {
		return Result{Err: Error(from.U8(4))}
	}
	headers, count := from.List(8)
	return Result{Response: &Response{
		Status:  from.U16(4),
		Headers: abi.List(headers, count, wit.HeaderSize, wit.GetHeader),
		Body:    from.Bytes(16),
	}}
}
