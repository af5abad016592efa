//! The place that a guest keeps for the inputs of a call, as a custom section of its module says.
//!
//! Four bytes, little-endian: how large it is. A guest that says so answers an allocation that is aligned to 4096
//! bytes with that place, always the same, and takes no offence at being handed what lies in it again. One
//! that lies harms its own memory only.

use wasmparser::{Parser, Payload};

/// Its name.
const SECTION: &str = "weir:inputs";
/// More than this no call is handed.
const LARGEST: u32 = 64 << 10;

/// Bytes of the place; 0 if there is none, or if the component is put together from others: the other one's
/// functions would know nothing of it.
#[expect(clippy::wildcard_enum_match_arm, reason = "a few of the many kinds of section are read")]
pub(crate) fn arena(component: &[u8]) -> u32 {
    let (mut inside, mut found) = (0_usize, None);
    for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => inside += 1,
            Payload::End(_) => inside = inside.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == SECTION => {
                let said = section.data().try_into().map_or(0, u32::from_le_bytes);
                let alone = inside == 1 && found.is_none();
                found = Some(if alone { said } else { 0 });
            }
            _ => {}
        }
    }
    found.filter(|size| *size <= LARGEST).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(magic: &[u8], section: u8, inner: &[&[u8]]) -> Vec<u8> {
        let parts = inner.iter().flat_map(|inner| [&[section, inner.len() as u8], *inner].concat());
        magic.iter().copied().chain(parts).collect()
    }

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn a_place_is_found_in_a_module_of_the_component_itself() {
        let says = |size: u32| [b"\x0bweir:inputs".as_slice(), &size.to_le_bytes()].concat();
        let module = |size: u32| nested(MODULE, 0, &[&says(size)]);
        let one = nested(COMPONENT, 1, &[&module(8192)]);
        let inner = nested(COMPONENT, 4, &[&one]);
        for (case, component, want) in [
            ("one", one, 8192),
            ("none", nested(COMPONENT, 1, &[MODULE]), 0),
            ("too large", nested(COMPONENT, 1, &[&module(1 << 20)]), 0),
            ("of two modules", nested(COMPONENT, 1, &[&module(64), &module(64)]), 0),
            ("of a component within", inner, 0),
            ("no number", nested(COMPONENT, 1, &[&nested(MODULE, 0, &[b"\x0bweir:inputs\x01"])]), 0),
        ] {
            assert_eq!(arena(&component), want, "{case}");
        }
    }
}
