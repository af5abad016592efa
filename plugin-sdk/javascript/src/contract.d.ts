// Made from wit/plugin.wit by a test of weir-plugin-build; not to be edited.

declare module "weir:plugin/types@0.1.0" {
  /** Names are lower-case; values are raw bytes because HTTP allows more than UTF-8. */
  export interface Header {
    name: string;
    value: Uint8Array;
  }
  /** One edit. A phase returns a list of edits; it does not call the host once per header. */
  export type HeaderOp =
    | { tag: "set"; val: Header }
    | { tag: "append"; val: Header }
    | { tag: "remove"; val: string }
    | { tag: "remove-prefix"; val: string };
  /**
   * What a plugin asks to be handed with a phase call (`lifecycle.setup`). What each of them
   * answers is in wit/README.md. All of them speak of the exchange as earlier plugins left it:
   * a query that one plugin has cleaned of a key is clean for the next.
   */
  export type Input =
    | { tag: "method" }
    | { tag: "scheme" }
    | { tag: "host" }
    | { tag: "path" }
    | { tag: "query" }
    | { tag: "client-ip" }
    | { tag: "client-port" }
    | { tag: "tls-sni" }
    | { tag: "tls-client-cert-sha256" }
    | { tag: "route-id" }
    | { tag: "service-id" }
    | { tag: "consumer-id" }
    | { tag: "consumer-username" }
    | { tag: "credential-id" }
    | { tag: "request-id" }
    | { tag: "all-headers" }
    | { tag: "header"; val: string }
    | { tag: "request-header"; val: string }
    | { tag: "query-param"; val: string }
    | { tag: "cookie"; val: string }
    | { tag: "path-param"; val: string }
    | { tag: "response-status" }
    | { tag: "upstream-addr" }
    | { tag: "upstream-latency-us" }
    | { tag: "gateway-latency-us" }
    | { tag: "total-latency-us" }
    | { tag: "bytes-in" }
    | { tag: "bytes-out" }
    | { tag: "started-at-unix-ms" }
    | { tag: "attribute"; val: string }
    | { tag: "log-record" };
  /**
   * One for each declared input, in the same order. A header, query parameter or cookie that came
   * once is `bytes`; one that came several times is `headers`, with all values in their order.
   */
  export type Value =
    | { tag: "absent" }
    | { tag: "text"; val: string }
    | { tag: "bytes"; val: Uint8Array }
    | { tag: "number"; val: number }
    | { tag: "headers"; val: Array<Header> };
  export type AnswerBody =
    | { tag: "none" }
    | { tag: "raw"; val: Uint8Array }
    | { tag: "message"; val: string };
  export interface LocalResponse {
    status: number;
    headers: Array<Header>;
    body: AnswerBody;
    /** Short machine-readable reason, for logs and metrics only. */
    reason: string;
  }
  /**
   * Who the caller turned out to be. Consumer-scoped assignments are chosen after this, and the host
   * tells the upstream: it sets X-Consumer-ID, X-Consumer-Username, X-Consumer-Custom-ID and
   * X-Credential-Identifier, and removes what the caller sent under these names. `anonymous`: the
   * consumer stands in for a caller that did not authenticate (X-Anonymous-Consumer).
   */
  export interface Identity {
    consumer: string | null;
    credential: string | null;
    groups: Array<string>;
    claimsJson: string | null;
    anonymous: boolean;
  }
  /** What happens to the body after a head call. */
  export type BodyMode =
    | { tag: "pass" }
    | { tag: "stream" }
    | { tag: "buffer"; val: number };
  export type Phase =
    | "request-head"
    | "request-body"
    | "request-stream"
    | "request-trailers"
    | "response-head"
    | "response-body"
    | "response-stream"
    | "response-trailers"
    | "log"
    | "before-routing";
  /**
   * A failure that the plugin saw coming. It goes through the assignment's failure policy
   * but, unlike a trap, does not cost the instance.
   */
  export interface Failure {
    message: string;
    retryable: boolean;
  }
}

