//! What a message says of its body.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::HeaderOp;

use crate::parameters;

const CONTENT_TYPE: &str = "content-type";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data";

/// How a body is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// As the query of a URL.
    Form,
    /// JSON.
    Json,
    /// In parts, with the boundary between them.
    Multipart(String),
}

impl Kind {
    /// The kind of a body with this `Content-Type`, if it has fields.
    pub fn of(content_type: &str) -> Option<Self> {
        let name = content_type.split_once(';').map_or(content_type, |(name, _)| name);
        let kind = Self::named(&name.trim().to_ascii_lowercase(), content_type)?;
        // RFC 2046, section 5.1.1.
        let is_too_long = matches!(&kind, Self::Multipart(boundary) if boundary.len() > 70);
        (!is_too_long).then_some(kind)
    }

    /// The same where a type counts wherever `Content-Type` mentions it, as some of Kong's plugins judge, and a
    /// boundary however long it is.
    pub fn mentioned_in(content_type: &str) -> Option<Self> {
        let lower = content_type.to_ascii_lowercase();
        let name = [JSON, MULTIPART, FORM].into_iter().find(|name| lower.contains(name))?;
        Self::named(name, content_type)
    }

    fn named(name: &str, content_type: &str) -> Option<Self> {
        match name {
            FORM => Some(Self::Form),
            JSON => Some(Self::Json),
            MULTIPART => parameters::find(content_type, "boundary")
                .filter(|boundary| !boundary.is_empty())
                .map(Self::Multipart),
            _ => None,
        }
    }
}

/// The `Content-Type` that a message has after `edits`, where `sent` is what it came with.
pub fn content_type<'a>(sent: Option<&'a [u8]>, edits: &'a [HeaderOp]) -> Option<&'a [u8]> {
    edits.iter().fold(sent, |now, edit| match edit {
        HeaderOp::Set(header) if header.name == CONTENT_TYPE => Some(&header.value),
        HeaderOp::Append(header) if header.name == CONTENT_TYPE => now.or(Some(&header.value)),
        HeaderOp::Remove(name) if name == CONTENT_TYPE => None,
        HeaderOp::RemovePrefix(prefix) if CONTENT_TYPE.starts_with(prefix) => None,
        HeaderOp::Set(_) | HeaderOp::Append(_) | HeaderOp::Remove(_) | HeaderOp::RemovePrefix(_) => now,
    })
}

/// Whether a body with this `Content-Encoding` is written in another way than its type says.
pub fn is_compressed(content_encoding: Option<&[u8]>) -> bool {
    content_encoding.is_some_and(|encoding| !encoding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_type() {
        let parts = |boundary: &str| Some(Kind::Multipart(boundary.into()));
        for (content_type, kind, mentioned) in [
            ("application/x-www-form-urlencoded", Some(Kind::Form), Some(Kind::Form)),
            ("Application/JSON; charset=utf-8", Some(Kind::Json), Some(Kind::Json)),
            ("application/json-patch+json", None, Some(Kind::Json)),
            ("text/plain, application/json", None, Some(Kind::Json)),
            ("multipart/form-data; boundary=b-1", parts("b-1"), parts("b-1")),
            ("multipart/form-data; charset=x; Boundary=\"b; 1\"", parts("b; 1"), parts("b; 1")),
            ("multipart/form-data", None, None),
            ("multipart/form-data; boundary=", None, None),
            ("text/plain", None, None),
            ("", None, None),
        ] {
            assert_eq!(Kind::of(content_type), kind, "{content_type}");
            assert_eq!(Kind::mentioned_in(content_type), mentioned, "{content_type}");
        }
        let long = "b".repeat(71);
        let content_type = format!("multipart/form-data; boundary={long}");
        assert_eq!((Kind::of(&content_type), Kind::mentioned_in(&content_type)), (None, parts(&long)));
    }

    #[test]
    fn the_type_is_the_one_after_the_edits() {
        let set = HeaderOp::to_set(CONTENT_TYPE, "b");
        let append = HeaderOp::to_append(CONTENT_TYPE, "c");
        let remove = HeaderOp::Remove(CONTENT_TYPE.into());
        let prefix = HeaderOp::RemovePrefix("content-".into());
        let other = HeaderOp::to_set("x", "y");
        for (case, edits, want) in [
            ("none", vec![], Some("a")),
            ("another header", vec![other], Some("a")),
            ("set", vec![set.clone()], Some("b")),
            ("append to one", vec![append.clone()], Some("a")),
            ("remove", vec![remove.clone()], None),
            ("remove, append", vec![remove, append], Some("c")),
            ("set, remove by prefix", vec![set, prefix], None),
        ] {
            assert_eq!(content_type(Some(b"a"), &edits), want.map(str::as_bytes), "{case}");
        }
    }

    #[test]
    fn identity_is_no_compression() {
        for (encoding, is) in
            [(None, false), (Some("Identity "), false), (Some("gzip"), true), (Some("identity, gzip"), true)]
        {
            assert_eq!(is_compressed(encoding.map(str::as_bytes)), is, "{encoding:?}");
        }
    }
}
