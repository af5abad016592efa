// What a call of a plugin is measured with: three inputs, and three edits that are made of them.

import { definePlugin, header, method, path, Proceed, requestHead } from "weir-plugin";

export default definePlugin(() => ({
  requestHead: requestHead([method(), path(), header("accept")], (method, path, [accept]) =>
    new Proceed().setHeader("x-method", method).setHeader("x-path", path).setHeader("x-accept", accept),
  ),
}));
