package plugin

import (
	"errors"
	"fmt"

	"weir.dev/plugin/internal/abi"
	"weir.dev/plugin/logging"
)

// What the gateway calls. Each function copies its arguments out of the arena, frees it, has the
// plugin do its work, and writes the answer to the arena, where it stands until the next call.

//go:wasmexport weir_phases
func exportedPhases() uint32 { return registered.phases }

//go:wasmexport weir:plugin/meta@0.1.0#describe
func describe() uint32 {
	return answer(52, func(to abi.Ptr) { putInfo(to, &registered.info) })
}

//go:wasmexport weir:plugin/lifecycle@0.1.0#configure
func configure(at, length uint32) uint32 {
	config := abi.Text(at, length)
	abi.Arguments()
	return answer(80, func(to abi.Ptr) {
		setup, err := registered.configure(config)
		if err == nil && len(setup.phases()) == 0 {
			err = errors.New("the plugin's Setup lists no phase")
		}
		if err != nil {
			to.PutU8(0, 1)
			abi.PutList(to, 8, problems(err), 16, putProblem)
			return
		}
		putSetup(to+8, &setup)
	})
}

//go:wasmexport weir:plugin/config-migration@0.1.0#migrate
func migrate(fromAt, fromLength, at, length uint32) uint32 {
	from, config := abi.Text(fromAt, fromLength), abi.Text(at, length)
	abi.Arguments()
	// The one function that comes before configure: it speaks of no configuration yet.
	return answer(12, func(to abi.Ptr) {
		migrated, err := registered.migrate(from, config)
		if err != nil {
			to.PutU8(0, 1)
			migrated = err.Error()
		}
		to.PutText(4, migrated)
	})
}

//go:wasmexport weir:plugin/repeatable@0.1.0#repeatable-phases
func repeatablePhases() uint32 {
	return answer(8, func(to abi.Ptr) {
		abi.PutList(to, 0, registered.info.Repeatable, 1, func(to abi.Ptr, phase *Phase) { to.PutU8(0, uint8(*phase)) })
	})
}

//go:wasmexport weir:plugin/before-routing@0.1.0#on-before-routing
func onBeforeRouting(at, count uint32) uint32 {
	inputs := getInputs(abi.Ptr(at), int(count))
	abi.Arguments()
	return answer(68, func(to abi.Ptr) {
		verdict, err := phase[BeforeRouting]().OnBeforeRouting(inputs)
		putVerdict(to, 4, verdict, err, putRoute)
	})
}

//go:wasmexport weir:plugin/request-head@0.1.0#on-request-head
func onRequestHead(at, count uint32) uint32 {
	inputs := getInputs(abi.Ptr(at), int(count))
	abi.Arguments()
	return answer(192, func(to abi.Ptr) {
		verdict, err := phase[RequestHead]().OnRequestHead(inputs)
		putVerdict(to, 8, verdict, err, putProceed)
	})
}

//go:wasmexport weir:plugin/request-body@0.1.0#on-request-body
func onRequestBody(some, at, length uint32) uint32 {
	carry := carried(some, at, length)
	return answer(92, func(to abi.Ptr) {
		verdict, err := phase[RequestBody]().OnRequestBody(carry)
		putVerdict(to, 4, verdict, err, putProceedBody)
	})
}

//go:wasmexport weir:plugin/response-head@0.1.0#on-response-head
func onResponseHead(at, count, some, carryAt, carryLength uint32) uint32 {
	inputs := getInputs(abi.Ptr(at), int(count))
	carry := carried(some, carryAt, carryLength)
	return answer(64, func(to abi.Ptr) {
		verdict, err := phase[ResponseHead]().OnResponseHead(inputs, carry)
		putVerdict(to, 8, verdict, err, putDeliver)
	})
}

//go:wasmexport weir:plugin/response-body@0.1.0#on-response-body
func onResponseBody(some, at, length uint32) uint32 {
	carry := carried(some, at, length)
	return answer(40, func(to abi.Ptr) {
		verdict, err := phase[ResponseBody]().OnResponseBody(carry)
		putVerdict(to, 4, verdict, err, putDeliverBody)
	})
}

//go:wasmexport weir:plugin/request-stream@0.1.0#on-request-chunk
func onRequestChunk(at, length, last uint32) uint32 {
	chunk := taken(at, length)
	return answer(12, func(to abi.Ptr) {
		putChunk(to, phase[RequestStream]().OnRequestChunk(chunk, last != 0))
	})
}

//go:wasmexport weir:plugin/response-stream@0.1.0#on-response-chunk
func onResponseChunk(at, length, last uint32) uint32 {
	chunk := taken(at, length)
	return answer(12, func(to abi.Ptr) {
		putChunk(to, phase[ResponseStream]().OnResponseChunk(chunk, last != 0))
	})
}

//go:wasmexport weir:plugin/request-trailers@0.1.0#on-request-trailers
func onRequestTrailers(at, count uint32) uint32 {
	trailers := headers(at, count)
	return answer(8, func(to abi.Ptr) {
		putEdits(to, 0, phase[RequestTrailers]().OnRequestTrailers(trailers))
	})
}

//go:wasmexport weir:plugin/response-trailers@0.1.0#on-response-trailers
func onResponseTrailers(at, count uint32) uint32 {
	trailers := headers(at, count)
	return answer(8, func(to abi.Ptr) {
		putEdits(to, 0, phase[ResponseTrailers]().OnResponseTrailers(trailers))
	})
}

//go:wasmexport weir:plugin/log-phase@0.1.0#on-log
func onLog(at, count uint32) uint32 {
	entries := abi.List(abi.Ptr(at), int(count), 20, func(from abi.Ptr) LogEntry {
		inputs, count := from.List(0)
		return LogEntry{Inputs: getInputs(inputs, count), Carry: from.OptionalBytes(8)}
	})
	abi.Arguments()
	return answer(16, func(to abi.Ptr) {
		if err := phase[Log]().OnLog(entries); err != nil {
			to.PutU8(0, 1)
			putFailure(to+4, err)
		}
	})
}

// phase is the configured plugin, for a phase that the builder only exports if it takes part in it.
func phase[Phase any]() Phase { return registered.value.(Phase) }

// answer makes room for a record, has it written, and leaves it to be read. A panic ends the instance;
// its words go into the gateway's log first.
func answer(size int, write func(abi.Ptr)) uint32 {
	defer func() {
		if reason := recover(); reason != nil {
			logging.Error(fmt.Sprint("panic: ", reason))
			panic(reason)
		}
	}()
	to := abi.New(size)
	write(to)
	abi.Rewind()
	return uint32(to)
}
