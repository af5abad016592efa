//! Bytes that are held for plugins, counted against what a worker may hold.

use std::cell::Cell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;

/// What a worker may still hold.
#[derive(Debug)]
pub(in crate::proxy) struct Room(Cell<usize>);

impl Room {
    pub(in crate::proxy) fn new(bytes: usize) -> Rc<Self> {
        Rc::new(Self(Cell::new(bytes)))
    }
}

/// A body, or the beginning of one. Gives its room back when it is dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Held {
    bytes: BytesMut,
    whole: Bytes,
    trailers: Option<HeaderMap>,
    taken: usize,
    room: Rc<Room>,
}

impl Held {
    pub(in crate::proxy) fn new(room: &Rc<Room>) -> Self {
        let (bytes, whole) = (BytesMut::new(), Bytes::new());
        Self { bytes, whole, trailers: None, taken: 0, room: Rc::clone(room) }
    }

    /// Makes room for a body whose length is known, so that it does not have to be moved.
    pub(in crate::proxy) fn expect(&mut self, bytes: usize) {
        if bytes <= self.room.0.get() {
            self.bytes.reserve(bytes);
        }
    }

    /// Adds bytes; false if there is no room for them. They are held all the same: they were read.
    pub(in crate::proxy) fn add(&mut self, bytes: &Bytes) -> bool {
        self.bytes.extend_from_slice(bytes);
        self.claim(self.bytes.len())
    }

    /// The end of the body.
    pub(in crate::proxy) fn trail(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }

    /// No more bytes are added.
    pub(in crate::proxy) fn complete(&mut self) {
        self.whole = std::mem::take(&mut self.bytes).freeze();
    }

    pub(in crate::proxy) fn len(&self) -> usize {
        self.whole.len() + self.bytes.len()
    }

    pub(in crate::proxy) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// All bytes.
    pub(in crate::proxy) fn bytes(&self) -> Bytes {
        self.whole.clone()
    }

    /// Puts other bytes in place. They are there already, so there is always room.
    pub(in crate::proxy) fn replace(&mut self, bytes: Bytes) {
        self.claim(bytes.len());
        self.whole = bytes;
    }

    /// The same body once more.
    pub(in crate::proxy) fn again(&self) -> Self {
        let mut again = Self::new(&self.room);
        again.whole = self.whole.clone();
        again.trailers.clone_from(&self.trailers);
        again
    }

    /// The next frame: the bytes, then the trailers.
    pub(in crate::proxy) fn take(&mut self) -> Option<Frame<Bytes>> {
        if self.whole.is_empty() {
            return self.trailers.take().map(Frame::trailers);
        }
        Some(Frame::data(std::mem::take(&mut self.whole)))
    }

    pub(in crate::proxy) fn is_over(&self) -> bool {
        self.whole.is_empty() && self.trailers.is_none()
    }

    fn claim(&mut self, bytes: usize) -> bool {
        let left = self.room.0.get() + self.taken;
        self.taken = bytes.min(left);
        self.room.0.set(left - self.taken);
        bytes <= left
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.set(self.room.0.get() + self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_and_given_back() {
        let room = Room::new(10);
        let mut first = Held::new(&room);
        assert!(first.add(&Bytes::from_static(b"12345678")));
        let mut second = Held::new(&room);
        assert!(!second.add(&Bytes::from_static(b"123")), "only two bytes are left");
        drop(second);
        first.complete();
        first.replace(Bytes::from_static(b"12"));
        assert_eq!(room.0.get(), 8, "a shorter body needs less");
        drop(first);
        assert_eq!(room.0.get(), 10);
    }
}
