//! Paths and path patterns under fuzz.

use std::borrow::Cow;

use gateway_tests::fuzz;
use http::uri::PathAndQuery;
use serde_json::json;

use super::tests::{Request, indexed, route};
use super::{Router, normalize_path, upstream_path};
use crate::exchange::hides_dots;
use crate::model::PathHandling;

const PATHS: &[&[u8]] = &[
    b"/a/b/../c",
    b"/a//b/./%2e%2E/c%2f",
    b"/%%32e%%32e/x",
    b"/a;b=c/..;/d",
    b"/%c0%ae%c0%ae/%ef%bc%8e",
    b"/users/12/%E6%97%A5",
    b"*",
];
const WORDS: &[&str] = &["/", "..", "%2e", "%2F", "%25", "%", "/./", "/../", "//", ";", "\\", "%00", "%ff"];

#[test]
fn fuzz_paths() {
    fuzz("paths", PATHS, WORDS, |input| {
        let text = String::from_utf8_lossy(input);
        let normal = normalize_path(&text);
        if !text.starts_with('/') {
            return;
        }
        assert!(normal.starts_with(b"/"), "it stays a path");
        let mut segments = normal.split(|byte| *byte == b'/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            assert!(!matches!(segment, b"." | b".."), "no dot segment is left");
            assert!(!segment.is_empty() || segments.peek().is_none(), "no empty segment but the last");
        }
        for handling in [PathHandling::V0, PathHandling::V1] {
            for strip in [None, Some(0), Some(1), Some(3), Some(normal.len())] {
                let path = upstream_path(Some("/base"), &normal, strip, handling);
                assert!(path.starts_with("/base"), "below the service: {path}");
                assert!(PathAndQuery::try_from(path.as_ref()).is_ok(), "a target: {path}");
                // A reader that decodes once must not leave the service, unless the request is refused.
                let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode_str(&path).into();
                let climbs = decoded.split(|byte| *byte == b'/').any(|segment| segment == b"..");
                assert!(!climbs || hides_dots(&path), "found out: {path}");
            }
        }
    });
}

#[test]
fn fuzz_path_patterns() {
    const PATTERNS: &[&[u8]] =
        &[b"/a/b", b"~/a/(?<id>[0-9]+)$", b"~/(a|b)*c+", b"~/a{1,9}[^/]*", b"~/\\d+|/x", b"~(?i)/A"];
    const PARTS: &[&str] = &["(?<n>", ")", "[", "]", "{2}", "|", "^", "$", "\\", "(?i)", "~", ".*", "\\b"];
    fuzz("path patterns", PATTERNS, PARTS, |input| {
        let text = String::from_utf8_lossy(input);
        let routes = [route(1, &json!({ "paths": [text] })), route(2, &json!({"paths": ["/"]}))];
        let (router, problems) = Router::build(&indexed(&routes));
        let request = Request::get("a", "/a/b/12");
        let found = router.find(&request.input()).expect("the second route takes what is left");
        assert!(problems.is_empty() || found.index.0 == 1, "a broken route takes nothing");
    });
}
