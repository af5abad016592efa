//! Host patterns of routes.

/// One value of a route's `hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct HostPattern {
    pub(super) kind: HostKind,
    /// Only requests to this port, if one is named.
    pub(super) port: Option<u16>,
}

/// Which names a pattern stands for. The text of a wildcard keeps its dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HostKind {
    /// `*`
    Any,
    /// `example.com`
    Exact(Box<str>),
    /// `*.example.com` is `.example.com`
    EndsWith(Box<str>),
    /// `example.*` is `example.`
    StartsWith(Box<str>),
}

impl HostPattern {
    /// Reads one value; `None` if it is no pattern.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, port) = split_port(text);
        let kind = if name == "*" {
            HostKind::Any
        } else if let Some(end) = name.strip_prefix('*') {
            if !end.starts_with('.') {
                return None;
            }
            HostKind::EndsWith(end.into())
        } else if let Some(start) = name.strip_suffix('*') {
            if !start.ends_with('.') {
                return None;
            }
            HostKind::StartsWith(start.into())
        } else {
            HostKind::Exact(name.into())
        };
        (!name.is_empty()).then_some(Self { kind, port })
    }

    /// Whether a server name fits, as for `snis`, where ports say nothing.
    pub(super) fn fits_name(&self, name: &str) -> bool {
        match &self.kind {
            HostKind::Any => true,
            HostKind::Exact(text) => name == &**text,
            HostKind::EndsWith(end) => name.ends_with(&**end),
            HostKind::StartsWith(start) => name.starts_with(&**start),
        }
    }
}

/// Cuts `:port` off if what follows the first colon is a number, as Kong does.
fn split_port(text: &str) -> (&str, Option<u16>) {
    let Some((name, port)) = text.split_once(':') else {
        return (text, None);
    };
    port.parse().map_or((text, None), |port| (name, Some(port)))
}
