//! What a client signs, made anew from the request as it came.

use weir_plugin_sdk::{Header, Input, InputList, Inputs, Slot};

/// The versions that a request line may end with. Which one the client spoke is not known here, and a
/// signature that holds for another version is no less the client's. The common one goes first.
const VERSIONS: [&str; 3] = ["1.1", "2.0", "1.0"];
const REQUEST_LINE: &str = "request-line";
const REQUEST_TARGET: &str = "@request-target";

/// Where a request's head is found.
pub(crate) struct Places {
    headers: Slot,
    method: Slot,
    path: Slot,
    query: Slot,
}

/// The head of one request.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    headers: &'a [Header],
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

/// The values of one header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    Missing,
    Once(&'a [u8]),
    /// Others who read this request may take another one than we.
    Ambiguous,
}

impl Places {
    pub(crate) fn new(inputs: &mut InputList) -> Self {
        Self {
            // The client says which headers count.
            headers: inputs.want(Input::AllHeaders),
            method: inputs.want(Input::Method),
            path: inputs.want(Input::Path),
            query: inputs.want(Input::Query),
        }
    }

    pub(crate) fn read<'a>(&self, inputs: &'a Inputs) -> Head<'a> {
        Head {
            headers: inputs.headers(self.headers),
            method: inputs.text(self.method).unwrap_or_default(),
            path: inputs.text(self.path).unwrap_or_default(),
            query: inputs.text(self.query),
        }
    }
}

impl<'a> Named<'a> {
    /// The value, if there is just one and it is text.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Once(value) => std::str::from_utf8(value).ok(),
            Self::Missing | Self::Ambiguous => None,
        }
    }
}

impl<'a> Head<'a> {
    /// A header, its name in lower case.
    pub(crate) fn named(&self, name: &str) -> Named<'a> {
        let mut values = self.headers.iter().filter(|header| header.name == name);
        match (values.next(), values.next()) {
            (None, _) => Named::Missing,
            (Some(header), None) => Named::Once(&header.value),
            (Some(_), Some(_)) => Named::Ambiguous,
        }
    }

    /// The texts that a signature over `names` may be of: one, or one for each version of HTTP. None if one of
    /// the headers came several times, since a signature covers one value only.
    pub(crate) fn messages(self, names: &'a [&'a str]) -> impl Iterator<Item = Vec<u8>> {
        let versions = if names.contains(&REQUEST_LINE) { VERSIONS.as_slice() } else { &["1.1"] };
        versions.iter().map_while(move |version| self.message(names, version))
    }

    fn message(&self, names: &[&str], version: &str) -> Option<Vec<u8>> {
        let mut message = Vec::with_capacity(256);
        for name in names {
            if !message.is_empty() {
                message.push(b'\n');
            }
            self.line(name, version, &mut message)?;
        }
        Some(message)
    }

    fn line(&self, name: &str, version: &str, to: &mut Vec<u8>) -> Option<()> {
        if name == REQUEST_LINE {
            to.extend(self.method.bytes().chain([b' ']));
            self.target(to);
            to.extend(b" HTTP/".iter().chain(version.as_bytes()));
            return Some(());
        }
        to.extend(name.bytes().chain([b':']));
        if name == REQUEST_TARGET {
            to.extend(b" ".iter().chain(self.method.to_ascii_lowercase().as_bytes()).chain(b" "));
            self.target(to);
            return Some(());
        }
        match self.named(&name.to_ascii_lowercase()) {
            Named::Missing => {}
            Named::Once(value) => to.extend(b" ".iter().chain(value)),
            Named::Ambiguous => return None,
        }
        Some(())
    }

    /// Path and query as the client wrote them.
    fn target(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.path.as_bytes());
        if let Some(query) = self.query {
            to.push(b'?');
            to.extend_from_slice(query.as_bytes());
        }
    }
}
