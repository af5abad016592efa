// What a plugin answers to its configuration: the phases that it needs, with the inputs of each.

import type { ConfigProblem, LogBatch } from "weir:plugin/lifecycle@0.1.0";
import type { Header } from "weir:plugin/types@0.1.0";
import type { Chunk, DeliverBody, ProceedBody, Route } from "./bodies";
import type { HeaderOp } from "./edits";
import type { Input, Values } from "./inputs";
import type { Answer, Deliver, Proceed } from "./verdicts";

export type { ConfigProblem, Header };

type Inputs = readonly Input<unknown>[];

/** A phase with its inputs and what is called with their values. */
export interface Phase<F> {
  readonly inputs: Inputs;
  readonly on: F;
}

type BeforeRouting = (...values: unknown[]) => Route | Answer;
type RequestHead = (...values: unknown[]) => Proceed | Answer;
type ResponseHead = (...valuesAndCarry: unknown[]) => Deliver | Answer;
/** Called for each chunk: 64 KiB at most, never empty but for the last, which may be. */
type Stream = (chunk: Uint8Array, last: boolean) => Chunk;
/** Called if the message has trailers, behind its last chunk. */
type Trailers = (trailers: Header[]) => HeaderOp[];
type Log = (entries: Entry<Inputs>[]) => void;

/** One exchange that is over. */
export interface Entry<I extends Inputs> {
  readonly values: Values<I>;
  readonly carry: Uint8Array | undefined;
}

/** The phases that this configuration needs. One that is not here is not called, and costs nothing. */
export interface Setup {
  /** For global assignments only. */
  beforeRouting?: Phase<BeforeRouting>;
  requestHead?: Phase<RequestHead>;
  /** Called once with the body held, after a `Proceed` with `buffer`; `weir-plugin/body` reads it. */
  requestBody?: (carry: Uint8Array | undefined) => ProceedBody | Answer;
  /** Called for each chunk, after a `Proceed` with `stream`. */
  requestStream?: Stream;
  requestTrailers?: Trailers;
  responseHead?: Phase<ResponseHead>;
  /** Called once with the body held, after a `Deliver` with `buffer`. */
  responseBody?: (carry: Uint8Array | undefined) => DeliverBody | Answer;
  /** Called for each chunk, after a `Deliver` with `stream`. */
  responseStream?: Stream;
  responseTrailers?: Trailers;
  log?: Phase<Log> & { readonly batch: LogBatch | null };
}

/** Calls `on` with the values of `inputs` before a route is chosen. */
export function beforeRouting<const I extends Inputs>(
  inputs: I,
  on: (...values: Values<I>) => Route | Answer,
): Phase<BeforeRouting> {
  return { inputs, on: on as BeforeRouting };
}

/** Calls `on` with the values of `inputs` when the head of a request has arrived. */
export function requestHead<const I extends Inputs>(
  inputs: I,
  on: (...values: Values<I>) => Proceed | Answer,
): Phase<RequestHead> {
  return { inputs, on: on as RequestHead };
}

/** Calls `on` with the values of `inputs`, and what was carried, when there is a head to answer with. */
export function responseHead<const I extends Inputs>(
  inputs: I,
  on: (...valuesAndCarry: [...Values<I>, carry: Uint8Array | undefined]) => Deliver | Answer,
): Phase<ResponseHead> {
  return { inputs, on: on as ResponseHead };
}

/** How the gateway gathers entries, and how it repeats a batch that failed with `retryable`. */
export type Batch = Partial<LogBatch>;

const BATCH: LogBatch = {
  maxEntries: 100,
  maxDelayMs: 1000,
  maxQueued: 10_000,
  maxQueuedBytes: null,
  maxRetryMs: 60_000,
  initialRetryDelayMs: 100,
  maxRetryDelayMs: 10_000,
};

/** Calls `on` with exchanges that are over, several at a time. */
export function log<const I extends Inputs>(
  inputs: I,
  on: (entries: Entry<I>[]) => void,
  batch?: Batch,
): NonNullable<Setup["log"]> {
  return { inputs, on: on as Log, batch: batch ? { ...BATCH, ...batch } : null };
}

/** Thrown by `configure` for what the schema cannot say; the Admin API shows it. */
export class ConfigError extends Error {
  readonly problems: ConfigProblem[];

  constructor(problems: ConfigProblem[]) {
    super(problems.map(({ pointer, message }) => `${pointer}: ${message}`).join("; "));
    this.problems = problems;
  }
}

/** A plugin: from a configuration, which has passed the schema, to the phases that it needs. */
export interface Plugin {
  (config: unknown): Setup;
  readonly migrate?: Migrate<unknown>;
}

/**
 * Gives the configuration as `fromVersion` had it in the form of this version. It is asked only for a
 * configuration that the schema refuses, and what it gives has to pass the schema. What it throws is shown by the
 * Admin API, and the version stays out. The manifest says `"migrates": true`.
 */
export type Migrate<C> = (fromVersion: string, config: any) => C;

/** Makes a plugin; a module's default export. `C` is the type that the schema describes. */
export function definePlugin<C>(configure: (config: C) => Setup, migrate?: Migrate<C>): Plugin {
  return Object.assign((config: unknown) => configure(config as C), migrate && { migrate });
}
