// Limits the requests of a client address in fixed windows.

import { fixedWindow } from "weir:plugin/local-counters@0.1.0";
import { Answer, clientIp, definePlugin, Proceed, requestHead } from "weir-plugin";

export default definePlugin((config) => ({
  requestHead: requestHead([clientIp()], (ip) => {
    const take = fixedWindow(ip ?? "", config.limit, config.window_ms, 1);
    if (take.allowed) return new Proceed().setResponseHeader("x-limit-remaining", String(take.remaining));
    return new Answer(429)
      .message("Too many requests")
      .header("retry-after", String(Math.ceil(take.resetMs / 1000)))
      .reason("limited");
  }),
}));
