//! Header edits: names and values are legal, and framing stays the gateway's business.

use http::{HeaderName, HeaderValue};
use wasmtime::component::{ComponentType, Lift};

use super::lifted::{Name, Value};
use super::names::{FORBIDDEN, name};
use crate::exchange::HeaderEdit;
use crate::plugin_host::bindings::weir::plugin::types::Header;

/// Edits of one answer.
const MAX_EDITS: usize = 1000;
/// Bytes of one value.
pub(super) const MAX_VALUE: usize = 64 << 10;

/// `types.header`, checked on its way out of the guest.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct CheckedHeader {
    name: Name,
    value: Value,
}

/// `types.header-op`, the same.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum CheckedOp {
    #[component(name = "set")]
    Set(CheckedHeader),
    #[component(name = "append")]
    Append(CheckedHeader),
    #[component(name = "remove")]
    Remove(Name),
    #[component(name = "remove-prefix")]
    RemovePrefix(String),
}

/// The edits, unless one of them is wrong.
///
/// # Errors
///
/// What is wrong, for the operator's log.
pub(crate) fn edits(ops: Vec<CheckedOp>) -> Result<Vec<HeaderEdit>, String> {
    if ops.len() > MAX_EDITS {
        return Err(format!("more than {MAX_EDITS} header edits"));
    }
    ops.into_iter().map(edit).collect()
}

fn edit(op: CheckedOp) -> Result<HeaderEdit, String> {
    Ok(match op {
        CheckedOp::Set(CheckedHeader { name, value }) => {
            let name = name.0?;
            let value = value.of(&name)?;
            HeaderEdit::Set(name, value)
        }
        CheckedOp::Append(CheckedHeader { name, value }) => {
            let name = name.0?;
            let value = value.of(&name)?;
            HeaderEdit::Append(name, value)
        }
        CheckedOp::Remove(name) => HeaderEdit::Remove(name.0?),
        CheckedOp::RemovePrefix(prefix) => {
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
pub(super) fn pair(header: &Header) -> Result<(HeaderName, HeaderValue), String> {
    let name = name(header.name.as_bytes())?;
    let value = Value::read(&header.value).of(&name)?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_cannot_split_a_message() {
        let name = |text: &str| Name(name(text.as_bytes()));
        let set = |text: &str, value: &str| {
            CheckedOp::Set(CheckedHeader { name: name(text), value: Value::read(value.as_bytes()) })
        };
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
            ("hop-by-hop", CheckedOp::Remove(name("connection")), false),
            ("removal", CheckedOp::Remove(name("x-a")), true),
            ("prefix", CheckedOp::RemovePrefix("x-a-".into()), true),
            ("prefix of framing", CheckedOp::RemovePrefix("content-".into()), false),
            ("every header", CheckedOp::RemovePrefix(String::new()), false),
        ] {
            assert_eq!(edit(op).is_ok(), allowed, "{case}");
        }
    }
}
