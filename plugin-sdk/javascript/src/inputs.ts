// What a phase is handed. An input is named once, when the plugin is configured, and its value comes
// with each call: that costs a fraction of asking the gateway for it.

import type { Header, Input as Wire, Value } from "weir:plugin/types@0.1.0";

/** Something to be handed to a phase, as a `T`. */
export interface Input<T> {
  readonly wire: Wire;
  readonly read: (value: Value) => T;
}

/** The values of a list of inputs. */
export type Values<I extends readonly Input<unknown>[]> = {
  [K in keyof I]: I[K] extends Input<infer T> ? T : never;
};

const asText = (value: Value): string | undefined => (value.tag === "text" ? value.val : undefined);
const asNumber = (value: Value): number | undefined => (value.tag === "number" ? value.val : undefined);
const asBytes = (value: Value): Uint8Array | undefined => (value.tag === "bytes" ? value.val : undefined);
const asHeaders = (value: Value): Header[] => (value.tag === "headers" ? value.val : []);

const NONE: readonly Uint8Array[] = [];

/** One value comes as bytes, several as headers. */
function asAll(value: Value): readonly Uint8Array[] {
  if (value.tag === "bytes") return [value.val];
  if (value.tag === "headers") return value.val.map((header) => header.value);
  return NONE;
}

type Plain = Exclude<Wire, { val: string }>["tag"];
type Named = Extract<Wire, { val: string }>["tag"];

function plain<T>(tag: Plain, read: (value: Value) => T): () => Input<T> {
  const input = { wire: { tag }, read };
  return () => input;
}

function named<T>(tag: Named, read: (value: Value) => T): (name: string) => Input<T> {
  return (name) => ({ wire: { tag, val: name }, read });
}

export const method = plain("method", asText);
export const scheme = plain("scheme", asText);
/** In lower case, without its port. */
export const host = plain("host", asText);
/** As it was sent, not decoded. */
export const path = plain("path", asText);
/** Without `?`. */
export const query = plain("query", asText);
export const clientIp = plain("client-ip", asText);
export const clientPort = plain("client-port", asNumber);
export const tlsSni = plain("tls-sni", asText);
export const tlsClientCertSha256 = plain("tls-client-cert-sha256", asBytes);
export const routeId = plain("route-id", asText);
export const serviceId = plain("service-id", asText);
export const consumerId = plain("consumer-id", asText);
export const consumerUsername = plain("consumer-username", asText);
export const credentialId = plain("credential-id", asText);
export const requestId = plain("request-id", asText);
export const responseStatus = plain("response-status", asNumber);
export const upstreamAddr = plain("upstream-addr", asText);
export const upstreamLatencyUs = plain("upstream-latency-us", asNumber);
export const gatewayLatencyUs = plain("gateway-latency-us", asNumber);
export const totalLatencyUs = plain("total-latency-us", asNumber);
export const bytesIn = plain("bytes-in", asNumber);
export const bytesOut = plain("bytes-out", asNumber);
export const startedAtUnixMs = plain("started-at-unix-ms", asNumber);
/** The whole record of the exchange as JSON. */
export const logRecord = plain("log-record", asText);

/** Every header of the message that the phase is about. */
export const allHeaders = plain("all-headers", asHeaders);
/** Every value of a header of the message that the phase is about, in order. */
export const header = named("header", asAll);
/** Every value of a header of the request, in order. */
export const requestHeader = named("request-header", asAll);
/** Every value of a query parameter, decoded, in order. */
export const queryParam = named("query-param", asAll);
/** Every value of a cookie, decoded, in order. */
export const cookie = named("cookie", asAll);
/** A named group of the route's path regex, or its number from 1. */
export const pathParam = named("path-param", asText);
/** What an earlier plugin left in this exchange. */
export const attribute = named("attribute", asText);
