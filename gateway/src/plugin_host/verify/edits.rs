//! Header edits: names and values are legal, and framing stays the gateway's business.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::names::{FORBIDDEN, name};
use crate::exchange::HeaderEdit;
use crate::plugin_host::bindings::weir::plugin::types::{Header, HeaderOp};

/// Edits of one answer.
const MAX_EDITS: usize = 1000;
/// Bytes of one value.
const MAX_VALUE: usize = 64 << 10;

/// Checks a list of edits.
///
/// # Errors
///
/// What is wrong, for the operator's log.
pub(crate) fn edits(ops: Vec<HeaderOp>) -> Result<Vec<HeaderEdit>, String> {
    if ops.len() > MAX_EDITS {
        return Err(format!("more than {MAX_EDITS} header edits"));
    }
    ops.into_iter().map(edit).collect()
}

fn edit(op: HeaderOp) -> Result<HeaderEdit, String> {
    Ok(match op {
        HeaderOp::Set(header) => {
            let (name, value) = pair(header)?;
            HeaderEdit::Set(name, value)
        }
        HeaderOp::Append(header) => {
            let (name, value) = pair(header)?;
            HeaderEdit::Append(name, value)
        }
        HeaderOp::Remove(text) => HeaderEdit::Remove(name(&text)?),
        HeaderOp::RemovePrefix(prefix) => {
            let framing = FORBIDDEN.iter().any(|forbidden| forbidden.starts_with(prefix.as_str()));
            if framing || HeaderName::from_bytes(prefix.as_bytes()).is_err() {
                return Err(format!("headers that begin with {prefix:?} cannot be removed"));
            }
            HeaderEdit::RemovePrefix(prefix.to_ascii_lowercase())
        }
    })
}

/// Checks one header.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn pair(header: Header) -> Result<(HeaderName, HeaderValue), String> {
    let name = name(&header.name)?;
    if header.value.len() > MAX_VALUE {
        return Err(format!("the value of `{name}` is longer than 64 KiB"));
    }
    let value = HeaderValue::from_maybe_shared(Bytes::from(header.value))
        .map_err(|_| format!("the value of `{name}` holds a control character"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_cannot_split_a_message() {
        let set = |name: &str, value: &str| HeaderOp::Set(Header { name: name.into(), value: value.into() });
        for (case, op, allowed) in [
            ("plain", set("x-a", "b"), true),
            ("upper case", set("X-A", "b"), true),
            ("CR LF in the value", set("x-a", "b\r\nx-b: c"), false),
            ("LF in the value", set("x-a", "b\nc"), false),
            ("NUL in the value", set("x-a", "b\0"), false),
            ("bytes above ASCII", set("x-a", "caf\u{e9}"), true),
            ("CR LF in the name", set("x-a\r\nx-b", "c"), false),
            ("empty name", set("", "c"), false),
            ("pseudo-header", set(":path", "c"), false),
            ("framing", set("content-length", "1"), false),
            ("framing in capitals", set("Transfer-Encoding", "chunked"), false),
            ("hop-by-hop", HeaderOp::Remove("connection".into()), false),
            ("removal", HeaderOp::Remove("x-a".into()), true),
            ("prefix", HeaderOp::RemovePrefix("x-a-".into()), true),
            ("prefix of framing", HeaderOp::RemovePrefix("content-".into()), false),
            ("every header", HeaderOp::RemovePrefix(String::new()), false),
        ] {
            assert_eq!(edit(op).is_ok(), allowed, "{case}");
        }
    }
}
