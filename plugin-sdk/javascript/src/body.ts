// The body that the gateway holds during `requestBody` and `responseBody`: `import * as body from
// "weir-plugin/body"`. Bytes come into the plugin only when it reads them; JSON is looked through by the
// gateway. Apart from the rest, since only components with these phases may import it.

/// <reference path="./contract.d.ts" />

import { jsonPointers as look, len, read, sha256 } from "weir:plugin/body@0.1.0";
import { utf8 } from "./bytes";

export { len, read, sha256 };

/** Bytes of one read; the gateway gives no more at once. */
const READ = 1 << 20;

/** All of it. */
export function all(): Uint8Array {
  const bytes = new Uint8Array(len());
  let at = 0;
  while (at < bytes.length) {
    const more = read(at, READ);
    if (more.length === 0) break;
    bytes.set(more, at);
    at += more.length;
  }
  return bytes;
}

/** All of it as text; `undefined` if it is not UTF-8. */
export function text(): string | undefined {
  return utf8(all());
}

/**
 * The JSON text of the values that these RFC 6901 pointers lead to (64 at most), in one pass; `null` for
 * one that leads nowhere, `undefined` if the body is no JSON.
 */
export function jsonPointers(...pointers: string[]): (string | null)[] | undefined {
  try {
    return look(pointers);
  } catch {
    return undefined;
  }
}
