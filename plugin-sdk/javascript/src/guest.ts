// Between the contract and a plugin. The builder writes a module that calls `bind` and exports what
// the plugin's world wants; plugins do not import this.

import type { Verdict as RoutingVerdict } from "weir:plugin/before-routing@0.1.0";
import type { PhaseSetup, Setup as WireSetup } from "weir:plugin/lifecycle@0.1.0";
import type { Entry as WireEntry } from "weir:plugin/log-phase@0.1.0";
import type { PluginInfo } from "weir:plugin/meta@0.1.0";
import type { Verdict as RequestBodyVerdict } from "weir:plugin/request-body@0.1.0";
import type { Verdict as RequestVerdict } from "weir:plugin/request-head@0.1.0";
import type { Verdict as ResponseBodyVerdict } from "weir:plugin/response-body@0.1.0";
import type { Verdict as ResponseVerdict } from "weir:plugin/response-head@0.1.0";
import type { Header, HeaderOp, LocalResponse, Value } from "weir:plugin/types@0.1.0";
import type { Chunk } from "./bodies";
import type { Input } from "./inputs";
import { ConfigError, type Phase, type Plugin, type Setup } from "./setup";
import type { Answer } from "./verdicts";

type Carry = Uint8Array | null | undefined;

function read(inputs: readonly Input<unknown>[], values: Value[]): unknown[] {
  const out = new Array<unknown>(inputs.length);
  for (let i = 0; i < inputs.length; i += 1) out[i] = (inputs[i] as Input<unknown>).read(values[i] as Value);
  return out;
}

/** Calls `on` with the values of `inputs`; three or fewer without a list in between. */
function call<R>(on: (...values: unknown[]) => R, inputs: readonly Input<unknown>[], values: Value[]): R {
  const first = inputs[0];
  const second = inputs[1];
  const third = inputs[2];
  if (!first) return on();
  if (inputs.length > 3) return on(...read(inputs, values));
  const one = first.read(values[0] as Value);
  if (!second) return on(one);
  const two = second.read(values[1] as Value);
  return third ? on(one, two, third.read(values[2] as Value)) : on(one, two);
}

function phases(setup: Setup): PhaseSetup[] {
  const all: [PhaseSetup["phase"], Phase<unknown> | Function | undefined][] = [
    ["before-routing", setup.beforeRouting],
    ["request-head", setup.requestHead],
    ["request-body", setup.requestBody],
    ["request-stream", setup.requestStream],
    ["request-trailers", setup.requestTrailers],
    ["response-head", setup.responseHead],
    ["response-body", setup.responseBody],
    ["response-stream", setup.responseStream],
    ["response-trailers", setup.responseTrailers],
    ["log", setup.log],
  ];
  // Phases of bodies are handed the body alone.
  const inputs = (wanted: Phase<unknown> | Function) =>
    "inputs" in wanted ? wanted.inputs.map((input) => input.wire) : [];
  return all.flatMap(([phase, wanted]) => (wanted ? [{ phase, inputs: inputs(wanted) }] : []));
}

/** The phase, which the gateway calls only if it is in the setup. */
function wanted<P>(phase: P | undefined): P {
  if (!phase) throw new Error("the gateway called a phase that this configuration does not need");
  return phase;
}

type Said<P> = Answer | { readonly tag: "proceed"; readonly val: P };

/** In a request's phases an answer is a response. */
function respond<P>(said: Said<P>): { tag: "proceed"; val: P } | { tag: "respond"; val: LocalResponse } {
  return said.tag === "answer" ? { tag: "respond", val: said.val } : said;
}

/** In a response's phases it stands in for the one that is there. */
function replace<P>(said: Said<P>): { tag: "proceed"; val: P } | { tag: "replace"; val: LocalResponse } {
  return said.tag === "answer" ? { tag: "replace", val: said.val } : said;
}

/** What the component exports. `migrates` and `repeatable` are what the manifest says, which made the world. */
export function bind(plugin: Plugin, about: PluginInfo, migrates: boolean, repeatable: PhaseSetup["phase"][]) {
  if (migrates !== Boolean(plugin.migrate)) {
    throw new Error(`weir.migrates in package.json is ${migrates}, and the plugin says otherwise`);
  }
  let setup: Setup = {};
  return {
    meta: { describe: (): PluginInfo => about },
    lifecycle: {
      configure(json: string): WireSetup {
        try {
          setup = plugin(JSON.parse(json));
        } catch (error) {
          if (error instanceof ConfigError) throw error.problems;
          throw error;
        }
        return { phases: phases(setup), logBatch: setup.log?.batch ?? null };
      },
    },
    configMigration: {
      migrate(fromVersion: string, json: string): string {
        try {
          // A migration that returns nothing is refused by the schema, like any other that is wrong.
          return JSON.stringify(wanted(plugin.migrate)(fromVersion, JSON.parse(json)) ?? null);
        } catch (error) {
          throw error instanceof Error ? error.message : String(error);
        }
      },
    },
    repeatable: { repeatablePhases: () => repeatable },
    beforeRouting: {
      onBeforeRouting(values: Value[]): RoutingVerdict {
        const { inputs, on } = wanted(setup.beforeRouting);
        return respond(on(...read(inputs, values)));
      },
    },
    requestHead: {
      onRequestHead(values: Value[]): RequestVerdict {
        const { inputs, on } = wanted(setup.requestHead);
        return respond(call(on, inputs, values));
      },
    },
    responseHead: {
      onResponseHead(values: Value[], carry: Carry): ResponseVerdict {
        const { inputs, on } = wanted(setup.responseHead);
        return replace(on(...read(inputs, values), carry ?? undefined));
      },
    },
    ...bodies(() => setup),
    logPhase: {
      onLog(entries: WireEntry[]): void {
        const { inputs, on } = wanted(setup.log);
        const over = entries.map((entry) => ({
          values: read(inputs, entry.inputs) as never,
          carry: entry.carry ?? undefined,
        }));
        on(over);
      },
    },
  };
}

/** The phases that see bodies. */
function bodies(setup: () => Setup) {
  return {
    requestBody: {
      onRequestBody: (carry: Carry): RequestBodyVerdict =>
        respond(wanted(setup().requestBody)(carry ?? undefined)),
    },
    responseBody: {
      onResponseBody: (carry: Carry): ResponseBodyVerdict =>
        replace(wanted(setup().responseBody)(carry ?? undefined)),
    },
    requestStream: {
      onRequestChunk: (chunk: Uint8Array, last: boolean): Chunk => wanted(setup().requestStream)(chunk, last),
    },
    responseStream: {
      onResponseChunk: (chunk: Uint8Array, last: boolean): Chunk => wanted(setup().responseStream)(chunk, last),
    },
    requestTrailers: {
      onRequestTrailers: (trailers: Header[]): HeaderOp[] => wanted(setup().requestTrailers)(trailers),
    },
    responseTrailers: {
      onResponseTrailers: (trailers: Header[]): HeaderOp[] => wanted(setup().responseTrailers)(trailers),
    },
  };
}
