//! The world of one plugin: the interfaces that its module imports, and those that it shall export.

use wit_parser::{Resolve, WorldId};

const CONTRACT: &str = include_str!("../../../../wit/plugin.wit");

/// A package called `name` with a world that has just these interfaces, which are named with package and version.
pub(super) fn of<'a>(name: &str, imports: impl Iterator<Item = &'a str>, exports: &[&str]) -> String {
    let mut imports: Vec<_> = imports.collect();
    imports.sort_unstable();
    imports.dedup();
    let imports: String = imports.iter().map(|name| format!("import {name};\n")).collect();
    let exports: String = exports.iter().map(|name| format!("export {name};\n")).collect();
    format!("package weir:{name};\nworld built {{\n{imports}{exports}}}\n")
}

/// Reads such a package beside the contract.
///
/// # Errors
///
/// The interface that the contract does not have.
pub(super) fn resolve(world: &str) -> Result<(Resolve, WorldId), String> {
    let mut resolve = Resolve::default();
    let read = resolve
        .push_str("plugin.wit", CONTRACT)
        .and_then(|_| resolve.push_str("built.wit", world))
        .and_then(|package| resolve.select_world(&[package], None));
    let world = read.map_err(|error| format!("{error:#}"))?;
    Ok((resolve, world))
}
