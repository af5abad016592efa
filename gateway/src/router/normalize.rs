//! The normal form of a request path, in which routes see it.
//!
//! Follows Kong's order: escapes are decoded, dot segments removed, then runs of slashes merged.
//! Reserved characters stay escaped, with upper-case digits, because decoding them would change
//! what the path means.

use std::borrow::Cow;

/// Characters that stay escaped.
const RESERVED: &[u8] = b"!*'();:@&=+$,/?%#[]";

/// Brings a raw path, without its query, to normal form. Borrows what is in normal form already.
///
/// A path that does not begin with a slash (`*`) is left alone.
pub fn normalize_path(raw: &str) -> Cow<'_, [u8]> {
    let bytes = raw.as_bytes();
    if !bytes.starts_with(b"/") || is_normal(bytes) {
        return Cow::Borrowed(bytes);
    }
    let decoded = decode(bytes);
    Cow::Owned(merge_slashes(remove_dot_segments(&decoded)))
}

fn is_normal(path: &[u8]) -> bool {
    let mut after_slash = false;
    for byte in path {
        match byte {
            b'%' => return false,
            // `/.well-known` takes the slow way too: it is rare, and only costs a copy.
            b'/' | b'.' if after_slash => return false,
            _ => after_slash = *byte == b'/',
        }
    }
    true
}

fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = (byte == b'%').then(|| after.first_chunk::<2>()).flatten();
        let Some(value) = escape.and_then(hex_value) else {
            decoded.push(byte);
            rest = after;
            continue;
        };
        if RESERVED.contains(&value) {
            decoded.push(b'%');
            decoded.extend(after.iter().take(2).map(u8::to_ascii_uppercase));
        } else {
            decoded.push(value);
        }
        rest = after.get(2..).unwrap_or_default();
    }
    decoded
}

fn hex_value(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash.
fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(path.len());
    let mut segments = path.get(1..).unwrap_or_default().split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let dots = matches!(segment, b"." | b"..");
        if segment == b".." {
            let parent = kept.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            kept.truncate(parent);
        }
        if !dots {
            kept.push(b'/');
            kept.extend_from_slice(segment);
        } else if segments.peek().is_none() {
            kept.push(b'/');
        }
    }
    kept
}

fn merge_slashes(mut path: Vec<u8>) -> Vec<u8> {
    path.dedup_by(|next, before| *next == b'/' && *before == b'/');
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (raw, want) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("*", "*"),
            ("/%61bc", "/abc"),
            ("/a%2fb%2Fc", "/a%2Fb%2Fc"),
            ("/a%20b", "/a b"),
            ("/a%zz%4", "/a%zz%4"),
            ("/%7Euser", "/~user"),
            ("/%25%3f", "/%25%3F"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/.", "/"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/%2e%2E/a", "/a"),
            ("//a///b//", "/a/b/"),
            ("/a//../b", "/a/b"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(String::from_utf8_lossy(&normalize_path(raw)), want, "{raw}");
        }
    }

    #[test]
    fn normal_paths_are_borrowed() {
        assert!(matches!(normalize_path("/a/b.c/d"), Cow::Borrowed(_)));
    }

    #[test]
    fn escaped_bytes_need_not_be_text() {
        assert_eq!(&*normalize_path("/%ff%C3"), b"/\xff\xc3");
    }
}
