// Lets requests in that carry a known token, in the name of the consumer that it belongs to.

import * as credentials from "weir:plugin/credentials@0.1.0";
import { Answer, definePlugin, Failure, Proceed, requestHead, requestHeader, utf8 } from "weir-plugin";

interface Config {
  header: string;
  /** The username of the consumer that each token stands for. */
  tokens: Record<string, string>;
}

export default definePlugin<Config>((config) => {
  const usernames = new Map(Object.entries(config.tokens));
  return {
    requestHead: requestHead([requestHeader(config.header)], (values) => {
      const [value, another] = values;
      if (value === undefined) return refuse("No token found in request", "no-token");
      const token = another === undefined ? utf8(value) : undefined;
      const username = token === undefined ? undefined : usernames.get(token);
      if (username === undefined) return refuse("Invalid token", "invalid-token");
      const consumer = findConsumer(username);
      if (!consumer) return new Answer(403).message("Unknown consumer").reason("unknown-consumer");
      return new Proceed().identity({ consumer: consumer.id }).removeHeader(config.header);
    }),
  };
});

function findConsumer(username: string): credentials.Consumer | null {
  try {
    return credentials.findConsumer(username);
  } catch (reason) {
    throw new Failure(`the consumer cannot be looked up: ${reason}`, { retryable: true });
  }
}

function refuse(message: string, reason: string): Answer {
  return new Answer(401).message(message).header("www-authenticate", "Token").reason(reason);
}
