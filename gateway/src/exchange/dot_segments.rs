//! Dot segments in disguise: `/a/..%2fb`, `/a/..;/b`, `/a/%252e%252e/b`.
//!
//! Routes see the normal form of a path, and so does the upstream; in it a disguised dot segment is a
//! name like any other. An upstream that decodes once more than it should, or takes `;` or `\` for more
//! than a character, would climb out of what the route allows. What such a reader would see is refused;
//! nothing is rewritten here, and escaped slashes as such may pass, since many APIs have them in names.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Escapes around escapes that are looked through.
const MOST_LAYERS: usize = 3;

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
        if is_one_among(&layer) {
            return true;
        }
        if memchr(b'%', &layer).is_none() {
            return false;
        }
        layer = Cow::Owned(percent_encoding::percent_decode(&layer).collect());
    }
    false
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
        ] {
            assert_eq!(hides_dots(path), want, "{path}");
            assert_eq!(has_dots(path), want, "{path}");
        }
        for path in ["/..", "/a/../b", "/a/.", "/./a"] {
            assert!(has_dots(path), "{path}");
        }
    }
}
