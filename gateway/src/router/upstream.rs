//! The path that goes to the upstream: the service's path and the request's, joined as Kong does.

use std::borrow::Cow;

use crate::model::PathHandling;

/// Joins the service's path and the normalised request path.
///
/// `strip` is how many bytes of `path` to cut off first: `None` when the route keeps its path. The
/// result is escaped for the request line. Borrows when it is a part of `path`.
pub fn upstream_path<'p>(
    service_path: Option<&str>,
    path: &'p [u8],
    strip: Option<usize>,
    handling: PathHandling,
) -> Cow<'p, str> {
    let base = service_path.filter(|base| !base.is_empty()).unwrap_or("/").as_bytes();
    let joined = match (handling, strip) {
        (PathHandling::V0, Some(length)) => join_stripped(base, path, length),
        (PathHandling::V0, None) => join_whole(base, path),
        (PathHandling::V1, _) => append(base, path, strip),
    };
    match joined {
        Cow::Borrowed(bytes) => escape(bytes),
        Cow::Owned(bytes) => Cow::Owned(escape(&bytes).into_owned()),
    }
}

fn join_whole<'p>(base: &[u8], path: &'p [u8]) -> Cow<'p, [u8]> {
    match (base, base.strip_suffix(b"/")) {
        (b"/", _) if path.starts_with(b"/") => Cow::Borrowed(path),
        (_, Some(_)) => concat(base, path.strip_prefix(b"/").unwrap_or(path)),
        (_, None) if path == b"/" => Cow::Owned(base.to_vec()),
        (_, None) => concat(base, path),
    }
}

fn join_stripped<'p>(base: &[u8], path: &'p [u8], length: usize) -> Cow<'p, [u8]> {
    let rest = without_dots(path.get(length..).unwrap_or_default());
    if rest.is_empty() {
        return Cow::Owned(base_alone(base, path));
    }
    let without_slash = base.strip_suffix(b"/").unwrap_or(base);
    match rest.first() {
        Some(b'/') if without_slash.is_empty() => Cow::Borrowed(rest),
        Some(b'/') => concat(without_slash, rest),
        // What was cut off ended with the slash that is wanted.
        Some(_) if without_slash.is_empty() && ends_before(path, rest) == Some(b'/') => {
            Cow::Borrowed(path.get(path.len() - rest.len() - 1..).unwrap_or(path))
        }
        Some(_) | None => concat(&concat(without_slash, b"/"), rest),
    }
}

/// Kong's older way: no slash is put in between, and one of two is left out.
fn append<'p>(base: &[u8], path: &'p [u8], strip: Option<usize>) -> Cow<'p, [u8]> {
    let rest = match strip {
        Some(length) => without_dots(path.get(length..).unwrap_or_default()),
        None => path.strip_prefix(b"/").unwrap_or(path),
    };
    match (base.ends_with(b"/"), rest.strip_prefix(b"/")) {
        (true, Some(rest)) => concat(base, rest),
        (_, _) => concat(base, rest),
    }
}

/// The byte before `rest`, which is the end of `path`.
fn ends_before(path: &[u8], rest: &[u8]) -> Option<u8> {
    path.get(..path.len() - rest.len())?.last().copied()
}

/// The base keeps or gets a final slash if the request path ended with one, and loses it if not.
fn base_alone(base: &[u8], path: &[u8]) -> Vec<u8> {
    let slash = path.ends_with(b"/");
    match base.strip_suffix(b"/") {
        Some(b"") => base.to_vec(),
        Some(without) if !slash => without.to_vec(),
        Some(_) => base.to_vec(),
        None if slash && path.len() > 1 => concat(base, b"/").into_owned(),
        None => base.to_vec(),
    }
}

/// What is left after the cut must not begin with a dot segment: the request path had none there.
fn without_dots(rest: &[u8]) -> &[u8] {
    match rest {
        b"." | b".." => b"",
        _ => rest.strip_prefix(b"./").or_else(|| rest.strip_prefix(b"../")).unwrap_or(rest),
    }
}

fn concat<'p>(left: &[u8], right: &[u8]) -> Cow<'p, [u8]> {
    Cow::Owned([left, right].concat())
}

fn escape(path: &[u8]) -> Cow<'_, str> {
    if path.iter().all(|byte| is_plain(*byte)) {
        return String::from_utf8_lossy(path);
    }
    let mut escaped = String::with_capacity(path.len() + 16);
    for &byte in path {
        if is_plain(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.extend([byte >> 4, byte & 15].iter().filter_map(|nibble| hex_digit(*nibble)));
        }
    }
    Cow::Owned(escaped)
}

