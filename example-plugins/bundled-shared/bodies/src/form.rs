//! Parameters of a query or a form: read, or taken out with the others left as they were written.

/// `form` without the parameters called `name`.
pub fn without(form: &str, name: &str) -> String {
    let mut rest = String::with_capacity(form.len());
    for pair in form.split('&') {
        let written = pair.split_once('=').map_or(pair, |(written, _)| written);
        if is(written.as_bytes(), name) {
            continue;
        }
        if !rest.is_empty() {
            rest.push('&');
        }
        rest.push_str(pair);
    }
    rest
}

/// The values of the parameters called `name`, decoded. One without `=` has none.
pub fn values<'a>(form: &'a str, name: &'a str) -> impl Iterator<Item = String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(move |(written, _)| is(written.as_bytes(), name));
    named.map(|(_, value)| {
        let bytes: Vec<u8> = decoded(value.as_bytes()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Whether a parameter name as it was written means `name`.
pub fn is(written: &[u8], name: &str) -> bool {
    if written == name.as_bytes() {
        return true;
    }
    if !written.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return false;
    }
    decoded(written).eq(name.bytes())
}

/// Percent-encodes all but what RFC 3986 calls unreserved.
pub fn encode(bytes: &[u8], into: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(*byte),
            _ => into.extend([b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

/// A broken escape stands for itself.
fn decoded(mut rest: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                (hex(*high)? << 4 | hex(*low)?, after)
            }
            [b'+', after @ ..] => (b' ', after),
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{encode, is, without};

    #[test]
    fn takes_out_just_the_named_parameter() {
        for (case, query, want) in [
            ("only one", "apikey=k", ""),
            ("first", "apikey=k&a=1", "a=1"),
            ("between", "a=1&apikey=k&b=%20", "a=1&b=%20"),
            ("twice", "apikey=k&a=1&apikey=l", "a=1"),
            ("encoded name", "api%6Bey=k&a=1", "a=1"),
            ("without a value", "apikey&a", "a"),
            ("another name", "apikeys=k", "apikeys=k"),
            ("a broken escape", "apikey%2=k", "apikey%2=k"),
        ] {
            assert_eq!(without(query, "apikey"), want, "{case}");
        }
    }

    #[test]
    fn what_is_encoded_means_itself() {
        for name in ["plain", "a b&c=%", "é~"] {
            let mut written = Vec::new();
            encode(name.as_bytes(), &mut written);
            assert!(written.is_ascii() && is(&written, name), "{name}");
        }
    }
}
