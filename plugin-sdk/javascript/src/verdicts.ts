// What a phase answers. `Proceed`, `Deliver` and `Answer` are built up by methods that can be chained.

import type { BodyMode, HeaderOp, Identity, LocalResponse } from "weir:plugin/types@0.1.0";
import type { Proceed as RequestProceed, TargetChange } from "weir:plugin/request-head@0.1.0";
import type { Proceed as ResponseProceed } from "weir:plugin/response-head@0.1.0";
import { encode, encodeValue, type Bytes } from "./bytes";
import { Editable, setHeader } from "./edits";
import { whole } from "./identity";

export type { TargetChange };

// What most verdicts have, made once; it is replaced and never changed.
const PASS: BodyMode = { tag: "pass" };
const NO_EDITS: HeaderOp[] = [];

/** The request goes on, with these changes. */
export class Proceed extends Editable<RequestProceed> {
  constructor() {
    super({
      edits: [],
      target: null,
      identity: null,
      body: PASS,
      response: true,
      responseEdits: NO_EDITS,
      carry: null,
    });
  }

  /** Edits of the response's headers, whoever answers. They spare a response phase. */
  editResponse(...edits: HeaderOp[]): this {
    this.val.responseEdits = [...this.val.responseEdits, ...edits];
    return this;
  }

  setResponseHeader(name: string, value: Bytes): this {
    return this.editResponse(setHeader(name, value));
  }

  /** Changes where the request goes; what is not named stays. */
  target(change: Partial<TargetChange>): this {
    const none = { scheme: null, host: null, path: null, query: null, method: null, upstream: null };
    this.val.target = { ...none, ...this.val.target, ...change };
    return this;
  }

  /** Says who the caller is. Only for plugins whose manifest says `authenticates`. */
  identity(identity: Partial<Identity>): this {
    this.val.identity = whole(identity);
    return this;
  }

  /** Holds the head, collects up to `maxBytes` of the body, and calls `requestBody` once. A longer request is
   * answered with 413. */
  buffer(maxBytes: number): this {
    this.val.body = { tag: "buffer", val: maxBytes };
    return this;
  }

  /** Lets the head go on, and calls `requestStream` for each chunk of the body, in this instance. */
  stream(): this {
    this.val.body = { tag: "stream" };
    return this;
  }

  /** Skips this plugin's response phases for this exchange. */
  withoutResponse(): this {
    this.val.response = false;
    return this;
  }

  /** Handed to this plugin's later phases of this exchange (4 KiB by default). */
  carry(bytes: Bytes): this {
    this.val.carry = encode(bytes);
    return this;
  }
}

/** The response goes to the caller, with these changes. */
export class Deliver extends Editable<ResponseProceed> {
  constructor() {
    super({ status: null, edits: [], body: PASS, carry: null });
  }

  status(status: number): this {
    this.val.status = status;
    return this;
  }

  /** Holds the head, collects up to `maxBytes` of the body, and calls `responseBody` once. A longer response
   * goes through the failure policy. */
  buffer(maxBytes: number): this {
    this.val.body = { tag: "buffer", val: maxBytes };
    return this;
  }

  /** Lets the head go on, and calls `responseStream` for each chunk of the body, in this instance. */
  stream(): this {
    this.val.body = { tag: "stream" };
    return this;
  }

  carry(bytes: Bytes): this {
    this.val.carry = encode(bytes);
    return this;
  }
}

/** An answer in place of the upstream's, with a status of 200 to 599. */
export class Answer {
  readonly tag = "answer";
  readonly val: LocalResponse;

  constructor(status: number) {
    this.val = { status, headers: [], body: { tag: "none" }, reason: "" };
  }

  /** A sentence for the caller. The gateway writes it in the form that the caller accepts. */
  message(text: string): this {
    this.val.body = { tag: "message", val: text };
    return this;
  }

  /** A body as it is. Say what it is with a `content-type` header. */
  body(bytes: Bytes): this {
    this.val.body = { tag: "raw", val: encode(bytes) };
    return this;
  }

  header(name: string, value: Bytes): this {
    this.val.headers.push({ name, value: encodeValue(value) });
    return this;
  }

  /** A short machine-readable reason for logs and metrics. */
  reason(reason: string): this {
    this.val.reason = reason;
    return this;
  }
}

/**
 * Thrown when a plugin cannot decide: the assignment's failure policy applies, and the instance lives
 * on. Any other error costs the instance.
 */
export class Failure extends Error {
  readonly retryable: boolean;

  constructor(message: string, options: { retryable?: boolean } = {}) {
    super(message);
    this.retryable = options.retryable ?? false;
  }
}
