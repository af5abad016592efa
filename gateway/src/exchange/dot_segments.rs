//! Dot segments in disguise: `/a/..%2fb`, `/a/..;/b`, `/a/%252e%252e/b`.
//!
//! Routes see the normal form of a path, and so does the upstream; in it a disguised dot segment is a
//! name like any other. An upstream that decodes once more than it should, or takes `;` or `\` for more
//! than a character, would climb out of what the route allows. So would one that reads overlong UTF-8,
//! `%u002e`, or the wide forms of dot and slash as the plain ones, or that drops tabs and line ends. What
//! such a reader would see is refused; nothing is rewritten here, and escaped slashes as such may pass,
//! since many APIs have them in names.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Escapes around escapes that are looked through.
const MOST_LAYERS: usize = 3;

/// What careless readers of UTF-8 take for a dot, a slash or a backslash: encodings that are longer than
/// they may be (RFC 3629 section 3), and characters that Unicode's compatibility forms, or tables of "best
/// fit", make one of them.
const LOOKALIKES: &[(&[u8], &[u8])] = &[
    (b"\xc0\xae", b"."),
    (b"\xe0\x80\xae", b"."),
    (b"\xf0\x80\x80\xae", b"."),
    (b"\xc0\xaf", b"/"),
    (b"\xe0\x80\xaf", b"/"),
    (b"\xf0\x80\x80\xaf", b"/"),
    (b"\xc1\x9c", b"/"),
    (b"\xe0\x81\x9c", b"/"),
    (b"\xf0\x80\x81\x9c", b"/"),
    ("\u{ff0e}".as_bytes(), b"."),
    ("\u{fe52}".as_bytes(), b"."),
    ("\u{2024}".as_bytes(), b"."),
    ("\u{2025}".as_bytes(), b".."),
    ("\u{ff0f}".as_bytes(), b"/"),
    ("\u{2044}".as_bytes(), b"/"),
    ("\u{2215}".as_bytes(), b"/"),
    ("\u{ff3c}".as_bytes(), b"/"),
    ("\u{fe68}".as_bytes(), b"/"),
    (b"%u002e", b"."),
    (b"%u002f", b"/"),
    (b"%u005c", b"/"),
    (b"\t", b""),
    (b"\r", b""),
    (b"\n", b""),
];

/// Whether a looser reader would find a dot segment in this path, which is in normal form.
///
/// One look at the bytes for a path without escapes and parameters.
pub fn hides_dots(path: &str) -> bool {
    let path = path.as_bytes();
    if memchr2(b'%', b';', path).is_none() {
        return false;
    }
    let mut layer = Cow::Borrowed(path);
    for _ in 0..=MOST_LAYERS {
        if is_one_among(&layer) || is_one_among(&plainly(&layer)) {
            return true;
        }
        if memchr(b'%', &layer).is_none() {
            return false;
        }
        layer = Cow::Owned(percent_encoding::percent_decode(&layer).collect());
    }
    false
}

/// The path with dots and slashes for what may pass for them.
fn plainly(path: &[u8]) -> Cow<'_, [u8]> {
    let odd = |byte: &u8| !byte.is_ascii() || matches!(byte, b'%' | b'\t' | b'\r' | b'\n');
    if !path.iter().any(odd) {
        return Cow::Borrowed(path);
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        let seen = LOOKALIKES.iter().find(|(odd, _)| begins_with(rest, odd));
        match seen.filter(|_| odd(&first)) {
            Some((odd, like)) => {
                plain.extend_from_slice(like);
                rest = rest.get(odd.len()..).unwrap_or_default();
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(plain)
}

/// But for the case of letters, as in `%u002E`.
fn begins_with(path: &[u8], odd: &[u8]) -> bool {
    path.get(..odd.len()).is_some_and(|start| start.eq_ignore_ascii_case(odd))
}

/// Whether there is a dot segment in this path, in disguise or not.
pub fn has_dots(path: &str) -> bool {
    is_one_among(path.as_bytes()) || hides_dots(path)
}

fn is_one_among(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        // Servers differ in what they cut off: parameters, all after a NUL, white space at the end.
        let name = segment.split(|byte| matches!(byte, b';' | 0)).next().unwrap_or_default();
        matches!(name.trim_ascii_end(), b"." | b"..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_segment_is_found_under_each_disguise() {
        for (path, want) in [
            ("/a/b", false),
            ("/a/.well-known", false),
            ("/a/...", false),
            ("/a%2Fb", false),
            ("/a/b;v=1/c", false),
            ("/a/b..%2Fc", false),
            ("/a/1.%2F2", false),
            ("/a%20.%20b", false),
            ("/a/%zz/b", false),
            ("/a%2F..%2Fb", true),
            ("/a/.%2Fb", true),
            ("/a%5C..%5Cb", true),
            ("/a/..%5Cb", true),
            ("/a/..;/b", true),
            ("/a/..;x=y/b", true),
            ("/a/..%3B/b", true),
            ("/a/..%00/b", true),
            ("/a/..%20/b", true),
            ("/a/..%09/b", true),
            ("/a/%252e%252e/b", true),
            ("/a%252f..%252fb", true),
            ("/a/%25252e%25252e/b", true),
            ("/a/%C3%A9t%C3%A9/%E6%97%A5", false),
            ("/a/1%EF%BC%8E5", false),
            ("/a%EF%BC%8Fb", false),
            ("/a/%E2%80%A6/b", false),
            ("/a/%C0%AE%C0%AE/b", true),
            ("/a/%E0%80%AE%E0%80%AE/b", true),
            ("/a/%F0%80%80%AE./b", true),
            ("/a%C0%AF..%C0%AFb", true),
            ("/a%C1%9C..%C1%9Cb", true),
            ("/a/%EF%BC%8E%EF%BC%8E/b", true),
            ("/a/%E2%80%A5/b", true),
            ("/a%EF%BC%8F..%EF%BC%8Fb", true),
            ("/a/%u002e%u002E/b", true),
            ("/a/.%09./b", true),
            ("/a/.%0D%0A./b", true),
            ("/a/%25c0%25ae%25c0%25ae/b", true),
        ] {
            assert_eq!(hides_dots(path), want, "{path}");
            assert_eq!(has_dots(path), want, "{path}");
        }
        for path in ["/..", "/a/../b", "/a/.", "/./a"] {
            assert!(has_dots(path), "{path}");
        }
    }
}
