//! Follows the frames that a client sends, by their heads alone (RFC 9113 section 4.1).
//!
//! What a frame says is hyper's to read and to refuse. Here it is seen how many there are of a kind, and
//! whether a head (HEADERS and its CONTINUATION frames) has begun that does not end.

use std::rc::Rc;

use super::flood::Budgets;
use super::knowledge::PREFACE;
use super::streams::Link;
use crate::proxy::client_io::Look;
use crate::proxy::connection::Client;
use crate::proxy::strict::Malformed;

/// What the head of a frame says, but for its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Bytes that follow.
    pub(super) length: u32,
}

impl Head {
    const BYTES: usize = 9;
    pub(super) const DATA: u8 = 0x0;
    pub(super) const HEADERS: u8 = 0x1;
    pub(super) const RST_STREAM: u8 = 0x3;
    const PUSH_PROMISE: u8 = 0x5;
    pub(super) const WINDOW_UPDATE: u8 = 0x8;
    const CONTINUATION: u8 = 0x9;
    const END_STREAM: u8 = 0x1;
    const END_HEADERS: u8 = 0x4;
    const PADDED: u8 = 0x8;

    fn read([a, b, c, kind, flags, ..]: [u8; Self::BYTES]) -> Self {
        Self { kind, flags, length: u32::from_be_bytes([0, a, b, c]) }
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether a DATA frame brings a body forward: with bytes that are not padding, or with its end.
    pub(super) fn is_busy(self) -> bool {
        self.has(Self::END_STREAM) || (self.length > 0 && !self.has(Self::PADDED))
    }

    /// Whether a block of header fields goes on after this frame.
    fn opens(self) -> bool {
        let fields = matches!(self.kind, Self::HEADERS | Self::PUSH_PROMISE | Self::CONTINUATION);
        fields && !self.has(Self::END_HEADERS)
    }
}

/// How far the frames of one connection have come.
pub(super) struct Frames {
    link: Rc<Link>,
    budgets: Budgets,
    at: At,
}

/// Where in the stream of frames a connection is.
#[derive(Debug, Default)]
struct At {
    /// Bytes of the preface that have been passed.
    preface: usize,
    head: [u8; Head::BYTES],
    /// Bytes of `head` that are there.
    filled: usize,
    /// The frame whose payload is being passed.
    frame: Option<Head>,
    /// Bytes of that payload that are still to come.
    left: usize,
    /// A block of header fields has begun and not ended.
    open: bool,
}

impl Frames {
    pub(super) fn new(link: Rc<Link>) -> Self {
        let budgets = Budgets::new(link.client().deadline.now());
        Self { link, budgets, at: At::default() }
    }
}

impl Look for Frames {
    fn read(&mut self, client: &Client, bytes: &[u8]) -> Result<(), Malformed> {
        let now = client.deadline.now();
        let Self { link, budgets, at } = self;
        at.follow(bytes, |head| budgets.count(head, now))?;
        link.awaits_head(at.is_within_head());
        Ok(())
    }

    fn wrote(&mut self, bytes: usize) {
        self.budgets.earn(bytes);
    }
}

impl At {
    /// Follows `bytes`, and tells `each` frame.
    fn follow(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Head) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let preface = bytes.len().min(PREFACE.len() - self.preface);
        self.preface += preface;
        let mut rest = bytes.get(preface..).unwrap_or_default();
        while !rest.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(rest.len());
                self.left -= passed;
                rest = rest.get(passed..).unwrap_or_default();
                continue;
            }
            let free = self.head.get_mut(self.filled..).unwrap_or_default();
            let taken = free.len().min(rest.len());
            for (to, from) in free.iter_mut().zip(rest) {
                *to = *from;
            }
            self.filled += taken;
            rest = rest.get(taken..).unwrap_or_default();
            if self.filled == Head::BYTES {
                let head = Head::read(self.head);
                (self.filled, self.frame, self.left) = (0, Some(head), head.length as usize);
                self.open = head.opens();
                each(head)?;
            }
        }
        Ok(())
    }

    /// Whether the client has begun something other than DATA that it has not ended.
    fn is_within_head(&self) -> bool {
        let of_data = self.frame.is_some_and(|frame| frame.kind == Head::DATA);
        self.open || self.filled > 0 || (self.left > 0 && !of_data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// The frames that are seen when the bytes come in pieces of `size`.
    fn seen(bytes: &[u8], size: usize) -> (Vec<(u8, u32)>, bool) {
        let (mut at, mut heads) = (At::default(), Vec::new());
        for piece in bytes.chunks(size) {
            at.follow(piece, |head| {
                heads.push((head.kind, head.length));
                Ok(())
            })
            .unwrap();
        }
        (heads, at.is_within_head())
    }

    #[test]
    fn frames_are_seen_however_they_are_cut() {
        let settings = frame(0x4, 0, &[]);
        let open = frame(0x1, 0, b"abc");
        let more = frame(0x9, 0x4, b"defg");
        let data = frame(0x0, 0x1, &[0; 300]);
        let all = [&PREFACE[..], &settings, &open, &more, &data].concat();
        let want = vec![(4, 0), (1, 3), (9, 4), (0, 300)];
        for size in 1..all.len() {
            assert_eq!(seen(&all, size), (want.clone(), false), "in pieces of {size}");
        }
    }

    #[test]
    fn a_head_that_does_not_end_is_seen() {
        let headers = |flags| frame(0x1, flags, b"abc");
        for (case, after, want) in [
            ("nothing", vec![], false),
            ("a whole head", headers(0x4), false),
            ("a head that goes on", headers(0), true),
            ("a part of a frame's head", vec![0, 0], true),
            ("a part of a head", headers(0x4)[..10].to_vec(), true),
            ("a part of a body", frame(0x0, 0, b"abc")[..10].to_vec(), false),
        ] {
            let all = [&PREFACE[..], &after].concat();
            assert_eq!(seen(&all, 7).1, want, "{case}");
        }
    }
}
