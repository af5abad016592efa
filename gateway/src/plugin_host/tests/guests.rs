//! Guests as WebAssembly text, made into components of the real contract.
//!
//! A guest answers from fixed places in its memory, laid out as the component model says:
//! `INFO` for `describe`, `SETUP` for `configure`, `VERDICT` for phase calls.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A guest: what its functions do, and what its world is.
pub(super) struct Guest<'a> {
    pub(super) describe: &'a str,
    pub(super) configure: &'a str,
    pub(super) request_head: &'a str,
    /// What `on-log` does first.
    pub(super) log: &'a str,
    /// More definitions of the module.
    pub(super) more: &'a str,
    /// Imports of the module.
    pub(super) imports: &'a str,
    /// What `cabi_realloc` does first.
    pub(super) realloc: &'a str,
    /// Pages of memory that it begins with.
    pub(super) pages: u32,
    /// More lines of the world.
    pub(super) world: &'a str,
    pub(super) reuse: bool,
}

impl Default for Guest<'_> {
    fn default() -> Self {
        Self {
            describe: "",
            configure: "",
            request_head: "",
            log: "",
            more: "",
            imports: "",
            realloc: "",
            pages: 2,
            world: "export weir:plugin/request-head@0.1.0;",
            reuse: true,
        }
    }
}

/// Edits that `request_head` can answer: `(call $edit (name, len) (value, len))`, see below.
const MODULE: &str = r#"(module
  {IMPORTS}
  (memory (export "memory") {PAGES})
  (global $next (mut i32) (i32.const 65536))
  (global $calls (mut i32) (i32.const 0))
  (data (i32.const 64) "guest")
  (data (i32.const 72) "1.0.0")
  (data (i32.const 80) "{\"type\":\"object\"}")
  (data (i32.const 100) "x-out")
  (data (i32.const 108) "value")
  (data (i32.const 116) "a\r\nb: c")
  (data (i32.const 128) "content-length")
  ;; INFO at 256: name, version, description, config-schema, capabilities, instances, priority, authenticates
  (data (i32.const 256) "\40\00\00\00\05\00\00\00\48\00\00\00\05\00\00\00\40\00\00\00\05\00\00\00\50\00\00\00\11\00\00\00")
  (data (i32.const 296) "{REUSE}")
  ;; SETUP at 512: ok, one phase at 600
  (data (i32.const 520) "\58\02\00\00\01\00\00\00")
  (data (i32.const 600) "{PHASE}")
  ;; VERDICT at 1024: ok, proceed, edits at 1040, body passes, response wanted
  (data (i32.const 1192) "\01")
  ;; one edit at 2048: set, name, value
  (func $edit (param i32 i32 i32 i32)
    (i32.store (i32.const 2052) (local.get 0)) (i32.store (i32.const 2056) (local.get 1))
    (i32.store (i32.const 2060) (local.get 2)) (i32.store (i32.const 2064) (local.get 3))
    (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const 1)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    {REALLOC}
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $next) (i32.const 120000)) (then (global.set $next (i32.const 65536))))
    (local.get $at))
  (func (export "weir:plugin/meta@0.1.0#describe") (result i32) {DESCRIBE} (i32.const 256))
  (func (export "weir:plugin/lifecycle@0.1.0#configure") (param i32 i32) (result i32)
    {CONFIGURE} (i32.const 512))
  {MORE}
)"#;

const REQUEST_HEAD: &str = r#"(func $head (export "weir:plugin/request-head@0.1.0#on-request-head")
    (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    {BODY} (i32.const 1024))"#;

const LOG: &str = r#"(func (export "weir:plugin/log-phase@0.1.0#on-log") (param i32 i32) (result i32)
    {LOG} (i32.const 3000))"#;

impl Guest<'_> {
    pub(super) fn build(&self) -> Vec<u8> {
        let mut more = self.more.to_owned();
        let logs = self.world.contains("log-phase");
        if self.world.contains("request-head") {
            more.push_str(&REQUEST_HEAD.replace("{BODY}", self.request_head));
        }
        if logs {
            more.push_str(&LOG.replace("{LOG}", self.log));
        }
        let text = MODULE
            .replace("{IMPORTS}", self.imports)
            .replace("{REALLOC}", self.realloc)
            .replace("{PAGES}", &self.pages.to_string())
            .replace("{REUSE}", if self.reuse { "\\01" } else { "\\00" })
            .replace("{PHASE}", if logs { "\\08" } else { "\\00" })
            .replace("{DESCRIBE}", self.describe)
            .replace("{CONFIGURE}", self.configure)
            .replace("{MORE}", &more);
        let world = format!(
            "package weir:guest; world guest {{ export weir:plugin/meta@0.1.0; \
             export weir:plugin/lifecycle@0.1.0; {} }}",
            self.world
        );
        component(&text, &world)
    }
}

/// A component of a core module in text form and a world.
pub(super) fn component(module: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit")).unwrap();
    let package = resolve.push_str("guest.wit", world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}