declare module "weir:plugin/meta@0.1.0" {
  export type InstancePolicy =
    | "per-call"
    | "reuse";
  /** `name` is an interface of this package, for instance "http-client". */
  export interface Capability {
    name: string;
    why: string;
    paramsJson: string;
  }
  export interface PluginInfo {
    name: string;
    version: string;
    description: string;
    /** JSON Schema 2020-12 for the text given to `configure`. */
    configSchema: string;
    capabilities: Array<Capability>;
    instances: InstancePolicy;
    defaultPriority: number;
    /** May its verdicts set `identity`? */
    authenticates: boolean;
  }
  /** Pure. Called once, at upload, with every import answering "denied". */
  export function describe(): PluginInfo;
}

declare module "weir:plugin/lifecycle@0.1.0" {
  export type Input = import("weir:plugin/types@0.1.0").Input;
  export type Phase = import("weir:plugin/types@0.1.0").Phase;
  /**
   * The phases that this configuration needs, and what each wants to be handed.
   * A phase that is not listed is not called for this assignment.
   */
  export interface PhaseSetup {
    phase: Phase;
    inputs: Array<Input>;
  }
  /**
   * How the host gathers entries for `on-log`, and how it repeats a batch that failed with
   * `retryable`. The oldest entries are dropped, and counted, when the queue is full.
   */
  export interface LogBatch {
    maxEntries: number;
    maxDelayMs: number;
    maxQueued: number;
    /** Bound on the bytes that wait, below the gateway's own bound. */
    maxQueuedBytes: number | null;
    maxRetryMs: number;
    initialRetryDelayMs: number;
    maxRetryDelayMs: number;
  }
  export interface Setup {
    phases: Array<PhaseSetup>;
    logBatch: LogBatch | null;
  }
  export interface ConfigProblem {
    pointer: string;
    message: string;
  }
  /**
   * Once for each instance, before its first call; `config-json` has passed the schema and has
   * its defaults filled in. An instance only ever serves the assignment it was configured for.
   */
  export function configure(configJson: string): Setup;
}

declare module "weir:plugin/config-migration@0.1.0" {
  export function migrate(fromVersion: string, configJson: string): string;
}

declare module "weir:plugin/repeatable@0.1.0" {
  export type Phase = import("weir:plugin/types@0.1.0").Phase;
  /**
   * The phases in which nothing that an instance remembers of earlier calls plays a part: the verdict follows
   * from the configuration, the inputs, and what the plugin asks `credentials.find`, `credentials.data`,
   * `exchange.groups` and the digests of `crypto`. The gateway may keep it, and give it to an exchange with the
   * same inputs for as long as these would answer the same. A verdict whose call asked the gateway for anything else is never kept. Today the gateway
   * keeps verdicts of `request-head`.
   * 
   * Called once, at upload, as `describe` is.
   */
  export function repeatablePhases(): Array<Phase>;
}

declare module "weir:plugin/exchange@0.1.0" {
  export type Input = import("weir:plugin/types@0.1.0").Input;
  export type Value = import("weir:plugin/types@0.1.0").Value;
  export function getMany(what: Array<Input>): Array<Value>;
  export function attribute(key: string): string | null;
  /** Seen by later phases, later plugins and the access log. Bounded by quota. */
  export function setAttribute(key: string, value: string): void;
  /** The groups of the caller that an earlier plugin's `identity` named; none before. */
  export function groups(): Array<string>;
  /** Microseconds of guest time left in this call. */
  export function budgetLeft(): number;
}

