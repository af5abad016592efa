package plugin

import (
	"unicode/utf8"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/raw"
	"weir.dev/plugin/internal/wit"
)

// Header is a name in lower case and a value, which may be any bytes.
type Header = wit.Header

// Input is something that a phase can ask to be handed. What each of them answers is in wit/README.md.
type Input struct {
	kind uint8
	name string
}

// Inputs without a name, in the order of the contract.
var (
	Method              = Input{kind: 0}
	Scheme              = Input{kind: 1}
	Host                = Input{kind: 2}
	Path                = Input{kind: 3}
	Query               = Input{kind: 4}
	ClientIP            = Input{kind: 5}
	ClientPort          = Input{kind: 6}
	TLSServerName       = Input{kind: 7}
	TLSClientCertSHA256 = Input{kind: 8}
	RouteID             = Input{kind: 9}
	ServiceID           = Input{kind: 10}
	ConsumerID          = Input{kind: 11}
	ConsumerUsername    = Input{kind: 12}
	CredentialID        = Input{kind: 13}
	RequestID           = Input{kind: 14}
	// AllHeaders are those of the message that the phase is about, as is RequestOrResponseHeader.
	AllHeaders        = Input{kind: 15}
	ResponseStatus    = Input{kind: 21}
	UpstreamAddress   = Input{kind: 22}
	UpstreamLatencyUS = Input{kind: 23}
	GatewayLatencyUS  = Input{kind: 24}
	TotalLatencyUS    = Input{kind: 25}
	BytesIn           = Input{kind: 26}
	BytesOut          = Input{kind: 27}
	StartedAtUnixMS   = Input{kind: 28}
	// LogRecord is the whole record of the exchange as JSON.
	LogRecord = Input{kind: 30}
)

// MessageHeader asks for a header of the message that the phase is about: the request's in request
// phases, the response's in response phases and in the log phase.
func MessageHeader(name string) Input { return Input{16, name} }

// RequestHeader asks for a header of the request, in every phase.
func RequestHeader(name string) Input { return Input{17, name} }

// QueryParam asks for a query parameter, decoded.
func QueryParam(name string) Input { return Input{18, name} }

// Cookie asks for a cookie of the request.
func Cookie(name string) Input { return Input{19, name} }

// PathParam asks for a named capture of the route's path.
func PathParam(name string) Input { return Input{20, name} }

// AttributeInput asks for an attribute that an earlier plugin or phase has set.
func AttributeInput(key string) Input { return Input{29, key} }

const inputSize = 12

func putInput(to abi.Ptr, input *Input) {
	to.PutU8(0, input.kind)
	if input.name != "" {
		to.PutText(4, input.name)
	}
}

// Value is what an input is for one exchange.
type Value struct {
	kind   valueKind
	text   string
	number uint64
	many   []Header
}

type valueKind uint8

const (
	absent valueKind = iota
	isText
	isBytes
	isNumber
	isHeaders
)

// Absent says that there is nothing: no such header, no consumer yet.
func (v Value) Absent() bool { return v.kind == absent }

// Text gives the value if it came once and is UTF-8.
func (v Value) Text() (string, bool) {
	single := v.kind == isText || v.kind == isBytes && utf8.ValidString(v.text)
	return v.text, single
}

// TextOr is Text, or otherwise if there is none.
func (v Value) TextOr(otherwise string) string {
	if text, ok := v.Text(); ok {
		return text
	}
	return otherwise
}

// Bytes gives the value if it came once, whatever bytes it has.
func (v Value) Bytes() ([]byte, bool) {
	return []byte(v.text), v.kind == isText || v.kind == isBytes
}

// Number gives the value if it is a number.
func (v Value) Number() (uint64, bool) { return v.number, v.kind == isNumber }

// Headers gives all headers, or all values of one that came several times, in their order.
func (v Value) Headers() []Header { return v.many }

// Inputs are the values that a phase asked for, in the order of its list.
type Inputs []Value

const valueSize = 16

func getValue(from abi.Ptr) Value {
	value := Value{kind: valueKind(from.U8(0))}
	switch value.kind {
	case isText, isBytes:
		value.text = from.Text(8)
	case isNumber:
		value.number = from.U64(8)
	case isHeaders:
		at, count := from.List(8)
		value.many = abi.List(at, count, wit.HeaderSize, wit.GetHeader)
	case absent:
	}
	return value
}

func getInputs(at abi.Ptr, count int) Inputs { return abi.List(at, count, valueSize, getValue) }

// Look asks for inputs of the running exchange that no phase was handed, in one call.
func Look(what ...Input) Inputs {
	mark := abi.Mark()
	defer abi.Release(mark)
	list, length := abi.NewList(what, inputSize, putInput)
	ret := abi.Ret()
	raw.ExchangeGetMany(list, uint32(length), ret.Pointer())
	return getInputs(ret.List(0))
}

// Attribute gives a value that an earlier plugin or phase left.
func Attribute(key string) (string, bool) {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.ExchangeAttribute(key, ret.Pointer())
	return ret.OptionalText(0)
}

// SetAttribute leaves a value for later phases, later plugins and the access log.
func SetAttribute(key, value string) { raw.ExchangeSetAttribute(key, value) }

// Groups gives the groups of the caller that an earlier plugin found: those that it named, or else
// those of the consumer's acls.
func Groups() []string {
	mark := abi.Mark()
	defer abi.Release(mark)
	ret := abi.Ret()
	raw.ExchangeGroups(ret.Pointer())
	at, count := ret.List(0)
	return abi.List(at, count, 8, func(from abi.Ptr) string { return from.Text(0) })
}

// BudgetLeft gives the microseconds of guest time that are left in this call.
func BudgetLeft() uint64 { return raw.ExchangeBudgetLeft() }
