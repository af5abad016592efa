// Edits of a head, and what is built up of them.

import type { HeaderOp } from "weir:plugin/types@0.1.0";
import { encodeValue, type Bytes } from "./bytes";

export type { HeaderOp };

/** Replaces every value of `name`, which is lower-case, or adds it. */
export function setHeader(name: string, value: Bytes): HeaderOp {
  return { tag: "set", val: { name, value: encodeValue(value) } };
}

/** Adds one more value of `name`, which is lower-case. */
export function appendHeader(name: string, value: Bytes): HeaderOp {
  return { tag: "append", val: { name, value: encodeValue(value) } };
}

/** Removes every value of `name`, which is lower-case. */
export function removeHeader(name: string): HeaderOp {
  return { tag: "remove", val: name };
}

/** Removes every header whose name begins with `prefix`, which is lower-case. */
export function removePrefix(prefix: string): HeaderOp {
  return { tag: "remove-prefix", val: prefix };
}

/** What lets a message go on, with edits of its head. */
export abstract class Editable<V extends { edits: HeaderOp[] }> {
  // Set by the constructor and not as class fields: those cost the interpreter a call each.
  declare readonly tag: "proceed";
  declare readonly val: V;

  constructor(val: V) {
    (this as { tag: string }).tag = "proceed";
    (this as { val: V }).val = val;
  }

  /** Edits of the message's headers. */
  edit(...edits: HeaderOp[]): this {
    this.val.edits.push(...edits);
    return this;
  }

  setHeader(name: string, value: Bytes): this {
    this.val.edits.push(setHeader(name, value));
    return this;
  }

  appendHeader(name: string, value: Bytes): this {
    this.val.edits.push(appendHeader(name, value));
    return this;
  }

  removeHeader(name: string): this {
    this.val.edits.push(removeHeader(name));
    return this;
  }
}