declare module "weir:plugin/body@0.1.0" {
  export function len(): number;
  /** Up to `max` bytes from `offset` on, 1 MiB at most; empty behind the end. */
  export function read(offset: number, max: number): Uint8Array;
  /**
   * Several RFC 6901 look-ups (64 at most) in one pass over the body, on the host. Each value found
   * is its JSON text as it stands in the body. The error says why the body is no JSON.
   */
  export function jsonPointers(pointers: Array<string>): Array<string | null>;
  export function sha256(): Uint8Array;
}

declare module "weir:plugin/before-routing@0.1.0" {
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export type LocalResponse = import("weir:plugin/types@0.1.0").LocalResponse;
  export type Value = import("weir:plugin/types@0.1.0").Value;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  /** What the route is chosen by, as if the client had asked so. */
  export interface RoutingChange {
    method: string | null;
    host: string | null;
    path: string | null;
    query: string | null;
  }
  export interface Proceed {
    edits: Array<HeaderOp>;
    change: RoutingChange | null;
  }
  export type Verdict =
    | { tag: "proceed"; val: Proceed }
    | { tag: "respond"; val: LocalResponse };
  export function onBeforeRouting(inputs: Array<Value>): Verdict;
}

declare module "weir:plugin/request-head@0.1.0" {
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export type LocalResponse = import("weir:plugin/types@0.1.0").LocalResponse;
  export type BodyMode = import("weir:plugin/types@0.1.0").BodyMode;
  export type Identity = import("weir:plugin/types@0.1.0").Identity;
  export type Value = import("weir:plugin/types@0.1.0").Value;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  export interface TargetChange {
    scheme: string | null;
    host: string | null;
    path: string | null;
    query: string | null;
    method: string | null;
    upstream: string | null;
  }
  export interface Proceed {
    edits: Array<HeaderOp>;
    target: TargetChange | null;
    identity: Identity | null;
    body: BodyMode;
    /** false: skip this plugin's response phases for this exchange. */
    response: boolean;
    /**
     * Edits to the head of the response, whoever answers. They are applied before the response
     * phases run; a plugin that only adds response headers needs no second call.
     */
    responseEdits: Array<HeaderOp>;
    /**
     * Handed back to the later phases of this exchange, so that no instance has to stay
     * alive while the upstream works. Bounded by quota (4 KiB by default).
     */
    carry: Uint8Array | null;
  }
  export type Verdict =
    | { tag: "proceed"; val: Proceed }
    | { tag: "respond"; val: LocalResponse };
  export function onRequestHead(inputs: Array<Value>): Verdict;
}

declare module "weir:plugin/request-body@0.1.0" {
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export type LocalResponse = import("weir:plugin/types@0.1.0").LocalResponse;
  export type Identity = import("weir:plugin/types@0.1.0").Identity;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  /**
   * Head edits are still allowed: the head has not left yet. `carry` replaces the earlier one, and so
   * does `identity`, for credentials that stand in a body.
   */
  export interface Proceed {
    edits: Array<HeaderOp>;
    body: Uint8Array | null;
    carry: Uint8Array | null;
    identity: Identity | null;
  }
  export type Verdict =
    | { tag: "proceed"; val: Proceed }
    | { tag: "respond"; val: LocalResponse };
  export function onRequestBody(carry: Uint8Array | null): Verdict;
}

declare module "weir:plugin/chunks@0.1.0" {
  export type ChunkVerdict =
    | { tag: "forward" }
    | { tag: "replace"; val: Uint8Array }
    | { tag: "drop" }
    | { tag: "forward-rest" }
    | { tag: "abort"; val: string };
}

declare module "weir:plugin/request-stream@0.1.0" {
  export type ChunkVerdict = import("weir:plugin/chunks@0.1.0").ChunkVerdict;
  export function onRequestChunk(chunk: Uint8Array, last: boolean): ChunkVerdict;
}

declare module "weir:plugin/request-trailers@0.1.0" {
  export type Header = import("weir:plugin/types@0.1.0").Header;
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export function onRequestTrailers(trailers: Array<Header>): Array<HeaderOp>;
}

