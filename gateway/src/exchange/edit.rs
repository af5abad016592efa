//! Edits to headers, as plugins ask for them.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// One edit, already checked: names and values here cannot split a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Replaces every value.
    Set(HeaderName, HeaderValue),
    /// Adds one more value.
    Append(HeaderName, HeaderValue),
    /// Removes every value.
    Remove(HeaderName),
    /// Removes every header whose name begins so (lower-case).
    RemovePrefix(String),
}

impl HeaderEdit {
    /// Roughly what it holds in memory.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Self::Set(name, value) | Self::Append(name, value) => name.as_str().len() + value.len(),
            Self::Remove(name) => name.as_str().len(),
            Self::RemovePrefix(prefix) => prefix.len(),
        };
        held + size_of::<Self>()
    }
}

/// Applies `edits` in their order.
pub fn apply(edits: impl IntoIterator<Item = HeaderEdit>, headers: &mut HeaderMap) {
    for edit in edits {
        match edit {
            HeaderEdit::Set(name, value) => _ = headers.insert(name, value),
            HeaderEdit::Append(name, value) => _ = headers.append(name, value),
            HeaderEdit::Remove(name) => _ = headers.remove(name),
            HeaderEdit::RemovePrefix(prefix) => remove_prefix(&prefix, headers),
        }
    }
}

fn remove_prefix(prefix: &str, headers: &mut HeaderMap) {
    let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(prefix)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order() {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static("x-a");
        let value = HeaderValue::from_static;
        apply(
            [
                HeaderEdit::Append(name.clone(), value("1")),
                HeaderEdit::Append(name.clone(), value("2")),
                HeaderEdit::Set(HeaderName::from_static("x-b"), value("3")),
                HeaderEdit::RemovePrefix("x-a".into()),
                HeaderEdit::Append(name.clone(), value("4")),
            ],
            &mut headers,
        );
        assert_eq!(headers.get_all(&name).iter().collect::<Vec<_>>(), ["4"]);
        assert_eq!(headers.get("x-b"), Some(&value("3")));
    }
}
