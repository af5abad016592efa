//! The bodies of a file, and their way past a plugin that wants their chunks.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde::Deserialize;

use crate::exchange::Exchange;
use crate::plugin_host::{CallFailure, Chain, Direction, Instances, Run};

/// A body as a file tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Body {
    /// Its length is known beforehand.
    Whole(String),
    /// It comes in these pieces, and nobody knows beforehand which is the last.
    Pieces(Vec<String>),
    /// A plugin's own.
    #[serde(skip)]
    Raw(Bytes),
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(String::new())
    }
}

impl Body {
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(text) => Bytes::copy_from_slice(text.as_bytes()),
            Self::Pieces(pieces) => pieces.concat().into(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }

    /// What goes into a `content-length`; none if the body is empty, or of unknown length.
    pub(super) fn known_length(&self) -> Option<usize> {
        match self {
            Self::Whole(text) => Some(text.len()).filter(|length| *length > 0),
            Self::Raw(bytes) => Some(bytes.len()).filter(|length| *length > 0),
            Self::Pieces(_) => None,
        }
    }

    /// As a plugin is handed it, the last chunk at the end. A body that is empty has no chunks.
    fn chunks(&self) -> Vec<Bytes> {
        match self {
            Self::Whole(_) | Self::Raw(_) => {
                Some(self.bytes()).filter(|bytes| !bytes.is_empty()).into_iter().collect()
            }
            Self::Pieces(pieces) => {
                let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece.as_bytes()));
                pieces.filter(|piece| !piece.is_empty()).chain([Bytes::new()]).collect()
            }
        }
    }
}

/// What a plugin left of a body that it saw.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// `None` if it did not see it.
    pub(super) body: Option<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    /// Why the body ends before its end.
    pub(super) broken: Option<CallFailure>,
}

/// A body on its way: held and handed over already, or as it was sent.
pub(super) struct Coming<'a> {
    pub(super) held: Option<Bytes>,
    pub(super) sent: &'a Body,
    pub(super) trailers: HeaderMap,
}

/// Puts a body through the plugins of `chain` that want its chunks or its trailers.
pub(super) async fn pass(
    (chain, instances): (&Chain, &Instances),
    (direction, run, exchange): (Direction, &mut Run, &Exchange),
    coming: Coming<'_>,
) -> Passed {
    let Coming { held, sent, trailers } = coming;
    let Some(mut filter) = chain.filter(direction, run, exchange) else {
        return Passed {
            body: held,
            trailers: Some(trailers).filter(|fields| !fields.is_empty()),
            broken: None,
        };
    };
    let chunks = held.clone().map_or_else(|| sent.chunks(), |held| vec![held]);
    let count = chunks.len();
    let mut passed = BytesMut::new();
    let mut broken = None;
    for (at, chunk) in chunks.into_iter().enumerate() {
        match filter.chunk(instances, chunk, at + 1 == count).await {
            Ok(bytes) => passed.extend_from_slice(&bytes),
            Err(failure) => {
                broken = Some(failure);
                break;
            }
        }
    }
    let mut fields = None;
    if broken.is_none() && !trailers.is_empty() {
        match filter.trailers(instances, trailers).await {
            Ok(left) => fields = Some(left),
            Err(failure) => broken = Some(failure),
        }
    }
    let seen = filter.changes_length();
    filter.end(instances);
    Passed { body: if seen { Some(passed.freeze()) } else { held }, trailers: fields, broken }
}
