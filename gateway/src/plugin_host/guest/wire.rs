//! Inputs on their way into a guest.
//!
//! An input is held by a cheap clone (a reference count, no copy) while the exchange itself lies
//! in the store, and is then lowered from that straight into guest memory.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use wasmtime::component::{ComponentType, Lower};

use crate::exchange::RequestId;

/// Bytes of a `header` in memory: pointers and lengths of name and value.
pub(super) const HEADER: usize = 16;

/// `types.header`, borrowed.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct HeaderRef<'a> {
    name: &'a str,
    value: &'a [u8],
}

/// `types.value`, borrowed.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum ValueRef<'a> {
    #[component(name = "absent")]
    Absent,
    #[component(name = "text")]
    Text(&'a str),
    #[component(name = "bytes")]
    Bytes(&'a [u8]),
    #[component(name = "number")]
    Number(u64),
    #[component(name = "headers")]
    Headers(&'a [HeaderRef<'a>]),
}

/// `log-phase.entry`, borrowed.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct EntryRef<'a> {
    inputs: &'a [ValueRef<'a>],
    carry: Option<&'a [u8]>,
}

/// The value of an input, held apart from the exchange.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    Absent,
    Static(&'static str),
    Text(Box<str>),
    /// The record of an exchange: large, so that it is not copied to fit.
    Record(String),
    Path(Uri),
    Query(Uri),
    Id(RequestId),
    Bytes(Bytes),
    Header(HeaderValue),
    Number(u64),
    /// Several headers, or several values of one.
    Headers(Vec<(HeaderName, HeaderValue)>),
    /// Several values under one name that need not be a header's.
    Values(Box<str>, Vec<Bytes>),
}

/// One exchange for the log phase.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) inputs: Vec<Held>,
    pub(crate) carry: Option<Vec<u8>>,
}

impl LogEntry {
    /// Roughly what it holds in memory.
    pub(crate) fn bytes(&self) -> usize {
        let inputs: usize = self.inputs.iter().map(Held::bytes).sum();
        inputs + self.carry.as_ref().map_or(0, Vec::len) + 64
    }
}

impl<'a> EntryRef<'a> {
    pub(crate) fn new(inputs: &'a [ValueRef<'a>], carry: Option<&'a [u8]>) -> Self {
        Self { inputs, carry }
    }
}

impl Held {
    fn bytes(&self) -> usize {
        let rest = match self {
            Self::Text(text) => text.len(),
            Self::Record(text) => text.capacity(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Header(value) => value.len(),
            Self::Headers(all) => {
                all.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum()
            }
            Self::Values(name, all) => name.len() + all.iter().map(|value| value.len() + 32).sum::<usize>(),
            Self::Absent
            | Self::Static(_)
            | Self::Path(_)
            | Self::Query(_)
            | Self::Id(_)
            | Self::Number(_) => 0,
        };
        rest + 48
    }

    pub(super) fn list(&self) -> Vec<HeaderRef<'_>> {
        self.pairs().into_iter().flatten().map(|(name, value)| HeaderRef { name, value }).collect()
    }

    /// Names and values, if it is a list.
    pub(crate) fn pairs(&self) -> Option<impl Iterator<Item = (&str, &[u8])> + Clone> {
        let (headers, name, values): (&[_], &str, &[Bytes]) = match self {
            Self::Headers(all) => (all, "", &[]),
            Self::Values(name, all) => (&[], name, all),
            Self::Absent
            | Self::Static(_)
            | Self::Text(_)
            | Self::Record(_)
            | Self::Path(_)
            | Self::Query(_)
            | Self::Id(_)
            | Self::Bytes(_)
            | Self::Header(_)
            | Self::Number(_) => return None,
        };
        let headers =
            headers.iter().map(|(name, value): &(HeaderName, HeaderValue)| (name.as_str(), value.as_bytes()));
        Some(headers.chain(values.iter().map(move |value| (name, &value[..]))))
    }

    /// Bytes of what its value points to, with what aligns a list.
    pub(super) fn pointed_bytes(&self) -> usize {
        match self.pairs() {
            Some(pairs) => 3 + pairs.map(|(name, value)| HEADER + name.len() + value.len()).sum::<usize>(),
            None => match self.value() {
                ValueRef::Text(text) => text.len(),
                ValueRef::Bytes(bytes) => bytes.len(),
                ValueRef::Absent | ValueRef::Number(_) | ValueRef::Headers(_) => 0,
            },
        }
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::Headers(_) | Self::Values(..))
    }

    /// As a guest sees it, unless it is a list.
    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Absent | Self::Headers(_) | Self::Values(..) => ValueRef::Absent,
            Self::Static(text) => ValueRef::Text(text),
            Self::Text(text) => ValueRef::Text(text),
            Self::Record(text) => ValueRef::Text(text),
            Self::Path(uri) => ValueRef::Text(uri.path()),
            Self::Query(uri) => uri.query().map_or(ValueRef::Absent, ValueRef::Text),
            Self::Id(id) => ValueRef::Text(id.as_str()),
            Self::Bytes(bytes) => ValueRef::Bytes(bytes),
            Self::Header(value) => ValueRef::Bytes(value.as_bytes()),
            Self::Number(number) => ValueRef::Number(*number),
        }
    }
}

/// The lists among `held`, in order. Allocates only if there are any.
pub(crate) fn lists_of(held: &[Held]) -> Vec<Vec<HeaderRef<'_>>> {
    held.iter().filter(|held| held.is_list()).map(Held::list).collect()
}

/// `held` in the form that a call takes; `lists` are those of the same values.
pub(crate) fn values_of<'a>(held: &'a [Held], lists: &'a [Vec<HeaderRef<'a>>]) -> Vec<ValueRef<'a>> {
    let mut lists = lists.iter();
    let value = |held: &'a Held| match held.is_list().then(|| lists.next()).flatten() {
        Some(list) => ValueRef::Headers(list),
        None => held.value(),
    };
    held.iter().map(value).collect()
}
