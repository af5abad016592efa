//! A request's body that may go out anew.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

/// Bytes that are kept of a body until it is known that the upstream works on it.
const ROOM: usize = 64 * 1024;

/// A request's body that may go out anew: what was read of it goes first, then the rest.
#[derive(Debug)]
pub struct Unsent<B> {
    /// The rest.
    pub body: B,
    /// What was read of it.
    pub taken: Taken,
}

/// What was read of a body.
#[derive(Debug, Default)]
pub struct Taken {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    trailers: Option<HeaderMap>,
}

impl Taken {
    /// The next frame of what was read.
    pub fn take_frame(&mut self) -> Option<Frame<Bytes>> {
        if let Some(piece) = self.pieces.pop_front() {
            self.bytes -= piece.len();
            return Some(Frame::data(piece));
        }
        self.trailers.take().map(Frame::trailers)
    }

    /// Whether nothing was read, or all of that was taken out again.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.trailers.is_none()
    }

    /// The length of its data; `None` if trailers follow.
    pub fn length(&self) -> Option<u64> {
        self.trailers.is_none().then_some(self.bytes as u64)
    }

    /// Whether all that was read is here: more than there is room for is not kept.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes <= ROOM
    }

    pub(super) fn data(&mut self, data: &Bytes) {
        self.bytes = self.bytes.saturating_add(data.len());
        if self.is_whole() {
            self.pieces.push_back(data.clone());
        } else {
            self.pieces.clear();
        }
    }

    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        self.trailers = Some(trailers.clone());
    }
}
