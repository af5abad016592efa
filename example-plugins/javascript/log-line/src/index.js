// Writes a line to the gateway's log for each exchange.

import * as logging from "weir:plugin/logging@0.1.0";
import { definePlugin, log, method, path, requestId, responseStatus } from "weir-plugin";

export default definePlugin((config) => ({
  log: log(
    [method(), path(), responseStatus(), requestId()],
    (entries) => {
      for (const { values } of entries) {
        const [method, path, status, id] = values.map((value) => String(value ?? ""));
        const fields = [
          ["method", method],
          ["path", path],
          ["status", status],
          ["request_id", id],
        ];
        logging.log("info", config.message, fields);
      }
    },
    { maxEntries: 10, maxDelayMs: 50, maxQueued: 1000 },
  ),
}));
