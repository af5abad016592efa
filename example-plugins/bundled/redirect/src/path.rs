//! The path of a request in the form that Kong gives it, for a URL.
//!
//! Kong decodes what needs no escape, follows dot segments, and makes one slash of several; the URL's own
//! rules then escape what has to be. Here an escape of anything but a letter, a digit, or one of `-._~` stays
//! one, so that no line break and no slash comes out of it.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode_byte, utf8_percent_encode};

/// What the path of a web address does not have in it (the WHATWG's "path").
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// Writes `path` behind a URL's authority.
pub(crate) fn append(path: &str, url: &mut String) {
    let origin = url.len();
    let decoded = decoded(path);
    let mut ends_open = false;
    for segment in decoded.split(['/', '\\']) {
        ends_open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                let parent = url.get(origin..).and_then(|path| path.rfind('/')).unwrap_or_default();
                url.truncate(origin + parent);
            }
            segment => {
                url.push('/');
                url.extend(utf8_percent_encode(segment, PATH));
            }
        }
    }
    if ends_open || url.len() == origin {
        url.push('/');
    }
}

/// Escapes of characters that need none are decoded; the others get capital digits.
fn decoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((digits, behind)) = after.split_at_checked(2) else {
            out.push('%');
            rest = after;
            continue;
        };
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                push(byte, &mut out);
                rest = behind;
            }
            Ok(_) | Err(_) => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn push(byte: u8, out: &mut String) {
    let letter = char::from(byte);
    if letter.is_ascii_alphanumeric() || "-._~".contains(letter) {
        out.push(letter);
    } else {
        out.push_str(percent_encode_byte(byte));
    }
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn paths_are_written_as_kong_does() {
        for (case, path, want) in [
            ("as it is", "/status/200", "/status/200"),
            ("the root", "/", "/"),
            ("none", "", "/"),
            ("a slash at its end", "/a/", "/a/"),
            ("several slashes", "//a///b", "/a/b"),
            ("another host", "//evil.test/", "/evil.test/"),
            ("backslashes", "/\\evil.test", "/evil.test"),
            ("dots", "/a/./b/../c", "/a/c"),
            ("dots at its end", "/a/b/..", "/a/"),
            ("more dots than segments", "/../../a", "/a"),
            ("hidden dots", "/a/%2e%2E/b", "/b"),
            ("escapes that none needs", "/%61%7e%2D", "/a~-"),
            ("escapes that stay", "/a%2fb%20%c3%b8%0d%0a", "/a%2Fb%20%C3%B8%0D%0A"),
            ("a hidden escape", "/%2561", "/%2561"),
            ("broken escapes", "/%/%2/%zz/%+1", "/%/%2/%zz/%+1"),
            ("a broken escape before text", "/%\u{f8}", "/%%C3%B8"),
            ("what has to be escaped", "/a b\"<>`{}\u{f8}", "/a%20b%22%3C%3E%60%7B%7D%C3%B8"),
            ("what has not", "/a;b=c,d:e@f!$&'()*+|", "/a;b=c,d:e@f!$&'()*+|"),
        ] {
            let mut url = "https://x".to_owned();
            append(path, &mut url);
            assert_eq!(url.strip_prefix("https://x"), Some(want), "{case}");
        }
    }
}
