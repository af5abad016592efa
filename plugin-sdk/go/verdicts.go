package plugin

// RoutingVerdict is what becomes of a request that has no route yet: *Route or *Answer.
type RoutingVerdict interface{ routingVerdict() }

// RequestVerdict is what becomes of a request: *Proceed or *Answer.
type RequestVerdict interface{ requestVerdict() }

// RequestBodyVerdict is what becomes of a request whose body was collected: *ProceedBody or *Answer.
type RequestBodyVerdict interface{ requestBodyVerdict() }

// ResponseVerdict is what becomes of a response: *Deliver or *Answer.
type ResponseVerdict interface{ responseVerdict() }

// ResponseBodyVerdict is what becomes of a response whose body was collected: *DeliverBody or *Answer.
type ResponseBodyVerdict interface{ responseBodyVerdict() }

// Body says what happens to the body after a head call.
type Body struct {
	mode uint8
	most uint64
}

var (
	// PassBody lets the body past; it is what a zero Body says.
	PassBody = Body{}
	// StreamBody lets the head go on, and calls the stream phase for each chunk.
	StreamBody = Body{mode: 1}
)

// BufferBody holds the head, collects up to most bytes, and calls the body phase once.
func BufferBody(most uint64) Body { return Body{mode: 2, most: most} }

// Target changes where a request goes; nil leaves things as they are.
type Target struct{ Scheme, Host, Path, Query, Method, Upstream *string }

// Identity says who the caller turned out to be.
type Identity struct {
	// Consumer and Credential are ids.
	Consumer, Credential *string
	Groups               []string
	ClaimsJSON           *string
	// Anonymous: the consumer stands in for a caller that did not authenticate.
	Anonymous bool
}

// Route lets a route be chosen, as if the client had asked so; nil leaves things as they are.
type Route struct {
	// Edits of the request's head.
	Edits
	Method, Host, Path, Query *string
}

// Proceed lets a request go on, with these changes; a zero Proceed has none.
type Proceed struct {
	// Edits of the request's head: p.Set, p.Append, p.Remove.
	Edits
	// ResponseEdits change the head of the response, whoever answers, and spare a response phase.
	ResponseEdits Edits
	Target        *Target
	// Identity may be set by plugins whose Info says Authenticates.
	Identity *Identity
	Body     Body
	// SkipResponse: no response phases of this plugin for this exchange.
	SkipResponse bool
	// Carry is handed to the later phases of this exchange (4 KiB by default).
	Carry []byte
}

// ProceedBody lets a request go on whose body was collected.
type ProceedBody struct {
	// Edits of the request's head, which has not left yet.
	Edits
	// Body takes the place of the one that came, unless it is nil.
	Body []byte
	// Carry replaces the earlier one, unless it is nil.
	Carry []byte
	// Identity may be set by plugins whose Info says Authenticates, by what stands in the body.
	Identity *Identity
}

// Deliver lets a response go on, with these changes.
type Deliver struct {
	// Status replaces the upstream's, unless it is 0.
	Status uint16
	// Edits of the response's head.
	Edits
	Body Body
	// Carry replaces the earlier one, unless it is nil.
	Carry []byte
}

// DeliverBody lets a response go on whose body was collected.
type DeliverBody struct {
	// Status replaces the upstream's, unless it is 0.
	Status uint16
	// Edits of the response's head, which has not left yet.
	Edits
	// Body takes the place of the one that came, unless it is nil.
	Body []byte
}

// Chunk is what becomes of one chunk of a body.
type Chunk struct {
	kind uint8
	text string
}

var (
	// Forward passes the chunk on.
	Forward = Chunk{kind: 0}
	// Drop leaves it out.
	Drop = Chunk{kind: 2}
	// ForwardRest passes it on, and all that follow without asking.
	ForwardRest = Chunk{kind: 3}
)

// Replace sends other bytes in place of the chunk.
func Replace(bytes []byte) Chunk { return Chunk{1, string(bytes)} }

// Abort breaks the body off.
func Abort(reason string) Chunk { return Chunk{4, reason} }

func (*Route) routingVerdict()            {}
func (*Answer) routingVerdict()           {}
func (*Proceed) requestVerdict()          {}
func (*Answer) requestVerdict()           {}
func (*ProceedBody) requestBodyVerdict()  {}
func (*Answer) requestBodyVerdict()       {}
func (*Deliver) responseVerdict()         {}
func (*Answer) responseVerdict()          {}
func (*DeliverBody) responseBodyVerdict() {}
func (*Answer) responseBodyVerdict()      {}
