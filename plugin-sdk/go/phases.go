package plugin

// The phases that a plugin can take part in. The type that configure gives implements those that it
// needs; `weir plugin build` sees which they are, and the component exports no others. An error goes
// through the failure policy of the assignment; Retry marks one that may pass.

// RequestHead is called when the head of a request has arrived.
type RequestHead interface {
	OnRequestHead(in Inputs) (RequestVerdict, error)
}

// RequestBody is called when the body of a request was collected, after a head verdict with BufferBody.
type RequestBody interface {
	OnRequestBody(carry []byte) (RequestBodyVerdict, error)
}

// RequestStream is called for each chunk of a request's body, after a head verdict with StreamBody.
type RequestStream interface {
	OnRequestChunk(chunk []byte, last bool) Chunk
}

// RequestTrailers is called when a request ends with trailers.
type RequestTrailers interface {
	OnRequestTrailers(trailers []Header) Edits
}

// ResponseHead is called when there is a head to answer with, from the upstream or the gateway.
type ResponseHead interface {
	OnResponseHead(in Inputs, carry []byte) (ResponseVerdict, error)
}

// ResponseBody is called when the body of a response was collected.
type ResponseBody interface {
	OnResponseBody(carry []byte) (ResponseBodyVerdict, error)
}

// ResponseStream is called for each chunk of a response's body.
type ResponseStream interface {
	OnResponseChunk(chunk []byte, last bool) Chunk
}

// ResponseTrailers is called when a response ends with trailers.
type ResponseTrailers interface {
	OnResponseTrailers(trailers []Header) Edits
}

// Log is called after exchanges have ended, with several at once. It never delays a client.
type Log interface {
	OnLog(entries []LogEntry) error
}

// LogEntry is one exchange, as the log phase sees it.
type LogEntry struct {
	Inputs Inputs
	// Carry is what this plugin's earlier phases left.
	Carry []byte
}

// Migration turns a configuration written for an older version into one for this version.
// It comes before configure, so its receiver is the zero value.
type Migration interface {
	Migrate(fromVersion, configJSON string) (string, error)
}
