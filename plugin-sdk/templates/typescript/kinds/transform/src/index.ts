// {{name}}: a plugin for the Weir gateway.
//
// package.json says who the plugin is, which phases it takes part in (before-routing, log, and -head,
// -body, -stream and -trailers of request and response), and which capabilities it asks the operator for.
// schema.json describes its configuration; what the operator does not say is null.
// The types come with the first build, which puts the SDK into .weir/.

import { definePlugin, path, Proceed, requestHead } from "weir-plugin";

/** What the operator says, as schema.json describes it. */
interface Config {
  greeting: string;
}

// Called once for each instance, with a configuration that fits the schema and has its defaults.
export default definePlugin<Config>((config) => ({
  // Called for each request, with the values of the inputs in the list.
  requestHead: requestHead([path()], (path) => {
    return new Proceed().setHeader("x-greeting", `${config.greeting} from ${path}`).withoutResponse();
  }),
}));
