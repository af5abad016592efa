//! Writing JSON text straight into a string, for what is written once a request.
//!
//! It keeps no state and checks no nesting: the callers write fixed shapes, and their tests parse
//! the result. Everything else uses `serde_json`.

use std::net::IpAddr;

/// Appends `text` as a JSON string, quotes included.
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    escaped(text, out);
    out.push('"');
}

/// Appends bytes as a JSON string; what is not UTF-8 becomes U+FFFD.
pub(super) fn bytes(value: &[u8], out: &mut String) {
    match std::str::from_utf8(value) {
        Ok(text) => string(text, out),
        Err(_) => string(&String::from_utf8_lossy(value), out),
    }
}

/// Appends `"key":`, with a comma before it unless it is the first of its object. Keys of fixed
/// shapes need no escaping.
pub(super) fn key(key: &str, out: &mut String) {
    out.push_str(if out.as_bytes().last() == Some(&b'{') { "\"" } else { ",\"" });
    out.push_str(key);
    out.push_str("\":");
}

/// Appends `"key":"text"`.
pub(super) fn text_field(name: &str, text: &str, out: &mut String) {
    key(name, out);
    string(text, out);
}

/// Appends `"key":"address"`; the common kind without the formatting machinery.
pub(super) fn address_field(name: &str, address: IpAddr, out: &mut String) {
    let IpAddr::V4(address) = address else { return text_field(name, &address.to_string(), out) };
    key(name, out);
    let mut before = "\"";
    for octet in address.octets() {
        out.push_str(before);
        out.push_str(itoa::Buffer::new().format(octet));
        before = ".";
    }
    out.push('"');
}

/// Appends `"key":number`.
pub(super) fn number_field(name: &str, number: impl itoa::Integer, out: &mut String) {
    key(name, out);
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends `"key":` and text that is JSON already.
pub(super) fn json_field(name: &str, json: &str, out: &mut String) {
    key(name, out);
    out.push_str(json);
}

/// Appends what stands between the quotes of a JSON string.
///
/// Not inlined: a record has dozens of strings, and their code would not fit into the cache.
#[inline(never)]
pub(super) fn escaped(text: &str, out: &mut String) {
    if is_clean(text.as_bytes()) {
        return out.push_str(text);
    }
    for letter in text.chars() {
        if u8::try_from(letter).is_ok_and(needs_escape) { escape(letter, out) } else { out.push(letter) }
    }
}

/// Whether nothing needs an escape. Most strings are short, so that eight bytes are looked at together.
fn is_clean(text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
        return !text.iter().any(|byte| needs_escape(*byte));
    };
    // The last eight may have been among those before them.
    let (words, _) = text.as_chunks();
    let rest = words.get(1..).unwrap_or_default();
    let begun = dirty(*first) | dirty(*last);
    rest.iter().fold(begun, |found, word| found | dirty(*word)) == 0
}

/// Not 0 if one of eight bytes needs an escape.
fn dirty(bytes: [u8; 8]) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let word = u64::from_ne_bytes(bytes);
    // What is below a limit borrows its highest bit from the limit, and has not had it before.
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\') | is(0x7f)) & (EACH << 7)
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

fn escape(letter: char, out: &mut String) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        other => {
            let digit = |nibble| char::from_digit(nibble, 16).unwrap_or('0');
            out.push_str("\\u00");
            out.push(digit(u32::from(other) >> 4 & 0xf));
            out.push(digit(u32::from(other) & 0xf));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            let mut out = String::new();
            string(&text, &mut out);
            prop_assert_eq!(serde_json::from_str::<String>(&out).expect("valid JSON"), text);
        }

        #[test]
        fn any_bytes_give_valid_json(value in any::<Vec<u8>>()) {
            let mut out = String::new();
            bytes(&value, &mut out);
            let read: String = serde_json::from_str(&out).expect("valid JSON");
            prop_assert_eq!(read, String::from_utf8_lossy(&value).into_owned());
        }
    }

    #[test]
    fn each_byte_in_each_place_is_judged_alike() {
        let places = (0..20).flat_map(|length| (0..length).map(move |place| (length, place)));
        for (length, place) in places {
            let mut text = vec![b'a'; length];
            for byte in 0..=u8::MAX {
                text[place] = byte;
                assert_eq!(is_clean(&text), !needs_escape(byte), "{byte} at {place} of {length}");
            }
        }
    }

    #[test]
    fn fields_are_separated() {
        let mut out = "{".to_owned();
        text_field("a", "1\u{0}\u{7f}", &mut out);
        number_field("b", -2_i64, &mut out);
        json_field("c", "{}", &mut out);
        address_field("d", [192, 0, 2, 1].into(), &mut out);
        out.push('}');
        assert_eq!(out, r#"{"a":"1\u0000\u007f","b":-2,"c":{},"d":"192.0.2.1"}"#);
    }
}
