// Looks into JSON bodies: a field goes into a header, another one leaves the body.
//
// The head waits for the body, so the header can still be set. The gateway itself looks the field up; the
// body comes into the plugin only if it has to be written anew.

import {
  Answer,
  definePlugin,
  Deliver,
  DeliverBody,
  Failure,
  header,
  Proceed,
  ProceedBody,
  requestHead,
  responseHead,
  utf8,
} from "weir-plugin";
import * as body from "weir-plugin/body";

export default definePlugin((config) => {
  const inputs = [header("content-type"), header("content-encoding")];
  // The gateway hands compressed bodies over as they are.
  const canRead = ([type], encodings) => type && utf8(type)?.includes("json") && encodings.length === 0;
  const held = (verdict, wants) => (wants ? verdict.buffer(config.max_bytes) : verdict);

  /** `verdict` with what the body leads to; undefined if it is no JSON. */
  const look = (verdict) => {
    const found = body.jsonPointers(config.pointer);
    if (!found) return undefined;
    if (found[0] !== null) {
      const value = JSON.parse(found[0]);
      verdict.setHeader(config.header, typeof value === "string" ? value : found[0]);
    }
    if (config.remove === null) return verdict;
    const fields = JSON.parse(body.text());
    if (fields === null || !Object.hasOwn(fields, config.remove)) return verdict;
    delete fields[config.remove];
    return verdict.replace(JSON.stringify(fields));
  };

  if (config.message === "response") {
    return {
      responseHead: responseHead(inputs, (types, encodings) => held(new Deliver(), canRead(types, encodings))),
      responseBody: () => {
        const verdict = look(new DeliverBody());
        if (!verdict) throw new Failure("the body is not valid JSON");
        return verdict;
      },
    };
  }
  return {
    requestHead: requestHead(inputs, (types, encodings) => held(new Proceed(), canRead(types, encodings))),
    requestBody: () =>
      look(new ProceedBody()) ?? new Answer(400).message("The body is not valid JSON").reason("no-json"),
  };
});
