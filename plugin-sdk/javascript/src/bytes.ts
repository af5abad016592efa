// Text and bytes. QuickJS has no TextEncoder and no TextDecoder; header values are nearly always
// ASCII, so that is the short way here.

/** What a header value may be given as. */
export type Bytes = string | Uint8Array;

/** The text as UTF-8; bytes are left as they are. */
export function encode(value: Bytes): Uint8Array {
  if (typeof value !== "string") return value;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return encodeAny(value);
    bytes[i] = code;
  }
  return bytes;
}

/** Values that come again and again, such as methods: a look-up costs half of an array. */
const known = new Map<string, Uint8Array>();
const KNOWN = 64;
const KNOWN_LENGTH = 64;

/** The same for what goes to the gateway and nowhere else: equal texts may be one array. */
export function encodeValue(value: Bytes): Uint8Array {
  if (typeof value !== "string") return value;
  let bytes = known.get(value);
  if (bytes === undefined) {
    bytes = encode(value);
    if (value.length > KNOWN_LENGTH) return bytes;
    if (known.size >= KNOWN) known.clear();
    known.set(value, bytes);
  }
  return bytes;
}

function encodeAny(value: string): Uint8Array {
  const bytes: number[] = [];
  for (const letter of value) {
    const code = letter.codePointAt(0) as number;
    // A lone surrogate has no UTF-8; it becomes the replacement character, as in a browser.
    const point = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), tail(point));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), tail(point >> 6), tail(point));
    else bytes.push(0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point));
  }
  return new Uint8Array(bytes);
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

/** The bytes as text; `undefined` if they are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  let text = "";
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      i += 1;
      continue;
    }
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    const point = decodeOne(bytes, i, length);
    if (point === undefined) return undefined;
    text += String.fromCodePoint(point);
    i += length;
  }
  return text;
}

/** The smallest code point that needs so many bytes: a longer form of a smaller one is not UTF-8. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

function decodeOne(bytes: Uint8Array, at: number, length: number): number | undefined {
  const first = bytes[at] as number;
  if (first < 0xc2 || first > 0xf4) return undefined;
  let point = first & (0x7f >> length);
  for (let i = at + 1; i < at + length; i += 1) {
    const next = bytes[i];
    if (next === undefined || (next & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (next & 0x3f);
  }
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < (SMALLEST[length] as number) || point > 0x10ffff || surrogate) return undefined;
  return point;
}
