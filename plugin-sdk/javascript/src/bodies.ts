// What phases that see bodies answer, and the phase before a route is chosen.

import type { Proceed as RoutingProceed, RoutingChange } from "weir:plugin/before-routing@0.1.0";
import type { ChunkVerdict } from "weir:plugin/chunks@0.1.0";
import type { Proceed as RequestProceed } from "weir:plugin/request-body@0.1.0";
import type { Proceed as ResponseProceed } from "weir:plugin/response-body@0.1.0";
import type { Identity } from "weir:plugin/types@0.1.0";
import { encode, type Bytes } from "./bytes";
import { Editable } from "./edits";
import { whole } from "./identity";

export type { RoutingChange };

/** The request goes on with its body, both changed or not. */
export class ProceedBody extends Editable<RequestProceed> {
  constructor() {
    super({ edits: [], body: null, carry: null, identity: null });
  }

  /** Sends this body in place of the client's. The gateway sets its length. */
  replace(body: Bytes): this {
    this.val.body = encode(body);
    return this;
  }

  /** Handed to this plugin's later phases, in place of what the head phase left. */
  carry(bytes: Bytes): this {
    this.val.carry = encode(bytes);
    return this;
  }

  /** Says who the caller is, by what stands in the body. Only for plugins whose manifest says `authenticates`. */
  identity(identity: Partial<Identity>): this {
    this.val.identity = whole(identity);
    return this;
  }
}

/** The response goes on with its body, both changed or not. */
export class DeliverBody extends Editable<ResponseProceed> {
  constructor() {
    super({ status: null, edits: [], body: null });
  }

  status(status: number): this {
    this.val.status = status;
    return this;
  }

  /** Sends this body in place of the upstream's. The gateway sets its length. */
  replace(body: Bytes): this {
    this.val.body = encode(body);
    return this;
  }
}

/** The request goes on to be routed, as if the client had asked so. */
export class Route extends Editable<RoutingProceed> {
  constructor() {
    super({ edits: [], change: null });
  }

  /** Changes what the route is chosen by; what is not named stays. */
  change(change: Partial<RoutingChange>): this {
    const none = { method: null, host: null, path: null, query: null };
    this.val.change = { ...none, ...this.val.change, ...change };
    return this;
  }
}

/** What becomes of one chunk of a body. */
export type Chunk = ChunkVerdict;

/** The verdicts on a chunk. */
export const Chunk = {
  /** It is passed on. */
  forward: { tag: "forward" } as Chunk,
  /** It is left out. */
  drop: { tag: "drop" } as Chunk,
  /** It is passed on, and so is all that follows, without a call. */
  forwardRest: { tag: "forward-rest" } as Chunk,
  /** Other bytes are sent in its place. */
  replace: (bytes: Bytes): Chunk => ({ tag: "replace", val: encode(bytes) }),
  /** The body is broken off here. The reason is for the log. */
  abort: (reason: string): Chunk => ({ tag: "abort", val: reason }),
};
