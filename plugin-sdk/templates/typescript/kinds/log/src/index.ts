// {{name}}: a plugin for the Weir gateway. It writes a line for each exchange, after it has ended.
//
// package.json says who the plugin is, which phases it takes part in and which capabilities it asks the
// operator for; schema.json describes its configuration.
// The types come with the first build, which puts the SDK into .weir/.

import * as logging from "weir:plugin/logging@0.1.0";
import { definePlugin, log, method, path, responseStatus } from "weir-plugin";

/** What the operator says, as schema.json describes it. */
interface Config {
  /** What each line says. */
  message: string;
}

// Called once for each instance, with a configuration that fits the schema and has its defaults.
export default definePlugin<Config>((config) => ({
  // Called for several exchanges at a time, with the values of the inputs in the list for each.
  log: log([method(), path(), responseStatus()], (entries) => {
    for (const { values } of entries) {
      const [method, path, status] = values;
      const fields: [string, string][] = [
        ["method", method ?? ""],
        ["path", path ?? ""],
        ["status", String(status ?? "")],
      ];
      logging.log("info", config.message, fields);
    }
  }),
}));
