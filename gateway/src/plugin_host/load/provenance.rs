//! What a component says about how it was made: tools, and the packages in it.
//!
//! Two conventions are read, at every level of the component: the `producers` section of the tool
//! conventions for WebAssembly, and `.dep-v0`, which `cargo auditable` writes and `wasm-metadata`
//! knows. Nothing here is proof of anything; a signature over the bytes covers it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wasmparser::{BinaryReader, KnownCustom, Parser, Payload, ProducersSectionReader};

/// Where `cargo auditable` puts its list.
const PACKAGES: &str = ".dep-v0";
/// Bytes of the list once it is unpacked; a bomb stops there.
const MAX_LIST: usize = 1 << 20;
/// Entries of each kind that are kept.
const MOST: usize = 2_000;
/// Characters of a name or a version that are kept.
const LONGEST: usize = 128;

/// How a component was made, by its own word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// `language`, `processed-by`, `sdk` -> names with their versions.
    pub producers: BTreeMap<String, BTreeMap<String, String>>,
    /// Packages that were built into it.
    pub packages: BTreeSet<Package>,
}

/// One package of a bill of materials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Its name in its registry.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `crates.io`, `git`, `local` or `registry`.
    #[serde(default)]
    pub source: String,
    /// `runtime` or `build`.
    #[serde(default = "runtime")]
    pub kind: String,
}

fn runtime() -> String {
    "runtime".to_owned()
}

impl Provenance {
    /// Reads what there is; what cannot be read is left out.
    #[expect(clippy::wildcard_enum_match_arm, reason = "two of the many kinds of section are read")]
    pub fn read(component: &[u8]) -> Self {
        let mut found = Self::default();
        for payload in Parser::new(0).parse_all(component) {
            match payload {
                Ok(Payload::CustomSection(section)) if section.name() == PACKAGES => {
                    found.packages(section.data());
                }
                Ok(Payload::CustomSection(section)) => match section.as_known() {
                    KnownCustom::Producers(producers) => _ = found.producers(producers),
                    // wasmparser knows the section in modules; components use the same form.
                    _other if section.name() == "producers" => {
                        let reader = BinaryReader::new(section.data(), section.data_offset());
                        _ = ProducersSectionReader::new(reader).map(|section| found.producers(section));
                    }
                    _other => {}
                },
                Ok(_) => {}
                Err(_) => break,
            }
        }
        found
    }

    fn producers(&mut self, section: ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in section.into_iter().take(MOST) {
            let field = field?;
            let names = self.producers.entry(short(field.name)).or_default();
            for value in field.values.into_iter().take(MOST.saturating_sub(names.len())) {
                let value = value?;
                names.insert(short(value.name), short(value.version));
            }
        }
        Ok(())
    }

    fn packages(&mut self, packed: &[u8]) {
        #[derive(Deserialize)]
        struct List {
            packages: Vec<Package>,
        }
        let Ok(text) = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, MAX_LIST) else {
            return;
        };
        let Ok(list) = serde_json::from_slice::<List>(&text) else { return };
        let room = MOST.saturating_sub(self.packages.len());
        self.packages.extend(list.packages.into_iter().take(room).map(|package| Package {
            name: short(&package.name),
            version: short(&package.version),
            source: short(&package.source),
            kind: short(&package.kind),
        }));
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_sections(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        for (name, data) in sections {
            let size = 1 + name.len() + data.len();
            bytes.push(0);
            bytes.extend([size as u8 & 0x7f | 0x80, (size >> 7) as u8]);
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(data);
        }
        bytes
    }

    #[test]
    fn tools_and_packages_are_read_and_broken_ones_passed_over() {
        let producers = b"\x01\x08language\x01\x04Rust\x042024";
        let list = br#"{"packages":[{"name":"serde","version":"1.0.0","source":"crates.io"},
            {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[0]}]}"#;
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(list, 6);
        let bytes = with_sections(&[("producers", producers), (PACKAGES, &packed), (PACKAGES, b"junk")]);
        let found = Provenance::read(&bytes);
        assert_eq!(found.producers["language"]["Rust"], "2024");
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.kind)).collect();
        assert_eq!(names, [("app", "runtime"), ("serde", "runtime")]);
        assert_eq!(Provenance::read(b"not a component"), Provenance::default());
        let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; MAX_LIST + 1], 6);
        assert!(Provenance::read(&with_sections(&[(PACKAGES, &bomb)])).packages.is_empty(), "a bomb");
    }
}
