// Limits the requests of a client address in fixed windows.

import { fixedWindow } from "weir:plugin/local-counters@0.1.0";
import { Answer, clientIp, definePlugin, Proceed, requestHead } from "weir-plugin";

const configure = (config) => ({
  requestHead: requestHead([clientIp()], (ip) => {
    const take = fixedWindow(ip ?? "", config.limit, config.window_ms, 1);
    if (take.allowed) return new Proceed().setResponseHeader("x-limit-remaining", String(take.remaining));
    return new Answer(429)
      .message("Too many requests")
      .header("retry-after", String(Math.ceil(take.resetMs / 1000)))
      .reason("limited");
  }),
});

// Versions before 0.1 had `per_minute` and no other window.
const migrate = (fromVersion, { per_minute }) => {
  if (!(per_minute >= 1)) throw new Error(`version ${fromVersion} let nothing through`);
  return { limit: per_minute, window_ms: 60_000 };
};

export default definePlugin(configure, migrate);
