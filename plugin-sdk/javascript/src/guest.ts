// Between the contract and a plugin. The builder writes a module that calls `bind` and exports what
// the plugin's world wants; plugins do not import this.

import type { PhaseSetup, Setup as WireSetup } from "weir:plugin/lifecycle@0.1.0";
import type { Entry as WireEntry } from "weir:plugin/log-phase@0.1.0";
import type { PluginInfo } from "weir:plugin/meta@0.1.0";
import type { Verdict as RequestVerdict } from "weir:plugin/request-head@0.1.0";
import type { Verdict as ResponseVerdict } from "weir:plugin/response-head@0.1.0";
import type { Value } from "weir:plugin/types@0.1.0";
import type { Input } from "./inputs";
import { ConfigError, type Phase, type Plugin, type Setup } from "./setup";

type Carry = Uint8Array | null | undefined;

function read(inputs: readonly Input<unknown>[], values: Value[]): unknown[] {
  const out = new Array<unknown>(inputs.length);
  for (let i = 0; i < inputs.length; i += 1) out[i] = (inputs[i] as Input<unknown>).read(values[i] as Value);
  return out;
}

function phases(setup: Setup): PhaseSetup[] {
  const list = (phase: PhaseSetup["phase"], wanted: Phase<unknown> | undefined): PhaseSetup[] =>
    wanted ? [{ phase, inputs: wanted.inputs.map((input) => input.wire) }] : [];
  return [
    ...list("request-head", setup.requestHead),
    ...list("response-head", setup.responseHead),
    ...list("log", setup.log),
  ];
}

/** The phase, which the gateway calls only if it is in the setup. */
function wanted<F>(phase: Phase<F> | undefined): Phase<F> {
  if (!phase) throw new Error("the gateway called a phase that this configuration does not need");
  return phase;
}

/** What the component exports. */
export function bind(plugin: Plugin, about: PluginInfo) {
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
    requestHead: {
      onRequestHead(values: Value[]): RequestVerdict {
        const { inputs, on } = wanted(setup.requestHead);
        const verdict = on(...read(inputs, values));
        return verdict.tag === "answer" ? { tag: "respond", val: verdict.val } : verdict;
      },
    },
    responseHead: {
      onResponseHead(values: Value[], carry: Carry): ResponseVerdict {
        const { inputs, on } = wanted(setup.responseHead);
        const verdict = on(...read(inputs, values), carry ?? undefined);
        return verdict.tag === "answer" ? { tag: "replace", val: verdict.val } : verdict;
      },
    },
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
