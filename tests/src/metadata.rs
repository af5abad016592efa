//! The metadata of a component.

/// A component with the metadata that name a function, as `wasm-tools metadata add` writes them. Names are
/// short: below 100 bytes.
///
/// # Panics
///
/// If one is not.
pub fn named(component: &[u8], name: &str, version: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| {
        assert!(bytes.len() < 128, "its size takes one byte");
        [&[u8::try_from(bytes.len()).unwrap_or_default()], bytes].concat()
    };
    let section = |section: &str, data: &[u8]| {
        let body = [sized(section.as_bytes()), data.to_vec()].concat();
        [vec![0], sized(&body)].concat()
    };
    // Subsection 0 of `component-name` is the name of the component itself.
    let own_name = [vec![0], sized(&sized(name.as_bytes()))].concat();
    let sections = [section("component-name", &own_name), section("version", version.as_bytes())];
    [component.to_vec(), sections.concat()].concat()
}