declare module "weir:plugin/response-head@0.1.0" {
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export type LocalResponse = import("weir:plugin/types@0.1.0").LocalResponse;
  export type BodyMode = import("weir:plugin/types@0.1.0").BodyMode;
  export type Value = import("weir:plugin/types@0.1.0").Value;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  export interface Proceed {
    status: number | null;
    edits: Array<HeaderOp>;
    body: BodyMode;
    carry: Uint8Array | null;
  }
  export type Verdict =
    | { tag: "proceed"; val: Proceed }
    | { tag: "replace"; val: LocalResponse };
  export function onResponseHead(inputs: Array<Value>, carry: Uint8Array | null): Verdict;
}

declare module "weir:plugin/response-body@0.1.0" {
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export type LocalResponse = import("weir:plugin/types@0.1.0").LocalResponse;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  export interface Proceed {
    status: number | null;
    edits: Array<HeaderOp>;
    body: Uint8Array | null;
  }
  export type Verdict =
    | { tag: "proceed"; val: Proceed }
    | { tag: "replace"; val: LocalResponse };
  export function onResponseBody(carry: Uint8Array | null): Verdict;
}

declare module "weir:plugin/response-stream@0.1.0" {
  export type ChunkVerdict = import("weir:plugin/chunks@0.1.0").ChunkVerdict;
  export function onResponseChunk(chunk: Uint8Array, last: boolean): ChunkVerdict;
}

declare module "weir:plugin/response-trailers@0.1.0" {
  export type Header = import("weir:plugin/types@0.1.0").Header;
  export type HeaderOp = import("weir:plugin/types@0.1.0").HeaderOp;
  export function onResponseTrailers(trailers: Array<Header>): Array<HeaderOp>;
}

declare module "weir:plugin/log-phase@0.1.0" {
  export type Value = import("weir:plugin/types@0.1.0").Value;
  export type Failure = import("weir:plugin/types@0.1.0").Failure;
  export interface Entry {
    inputs: Array<Value>;
    carry: Uint8Array | null;
  }
  export function onLog(entries: Array<Entry>): void;
}

declare module "weir:plugin/logging@0.1.0" {
  export type Level =
    | "trace"
    | "debug"
    | "info"
    | "warn"
    | "error";
  export function enabled(level: Level): boolean;
  export function log(level: Level, message: string, fields: Array<[string, string]>): void;
}

declare module "weir:plugin/metrics@0.1.0" {
  export class Counter {
    constructor(name: string, labelNames: Array<string>);
    add(n: number, labels: Array<string>): void;
  }
  export class Histogram {
    constructor(name: string, labelNames: Array<string>);
    observe(v: number, labels: Array<string>): void;
  }
}

declare module "weir:plugin/clock@0.1.0" {
  export function nowUnixNs(): number;
  export function monotonicNs(): number;
}

declare module "weir:plugin/random@0.1.0" {
  export function bytes(n: number): Uint8Array;
}

declare module "weir:plugin/secrets@0.1.0" {
  export class Secret {
    hmacSha256(data: Uint8Array): Uint8Array;
    /** Constant time. */
    equals(candidate: Uint8Array): boolean;
    /** Needs a grant of its own. */
    reveal(): Uint8Array;
    private constructor();
  }
  export function open(name: string): Secret;
}

declare module "weir:plugin/credentials@0.1.0" {
  export interface Consumer {
    id: string;
    username: string | null;
    customId: string | null;
  }
  /** Ids of the consumer and of the credential. */
  export interface Found {
    consumer: string;
    credential: string;
    groups: Array<string>;
  }
  /** `kind` is for instance "keyauth_credentials"; `key` its unique key. */
  export function find(kind: string, key: string): Found | null;
  /** The credential as the Admin API prints it, JSON. */
  export function data(kind: string, key: string): string | null;
  export function findConsumer(idOrUsername: string): Consumer | null;
}

