package plugin

import (
	"errors"
	"time"
)

// Info is what a plugin says of itself when it is uploaded.
type Info struct {
	Name        string
	Version     string
	Description string
	// ConfigSchema is the JSON Schema (2020-12) of the configuration; empty: no properties.
	ConfigSchema string
	Capabilities []Capability
	// FreshInstances: a new instance for each call, so that nothing one request leaves in memory can
	// reach another. A Go runtime takes about a millisecond to begin.
	FreshInstances bool
	// Priority: higher ones run first, in every phase.
	Priority int32
	// Authenticates: its verdicts may set Identity.
	Authenticates bool
	// Repeatable are the phases in whose verdicts nothing plays a part that the value remembers of earlier
	// calls. The gateway keeps a verdict whose call asked it for nothing but credentials, groups and digests,
	// and gives it again to the same inputs in place of a call. Today it does so for PhaseRequestHead.
	Repeatable []Phase
}

// Phase is one of the contract's.
type Phase uint8

// The phases, in the contract's order.
const (
	PhaseRequestHead Phase = iota
	PhaseRequestBody
	PhaseRequestStream
	PhaseRequestTrailers
	PhaseResponseHead
	PhaseResponseBody
	PhaseResponseStream
	PhaseResponseTrailers
	PhaseLog
	PhaseBeforeRouting
)

// Capability is an interface of the contract, for instance "http-client", with the reason for asking.
type Capability struct {
	Name, Why string
	// Params is a JSON object; `$(config.field)` stands for a field of the configuration.
	Params string
}

// Setup says which phases a configuration needs, and what each wants to be handed. A phase whose list
// is nil is not called for the assignment: Ask() without inputs is a list, too.
type Setup struct {
	BeforeRouting []Input
	RequestHead   []Input
	ResponseHead  []Input
	Log           []Input
	// The body phases are handed the body alone.
	RequestBody, RequestStream, RequestTrailers    bool
	ResponseBody, ResponseStream, ResponseTrailers bool
	// Batch says how entries for the log phase are gathered; nil: as DefaultBatch.
	Batch *Batch
}

// Ask lists inputs; never nil.
func Ask(inputs ...Input) []Input {
	if inputs == nil {
		return []Input{}
	}
	return inputs
}

// Batch says how entries for the log phase are gathered, and how a batch is repeated that failed with
// Retry. The oldest entries are dropped, and counted, when the queue is full.
type Batch struct {
	MaxEntries uint32
	MaxDelay   time.Duration
	MaxQueued  uint32
	// MaxQueuedBytes is below the gateway's own bound; 0: just that.
	MaxQueuedBytes                        uint64
	MaxRetry, FirstRetryIn, MaxRetryPause time.Duration
}

// DefaultBatch suits a sink on the network.
func DefaultBatch() Batch {
	return Batch{
		MaxEntries: 100, MaxDelay: time.Second, MaxQueued: 10_000,
		MaxRetry: time.Minute, FirstRetryIn: 10 * time.Millisecond, MaxRetryPause: time.Minute,
	}
}

// Problem is something wrong with a configuration that the schema cannot say. It is an error; several
// are joined with errors.Join.
type Problem struct {
	// Pointer is the JSON Pointer of the field.
	Pointer string
	Message string
}

func (p Problem) Error() string { return p.Pointer + ": " + p.Message }

// problems takes an error apart; what is no Problem concerns the configuration as a whole.
func problems(err error) []Problem {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Problem
		for _, one := range many.Unwrap() {
			all = append(all, problems(one)...)
		}
		return all
	}
	var problem Problem
	if errors.As(err, &problem) {
		return []Problem{problem}
	}
	return []Problem{{Message: err.Error()}}
}

type retryable struct{ error }

func (r retryable) Unwrap() error { return r.error }

// Retry marks an error that may pass: the same call may be made again.
func Retry(err error) error { return retryable{err} }
