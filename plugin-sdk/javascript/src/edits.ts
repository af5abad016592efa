// Edits of a head, and what is built up of them.

import type { HeaderOp } from "weir:plugin/types@0.1.0";
import { encode, type Bytes } from "./bytes";

export type { HeaderOp };

/** Replaces every value of `name`, which is lower-case, or adds it. */
export function setHeader(name: string, value: Bytes): HeaderOp {
  return { tag: "set", val: { name, value: encode(value) } };
}

/** Adds one more value of `name`, which is lower-case. */
export function appendHeader(name: string, value: Bytes): HeaderOp {
  return { tag: "append", val: { name, value: encode(value) } };
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
export abstract class Editable {
  abstract readonly val: { edits: HeaderOp[] };

  /** Edits of the message's headers. */
  edit(...edits: HeaderOp[]): this {
    this.val.edits.push(...edits);
    return this;
  }

  setHeader(name: string, value: Bytes): this {
    return this.edit(setHeader(name, value));
  }

  appendHeader(name: string, value: Bytes): this {
    return this.edit(appendHeader(name, value));
  }

  removeHeader(name: string): this {
    return this.edit(removeHeader(name));
  }
}
