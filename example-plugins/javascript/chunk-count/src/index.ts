// Counts the bytes of bodies while they stream past; nothing is held back, however long they are.
//
// One instance serves a body from its head to its end, so what is counted may live in the plugin.

import {
  Chunk,
  definePlugin,
  Deliver,
  encode,
  Proceed,
  requestHead,
  responseHead,
  setHeader,
} from "weir-plugin";

// What the operator does not say is null.
interface Config {
  max_bytes: number | null;
  summary: boolean;
  only_bytes: number | null;
}

export default definePlugin<Config>(({ max_bytes, only_bytes, summary }) => {
  const [most, only] = [max_bytes ?? Infinity, only_bytes ?? Infinity];
  let bytes = 0;

  const count = (chunk: Uint8Array): Chunk => {
    bytes += chunk.length;
    if (bytes > most) return Chunk.abort(`longer than ${most} bytes`);
    return bytes >= only ? Chunk.forwardRest : Chunk.forward;
  };

  return {
    requestHead: requestHead([], () => {
      bytes = 0;
      return new Proceed().stream();
    }),
    requestStream: count,
    responseHead: responseHead([], () => {
      bytes = 0;
      return new Deliver().stream();
    }),
    responseStream: (chunk, last) => {
      const verdict = count(chunk);
      if (verdict !== Chunk.forward || !last || !summary) return verdict;
      const said = encode(`\n${bytes} bytes\n`);
      const all = new Uint8Array(chunk.length + said.length);
      all.set(chunk);
      all.set(said, chunk.length);
      return Chunk.replace(all);
    },
    responseTrailers: () => [setHeader("x-bytes", String(bytes))],
  };
});
