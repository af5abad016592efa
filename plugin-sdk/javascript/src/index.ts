// Write plugins for the Weir gateway in JavaScript and TypeScript.
//
// A module exports a plugin by default: a function from its configuration to the phases that it
// needs. Who the plugin is, which phases it has and which capabilities it asks for stands in
// package.json, section "weir". Capabilities are imported by their name in the contract, for instance
// `import * as counters from "weir:plugin/local-counters@0.1.0"`.
//
//     import { definePlugin, path, Proceed, requestHead } from "weir-plugin";
//
//     export default definePlugin((config) => ({
//       requestHead: requestHead([path()], (path) => new Proceed().setHeader("x-path", path ?? "")),
//     }));
//
// Bodies are read by `import * as body from "weir-plugin/body"`.

/// <reference path="./contract.d.ts" />

export * from "./bodies";
export * from "./edits";
export * from "./inputs";
export * from "./setup";
export * from "./verdicts";
export { encode, utf8, type Bytes } from "./bytes";