declare module "weir:plugin/crypto@0.1.0" {
  export type Algorithm =
    | "rs256"
    | "rs384"
    | "rs512"
    | "ps256"
    | "ps384"
    | "ps512"
    | "es256"
    | "es384"
    | "es512"
    | "eddsa";
  export class PublicKey {
    static fromJwk(jwkJson: string): PublicKey;
    static fromPem(pem: string): PublicKey;
    verify(alg: Algorithm, message: Uint8Array, signature: Uint8Array): boolean;
    private constructor();
  }
  export type Digest =
    | "md5"
    | "sha1"
    | "sha256"
    | "sha384"
    | "sha512";
  export function hmac(digest: Digest, key: Uint8Array, message: Uint8Array): Uint8Array;
  export function hash(digest: Digest, message: Uint8Array): Uint8Array;
}

declare module "weir:plugin/local-counters@0.1.0" {
  export interface Take {
    allowed: boolean;
    remaining: number;
    resetMs: number;
  }
  /** A window with edges of the plugin's choosing (calendar months and years have no fixed length). */
  export interface Window {
    key: string;
    limit: number;
    fromUnixMs: number;
    untilUnixMs: number;
  }
  export function tokenBucket(key: string, capacity: number, refillPerSecond: number, cost: number): Take;
  /** Fixed window that starts at multiples of `window-ms` since the epoch. */
  export function fixedWindow(key: string, limit: number, windowMs: number, cost: number): Take;
  export function slidingWindow(key: string, limit: number, windowMs: number, cost: number): Take;
  /**
   * Counts `cost` in every window, or in none of them if one would go over its limit.
   * One answer for each window, in the same order.
   */
  export function takeWindows(windows: Array<Window>, cost: number): Array<Take>;
}

declare module "weir:plugin/log-file@0.1.0" {
  /** `reopen`: open the file anew for this write, so that a rotated file is followed at once. */
  export function append(path: string, data: Uint8Array, reopen: boolean): void;
}

declare module "weir:plugin/local-cache@0.1.0" {
  export function get(key: string): Uint8Array | null;
  export function put(key: string, value: Uint8Array, ttlMs: number): void;
  function delete_(key: string): void;
  export { delete_ as delete };
}

declare module "weir:plugin/shared-counters@0.1.0" {
  export type Take = import("weir:plugin/local-counters@0.1.0").Take;
  export type Window = import("weir:plugin/local-counters@0.1.0").Window;
  export function fixedWindow(key: string, limit: number, windowMs: number, cost: number): Take;
  export function slidingWindow(key: string, limit: number, windowMs: number, cost: number): Take;
  /** As `local-counters.take-windows`, in one step on the server. */
  export function takeWindows(windows: Array<Window>, cost: number): Array<Take>;
}

declare module "weir:plugin/shared-kv@0.1.0" {
  export function get(key: string): Uint8Array | null;
  export function put(key: string, value: Uint8Array, ttlMs: number): void;
  export function compareAndSwap(key: string, old: Uint8Array | null, new_: Uint8Array, ttlMs: number): boolean;
}

declare module "weir:plugin/http-client@0.1.0" {
  export type Header = import("weir:plugin/types@0.1.0").Header;
  export interface Request {
    method: string;
    url: string;
    headers: Array<Header>;
    body: Uint8Array;
    timeoutMs: number;
    maxResponseBytes: number;
  }
  export interface Response {
    status: number;
    headers: Array<Header>;
    body: Uint8Array;
  }
  export type HttpError =
    | "denied"
    | "dns"
    | "connect"
    | "tls"
    | "timeout"
    | "too-large"
    | "protocol"
    | "budget";
  export function send(req: Request): Response;
  /** Concurrent on the host, one suspension for the guest; results in order. */
  export function sendAll(reqs: Array<Request>): Array<{ tag: "ok"; val: Response } | { tag: "err"; val: HttpError }>;
}
