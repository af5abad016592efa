// {{name}}: a plugin for the Weir gateway. It lets requests in that carry a known token.
//
// package.json says who the plugin is, which phases it takes part in and which capabilities it asks the
// operator for; schema.json describes its configuration.
// The types come with the first build, which puts the SDK into .weir/.

import { findConsumer } from "weir:plugin/credentials@0.1.0";
import { Answer, definePlugin, Failure, Proceed, requestHead, requestHeader, utf8 } from "weir-plugin";

/** What the operator says, as schema.json describes it. */
interface Config {
  header: string;
  /** The username of the consumer that each token belongs to. */
  tokens: Record<string, string>;
}

// Called once for each instance, with a configuration that fits the schema and has its defaults.
export default definePlugin<Config>((config) => {
  const usernames = new Map(Object.entries(config.tokens));
  return {
    // Called for each request, with the values of the inputs in the list: here those of one header.
    requestHead: requestHead([requestHeader(config.header)], ([value, another]) => {
      if (value === undefined) return refuse(401, "No token found in request", "no-token");
      // One that came several times is nobody's.
      const token = another === undefined ? utf8(value) : undefined;
      const username = token === undefined ? undefined : usernames.get(token);
      if (username === undefined) return refuse(401, "Invalid token", "invalid-token");
      const consumer = lookUp(username);
      if (!consumer) return refuse(403, "Unknown consumer", "unknown-consumer");
      // The upstream has no use for the token.
      return new Proceed().identity({ consumer: consumer.id }).removeHeader(config.header);
    }),
  };
});

function lookUp(username: string) {
  try {
    return findConsumer(username);
  } catch (reason) {
    throw new Failure(`the consumer cannot be looked up: ${reason}`, { retryable: true });
  }
}

function refuse(status: number, message: string, reason: string): Answer {
  return new Answer(status).message(message).header("www-authenticate", "Token").reason(reason);
}
