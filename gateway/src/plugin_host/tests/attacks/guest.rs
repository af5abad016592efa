//! Guests from files: the parts of a `Guest`, each below a line `;;= part`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::plugin_host::tests::guests::Guest;

/// Interfaces that nobody has to ask for.
const AMBIENT: [&str; 2] = ["exchange", "types"];

/// The folder of all guests.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plugin_host/tests/attacks/guests")
}

/// The component of `guests/NAME.wat`. It asks for the capabilities that it imports.
pub(super) fn build(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(folder().join(format!("{name}.wat"))).expect(name);
    let part = |wanted: &str| {
        let marked = text.split("\n;;= ").skip(1).filter_map(|part| part.split_once('\n'));
        marked.filter(|(part, _)| *part == wanted).map(|(_, body)| body.trim()).next().unwrap_or_default()
    };
    for (known, _) in text.split("\n;;= ").skip(1).filter_map(|part| part.split_once('\n')) {
        assert!(PARTS.contains(&known), "{name}: there is no part {known}");
    }
    let world = format!("export weir:plugin/request-head@0.1.0; {}", part("world"));
    let more = format!("{}\n{}", part("functions"), capabilities(part("world")));
    let guest = Guest {
        describe: part("describe"),
        configure: part("configure"),
        request_head: part("request-head"),
        log: "",
        realloc: part("realloc"),
        imports: part("imports"),
        pages: part("pages").parse().unwrap_or(2),
        more: &more,
        world: &world,
        reuse: part("instances") != "per-call",
    };
    guest.build()
}

const PARTS: [&str; 9] = [
    "configure",
    "describe",
    "functions",
    "imports",
    "instances",
    "pages",
    "realloc",
    "request-head",
    "world",
];

/// Data that puts the imported interfaces into the list of capabilities that `describe` returns.
fn capabilities(world: &str) -> String {
    const LIST: usize = 30_000;
    const NAMES: usize = 30_500;
    let imported = world.lines().filter_map(|line| line.trim().strip_prefix("import weir:plugin/"));
    let names = imported.filter_map(|rest| rest.split('@').next()).filter(|name| !AMBIENT.contains(name));
    let mut data = String::new();
    let mut count = 0;
    for name in names {
        let at = NAMES + 32 * count;
        let entry = [word(at), word(name.len()), word(at), word(name.len()), word(0), word(0)].concat();
        writeln!(data, "(data (i32.const {at}) \"{name}\")").unwrap();
        writeln!(data, "(data (i32.const {}) \"{entry}\")", LIST + 24 * count).unwrap();
        count += 1;
    }
    writeln!(data, "(data (i32.const 288) \"{}{}\")", word(LIST), word(count)).unwrap();
    data
}

/// A number as WebAssembly keeps it.
fn word(number: usize) -> String {
    let bytes = u32::try_from(number).unwrap().to_le_bytes();
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
