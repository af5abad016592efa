//! Parameters of a query or a form: read, or taken out with the others left as they were written.

/// `query` without the parameters called `name`.
pub(crate) fn without(query: &str, name: &str) -> String {
    let mut rest = String::with_capacity(query.len());
    for pair in query.split('&') {
        let written = pair.split_once('=').map_or(pair, |(written, _)| written);
        if is(written, name) {
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
pub(crate) fn values<'a>(form: &'a str, name: &'a str) -> impl Iterator<Item = String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(move |(written, _)| is(written, name));
    named.map(|(_, value)| {
        let bytes: Vec<u8> = decoded(value.as_bytes()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Whether a parameter name as it was written means `name`.
fn is(written: &str, name: &str) -> bool {
    if written == name {
        return true;
    }
    if !written.contains(['%', '+']) {
        return false;
    }
    decoded(written.as_bytes()).eq(name.bytes())
}

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
    use super::without;

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
}
