// {{name}}: a plugin for the Weir gateway. It lets each address make so many requests in a window of time.
//
// package.json says who the plugin is, which phases it takes part in and which capabilities it asks the
// operator for; schema.json describes its configuration.

import { fixedWindow } from "weir:plugin/local-counters@0.1.0";
import { Answer, clientIp, definePlugin, Proceed, requestHead } from "weir-plugin";

// Called once for each instance, with a configuration that fits the schema and has its defaults.
export default definePlugin((config) => ({
  // Called for each request, with the values of the inputs in the list.
  requestHead: requestHead([clientIp()], (address) => {
    const take = fixedWindow(address ?? "", config.limit, config.window_ms, 1);
    if (take.allowed) return new Proceed().setResponseHeader("x-limit-remaining", String(take.remaining));
    return new Answer(429)
      .message("Too many requests")
      .header("retry-after", String(Math.ceil(take.resetMs / 1000)))
      .reason("limited");
  }),
}));
