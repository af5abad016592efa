package plugin

import (
	"errors"
	"time"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/internal/wit"
)

// How records of the contract lie in memory: offsets follow from the canonical ABI's rule that each
// field is aligned to its own size, and a variant's payload to its largest case.

func putInfo(to abi.Ptr, info *Info) {
	to.PutText(0, info.Name)
	to.PutText(8, info.Version)
	to.PutText(16, info.Description)
	schema := info.ConfigSchema
	if schema == "" {
		schema = `{"type":"object","additionalProperties":false}`
	}
	to.PutText(24, schema)
	abi.PutList(to, 32, info.Capabilities, 24, func(to abi.Ptr, capability *Capability) {
		to.PutText(0, capability.Name)
		to.PutText(8, capability.Why)
		to.PutText(16, capability.Params)
	})
	to.PutBool(40, !info.FreshInstances)
	to.PutU32(44, uint32(info.Priority))
	to.PutBool(48, info.Authenticates)
}

// phaseSetup is one phase of a Setup; its number is its place in the contract.
type phaseSetup struct {
	phase  uint8
	inputs []Input
}

func (s *Setup) phases() []phaseSetup {
	wanted := func(yes bool) []Input {
		if yes {
			return []Input{}
		}
		return nil
	}
	var phases []phaseSetup
	for phase, inputs := range [][]Input{
		s.RequestHead, wanted(s.RequestBody), wanted(s.RequestStream), wanted(s.RequestTrailers),
		s.ResponseHead, wanted(s.ResponseBody), wanted(s.ResponseStream), wanted(s.ResponseTrailers),
		s.Log, s.BeforeRouting,
	} {
		if inputs != nil {
			phases = append(phases, phaseSetup{uint8(phase), inputs})
		}
	}
	return phases
}

func putSetup(to abi.Ptr, setup *Setup) {
	abi.PutList(to, 0, setup.phases(), 12, func(to abi.Ptr, phase *phaseSetup) {
		to.PutU8(0, phase.phase)
		abi.PutList(to, 4, phase.inputs, inputSize, putInput)
	})
	if setup.Log == nil {
		return
	}
	batch := DefaultBatch()
	if setup.Batch != nil {
		batch = *setup.Batch
	}
	to.PutU8(8, 1)
	putBatch(to+16, &batch)
}

func putBatch(to abi.Ptr, batch *Batch) {
	to.PutU32(0, batch.MaxEntries)
	to.PutU32(4, uint32(batch.MaxDelay/time.Millisecond))
	to.PutU32(8, batch.MaxQueued)
	if batch.MaxQueuedBytes > 0 {
		to.PutU8(16, 1)
		to.PutU64(24, batch.MaxQueuedBytes)
	}
	to.PutU64(32, uint64(batch.MaxRetry/time.Millisecond))
	to.PutU64(40, uint64(batch.FirstRetryIn/time.Millisecond))
	to.PutU64(48, uint64(batch.MaxRetryPause/time.Millisecond))
}

func putProblem(to abi.Ptr, problem *Problem) {
	to.PutText(0, problem.Pointer)
	to.PutText(8, problem.Message)
}

func putFailure(to abi.Ptr, err error) {
	to.PutText(0, err.Error())
	to.PutBool(8, errors.As(err, new(retryable)))
}

func putAnswer(to abi.Ptr, answer *Answer) {
	to.PutU16(0, answer.Status)
	abi.PutList(to, 4, answer.Headers, wit.HeaderSize, wit.PutHeader)
	switch {
	case answer.Body != nil:
		to.PutU8(12, 1)
		to.PutText(16, string(answer.Body))
	case answer.Message != "":
		to.PutU8(12, 2)
		to.PutText(16, answer.Message)
	}
	to.PutText(24, answer.Reason)
}

func putBody(to abi.Ptr, body Body) {
	to.PutU8(0, body.mode)
	to.PutU64(8, body.most)
}

func putTarget(to abi.Ptr, target *Target) {
	for i, change := range []*string{
		target.Scheme, target.Host, target.Path, target.Query, target.Method, target.Upstream,
	} {
		to.PutOptionalText(uint32(12*i), change)
	}
}

func putIdentity(to abi.Ptr, identity *Identity) {
	to.PutOptionalText(0, identity.Consumer)
	to.PutOptionalText(12, identity.Credential)
	to.PutTexts(24, identity.Groups)
	to.PutOptionalText(32, identity.ClaimsJSON)
	to.PutBool(44, identity.Anonymous)
}

func putRoute(to abi.Ptr, route *Route) {
	putEdits(to, 0, route.Edits)
	to.PutU8(8, 1)
	for i, change := range []*string{route.Method, route.Host, route.Path, route.Query} {
		to.PutOptionalText(uint32(12+12*i), change)
	}
}

func putProceed(to abi.Ptr, proceed *Proceed) {
	putEdits(to, 0, proceed.Edits)
	if proceed.Target != nil {
		to.PutU8(8, 1)
		putTarget(to+12, proceed.Target)
	}
	if proceed.Identity != nil {
		to.PutU8(84, 1)
		putIdentity(to+88, proceed.Identity)
	}
	putBody(to+136, proceed.Body)
	to.PutBool(152, !proceed.SkipResponse)
	putEdits(to, 156, proceed.ResponseEdits)
	to.PutOptionalBytes(164, proceed.Carry)
}

func putProceedBody(to abi.Ptr, proceed *ProceedBody) {
	putEdits(to, 0, proceed.Edits)
	to.PutOptionalBytes(8, proceed.Body)
	to.PutOptionalBytes(20, proceed.Carry)
	if proceed.Identity != nil {
		to.PutU8(32, 1)
		putIdentity(to+36, proceed.Identity)
	}
}

func putStatus(to abi.Ptr, status uint16) {
	if status != 0 {
		to.PutU8(0, 1)
		to.PutU16(2, status)
	}
}

func putDeliver(to abi.Ptr, deliver *Deliver) {
	putStatus(to, deliver.Status)
	putEdits(to, 4, deliver.Edits)
	putBody(to+16, deliver.Body)
	to.PutOptionalBytes(32, deliver.Carry)
}

func putDeliverBody(to abi.Ptr, deliver *DeliverBody) {
	putStatus(to, deliver.Status)
	putEdits(to, 4, deliver.Edits)
	to.PutOptionalBytes(12, deliver.Body)
}

func putChunk(to abi.Ptr, chunk Chunk) {
	to.PutU8(0, chunk.kind)
	if chunk.kind == Replace(nil).kind || chunk.kind == Abort("").kind {
		to.PutText(4, chunk.text)
	}
}
