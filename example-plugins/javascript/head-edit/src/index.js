// Edits the heads of requests and responses.

import {
  appendHeader,
  ConfigError,
  definePlugin,
  Deliver,
  path,
  Proceed,
  removeHeader,
  requestHead,
  responseHead,
  setHeader,
} from "weir-plugin";

// Printable ASCII without blanks and upper-case letters.
const HEADER_NAME = /^[!-@[-~]+$/;

export default definePlugin((config) => {
  const { set = {}, append = {}, remove = [], response_set = {}, path_prefix: prefix } = config;
  check({ set, append, remove, response_set });
  // The edits are the same for every request, so they are made once.
  const edits = [
    ...remove.map((name) => removeHeader(name)),
    ...Object.entries(set).map(([name, value]) => setHeader(name, value)),
    ...Object.entries(append).map(([name, value]) => appendHeader(name, value)),
  ];
  const responseEdits = Object.entries(response_set).map(([name, value]) => setHeader(name, value));
  const responds = responseEdits.length > 0;

  const proceed = () => {
    const verdict = new Proceed().edit(...edits);
    return responds ? verdict : verdict.withoutResponse();
  };
  return {
    requestHead:
      prefix == null
        ? requestHead([], proceed)
        : requestHead([path()], (path) => proceed().target({ path: prefix + path })),
    responseHead: responds ? responseHead([], () => new Deliver().edit(...responseEdits)) : undefined,
  };
});

function check(fields) {
  const problems = [];
  for (const [field, named] of Object.entries(fields)) {
    const names = Array.isArray(named) ? Object.entries(named) : Object.keys(named).map((name) => [name, name]);
    for (const [key, name] of names) {
      if (HEADER_NAME.test(name)) continue;
      const pointer = `/${field}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      problems.push({ pointer, message: "not a header name in lower case" });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
