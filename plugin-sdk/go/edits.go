package plugin

import "weir.dev/plugin/internal/abi"

// Edit is one change of a head.
type Edit struct {
	kind        uint8
	name, value string
}

// Edits are changes of a head, made in their order. Names are in lower case.
type Edits []Edit

// Set replaces every value of a header, or adds it.
func (e *Edits) Set(name, value string) { *e = append(*e, Edit{0, name, value}) }

// Append adds one more value of a header.
func (e *Edits) Append(name, value string) { *e = append(*e, Edit{1, name, value}) }

// Remove removes every value of a header.
func (e *Edits) Remove(name string) { *e = append(*e, Edit{2, name, ""}) }

// RemovePrefix removes every header whose name begins so.
func (e *Edits) RemovePrefix(prefix string) { *e = append(*e, Edit{3, prefix, ""}) }

const (
	editSize   = 20
	onlyNamed  = 2 // Kinds from here on have no value.
	answerSize = 32
)

func putEdit(to abi.Ptr, edit *Edit) {
	to.PutU8(0, edit.kind)
	to.PutText(4, edit.name)
	if edit.kind < onlyNamed {
		to.PutText(12, edit.value)
	}
}

func putEdits(to abi.Ptr, at uint32, edits Edits) { abi.PutList(to, at, edits, editSize, putEdit) }

// Answer is a response that the gateway gives in place of the upstream.
type Answer struct {
	Status  uint16
	Headers []Header
	// Message is a sentence for the caller, written in the form that the request's Accept asks for.
	Message string
	// Body is sent as it is. Not together with Message.
	Body []byte
	// Reason is short and machine-readable, for logs and metrics only.
	Reason string
}

// Respond answers with a sentence for the caller.
func Respond(status uint16, message, reason string) *Answer {
	return &Answer{Status: status, Message: message, Reason: reason}
}

// WithHeader adds a header to the answer.
func (a *Answer) WithHeader(name, value string) *Answer {
	a.Headers = append(a.Headers, Header{Name: name, Value: value})
	return a
}
