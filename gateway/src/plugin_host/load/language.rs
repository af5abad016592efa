//! What a component was written in, as its toolchains say in `producers` sections.
//!
//! It decides about defaults only: a component that lies gets other defaults, not other rights.

use serde::{Deserialize, Serialize};
use wasmparser::{KnownCustom, Parser, Payload, ProducersSectionReader};

/// What a guest costs depends on what it was written in: an interpreter is another matter than a
/// compiled language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust, C, or anything else that brings no runtime along, and whatever says nothing.
    #[default]
    Compiled,
    /// Go, with its garbage collector.
    Go,
    /// JavaScript and TypeScript, in an interpreter.
    JavaScript,
    /// Python, in an interpreter.
    Python,
}

/// Reads the language off the bytes of a component that has passed the scan.
pub(crate) fn language(bytes: &[u8]) -> Language {
    let mut found = Language::Compiled;
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(Payload::CustomSection(section)) = payload else { continue };
        let KnownCustom::Producers(producers) = section.as_known() else { continue };
        found = heavier(found, named(producers));
    }
    found
}

/// An interpreter is itself written in a compiled language, and its modules say so too.
fn heavier(one: Language, other: Language) -> Language {
    let weight = |language| match language {
        Language::Compiled => 0,
        Language::Go => 1,
        Language::JavaScript => 2,
        Language::Python => 3,
    };
    if weight(other) > weight(one) { other } else { one }
}

fn named(producers: ProducersSectionReader<'_>) -> Language {
    let fields = producers.into_iter().flatten();
    let values = fields.flat_map(|field| field.values.into_iter().flatten());
    values.map(|value| known(value.name)).fold(Language::Compiled, heavier)
}

fn known(name: &str) -> Language {
    let name = name.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&["python", "componentize-py"]) {
        return Language::Python;
    }
    if has(&["javascript", "typescript", "componentizejs", "componentize-js", "qjs", "quickjs", "starling"]) {
        return Language::JavaScript;
    }
    if name == "go" || has(&["tinygo", "go cmd/compile", "go-toolchain"]) {
        return Language::Go;
    }
    Language::Compiled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with a module inside that has a `producers` section of one field.
    fn component(field: &str, value: &str) -> Vec<u8> {
        let name = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let fields = [vec![1], name(field), vec![1], name(value), name("1")].concat();
        let custom = [name("producers"), fields].concat();
        let module = [b"\0asm\x01\0\0\0\0".as_slice(), &[custom.len() as u8], &custom].concat();
        [b"\0asm\x0d\0\x01\0\x01".as_slice(), &[module.len() as u8], &module].concat()
    }

    #[test]
    fn toolchains_name_their_language() {
        for (field, value, want) in [
            ("language", "Rust", Language::Compiled),
            ("language", "Go", Language::Go),
            ("processed-by", "Go cmd/compile", Language::Go),
            ("language", "JavaScript", Language::JavaScript),
            ("processed-by", "componentize-qjs", Language::JavaScript),
            ("processed-by", "componentize-py", Language::Python),
            ("processed-by", "cargo", Language::Compiled),
        ] {
            assert_eq!(language(&component(field, value)), want, "{field} {value}");
        }
        assert_eq!(language(b"nothing"), Language::Compiled, "whatever says nothing");
    }
}
