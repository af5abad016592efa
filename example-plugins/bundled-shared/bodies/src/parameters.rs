//! Parameters of a header, `value; name=token; name="in quotes"` (RFC 9110, section 5.6.6).

/// The first parameter of this name, which is lower-case.
pub(crate) fn find(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    loop {
        rest = behind_semicolon(rest)?;
        let (key, value) = rest.split_once('=')?;
        // Something without a value may come first: the name begins behind the last semicolon before `=`.
        let key = key.rsplit_once(';').map_or(key, |(_, key)| key);
        let (value, after) = read(value);
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// Nothing that is looked for stands before the first semicolon.
fn behind_semicolon(text: &str) -> Option<&str> {
    text.split_once(';').map(|(_, rest)| rest)
}

/// A value, and what is behind it. Quotes hide semicolons, and a backslash in them hides a quote.
fn read(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, _) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim_end().to_owned(), text.get(value.len()..).unwrap_or_default());
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn parameters_are_found_by_name() {
        for (case, header, want) in [
            ("token", "form-data; name=a", Some("a")),
            ("quotes", "form-data; name=\"a b\"", Some("a b")),
            ("a semicolon in quotes", "form-data; name=\"a;b\"; x=y", Some("a;b")),
            ("a quote in quotes", r#"form-data; name="a\"b""#, Some("a\"b")),
            ("behind another", "form-data; filename=\"x; name=y\"; Name = a ", Some("a")),
            ("behind one without a value", "form-data; x; name=a", Some("a")),
            ("no quote at the end", "form-data; name=\"a", Some("a")),
            ("empty", "form-data; name=", Some("")),
            ("only in another's value", "form-data; filename=\"x; name=y\"", None),
            ("the value before the first semicolon", "name=a; b=c", None),
            ("none", "form-data", None),
        ] {
            assert_eq!(find(header, "name").as_deref(), want, "{case}");
        }
    }
}