fn hex_digit(nibble: u8) -> Option<char> {
    char::from_digit(nibble.into(), 16).map(|digit| digit.to_ascii_uppercase())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@[]-_.~%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// service path, route path, request path, stripped, not stripped.
    const TABLE: [[&str; 5]; 27] = [
        ["/", "/", "/", "/", "/"],
        ["/", "/", "/a", "/a", "/a"],
        ["/", "/", "/a/", "/a/", "/a/"],
        ["/", "/foo", "/foo", "/", "/foo"],
        ["/", "/foo", "/foo/", "/", "/foo/"],
        ["/", "/foo", "/foo/bar", "/bar", "/foo/bar"],
        ["/", "/foo", "/foobar", "/bar", "/foobar"],
        ["/", "/foo/", "/foo/", "/", "/foo/"],
        ["/", "/foo/", "/foo/bar", "/bar", "/foo/bar"],
        ["/api", "/", "/", "/api", "/api"],
        ["/api", "/", "/a", "/api/a", "/api/a"],
        ["/api", "/", "/a/", "/api/a/", "/api/a/"],
        ["/api", "/foo", "/foo", "/api", "/api/foo"],
        ["/api", "/foo", "/foo/", "/api/", "/api/foo/"],
        ["/api", "/foo", "/foo/bar", "/api/bar", "/api/foo/bar"],
        ["/api", "/foo", "/foobar", "/api/bar", "/api/foobar"],
        ["/api", "/foo/", "/foo/", "/api/", "/api/foo/"],
        ["/api", "/foo/", "/foo/bar", "/api/bar", "/api/foo/bar"],
        ["/api/", "/", "/", "/api/", "/api/"],
        ["/api/", "/", "/a", "/api/a", "/api/a"],
        ["/api/", "/", "/a/", "/api/a/", "/api/a/"],
        ["/api/", "/foo", "/foo", "/api", "/api/foo"],
        ["/api/", "/foo", "/foo/", "/api/", "/api/foo/"],
        ["/api/", "/foo", "/foo/bar", "/api/bar", "/api/foo/bar"],
        ["/api/", "/foo", "/foobar", "/api/bar", "/api/foobar"],
        ["/api/", "/foo/", "/foo/", "/api/", "/api/foo/"],
        ["/api/", "/foo/", "/foo/bar", "/api/bar", "/api/foo/bar"],
    ];

    fn v0<'p>(base: Option<&str>, path: &'p [u8], strip: Option<usize>) -> Cow<'p, str> {
        upstream_path(base, path, strip, PathHandling::V0)
    }

    #[test]
    fn joins_as_kong_does() {
        for [base, route, request, stripped, whole] in TABLE {
            let case = format!("service {base}, route {route}, request {request}");
            assert_eq!(v0(Some(base), request.as_bytes(), Some(route.len())), stripped, "{case}");
            assert_eq!(v0(Some(base), request.as_bytes(), None), whole, "{case}, kept");
        }
    }

    #[test]
    fn a_cut_leaves_no_dot_segment_in_front() {
        for (request, want) in [
            ("/foo.", "/api"),
            ("/foo..", "/api"),
            ("/foo./x", "/api/x"),
            ("/foo../x", "/api/x"),
            ("/foo.x", "/api/.x"),
        ] {
            assert_eq!(v0(Some("/api"), request.as_bytes(), Some(4)), want, "{request}");
        }
    }

    #[test]
    fn escapes_what_a_request_line_cannot_carry() {
        assert_eq!(v0(None, b"/a b/\xff/%2F~", None), "/a%20b/%FF/%2F~");
    }

    #[test]
    fn the_older_handling_puts_no_slash_in_between() {
        for (base, route, request, stripped, whole) in [
            ("/", "/foo", "/foo", "/", "/foo"),
            ("/", "/foo", "/foo/bar", "/bar", "/foo/bar"),
            ("/", "/foo", "/foobar", "/bar", "/foobar"),
            ("/api", "/", "/a", "/apia", "/apia"),
            ("/api", "/foo", "/foo", "/api", "/apifoo"),
            ("/api", "/foo", "/foo/bar", "/api/bar", "/apifoo/bar"),
            ("/api", "/foo", "/foobar", "/apibar", "/apifoobar"),
            ("/api/", "/foo", "/foo/bar", "/api/bar", "/api/foo/bar"),
            ("/api/", "/foo/", "/foo/bar", "/api/bar", "/api/foo/bar"),
        ] {
            let join = |strip| upstream_path(Some(base), request.as_bytes(), strip, PathHandling::V1);
            let case = format!("service {base}, route {route}, request {request}");
            assert_eq!(join(Some(route.len())), stripped, "{case}");
            assert_eq!(join(None), whole, "{case}, kept");
        }
    }

    #[test]
    fn borrows_what_passes_unchanged() {
        assert!(matches!(v0(None, b"/foo/bar", None), Cow::Borrowed("/foo/bar")));
        assert!(matches!(v0(Some("/"), b"/foo/bar", Some(4)), Cow::Borrowed("/bar")));
    }
}
