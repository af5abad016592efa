//! Inputs on their way into a guest that keeps a place for them.
//!
//! The canonical ABI asks the guest for memory for each list and each string, and each of these calls into
//! the guest costs as much as a small plugin. A guest that says so (see `load/arena.rs`) keeps one place for the
//! inputs of a call: it is asked for once, and written anew before each call. The guest neither frees it nor
//! holds on to what lies there. What does not fit, and every other guest, is handed over as the ABI says.

#![expect(
    unsafe_code,
    reason = "`ComponentType` and `Lower` promise that the layout is that of `list<value>` in the contract: types, \
              sizes and the fallback are those of the borrowed values, and a test reads what is written"
)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

use super::wire::{HEADER, Held, ValueRef, lists_of, values_of};

/// The alignment with which the place is asked for: nothing else is laid out so.
const ALIGNMENT: u32 = 4096;
/// Bytes of a `value`: its case, and behind it 8 bytes, aligned.
const VALUE: usize = 16;

type Values = [ValueRef<'static>];

/// A place for inputs in the memory of one function's guest.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// Where it is; 0 before it was asked for.
    at: AtomicU32,
    /// Bytes; 0 if the guest keeps none.
    size: u32,
}

/// The declared inputs of one call, as one `list<value>`.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(super) held: &'a [Held],
    pub(super) arena: &'a Arena,
}

impl Arena {
    pub(super) fn new(size: u32) -> Self {
        Self { at: AtomicU32::new(0), size }
    }

    /// Where it is, asking for it the first time.
    fn place<T>(&self, cx: &mut LowerContext<'_, T>) -> wasmtime::Result<usize> {
        let known = self.at.load(Ordering::Relaxed);
        if known != 0 {
            return Ok(known as usize);
        }
        let at = cx.realloc(0, 0, ALIGNMENT, self.size as usize)?;
        self.at.store(u32::try_from(at)?, Ordering::Relaxed);
        Ok(at)
    }
}

impl Inputs<'_> {
    /// Writes them where the guest keeps a place for them; `None` if it has none, or too small a one.
    fn packed<T>(&self, cx: &mut LowerContext<'_, T>) -> wasmtime::Result<Option<(usize, usize)>> {
        let size = size_of_all(self.held);
        if size == 0 || size > self.arena.size as usize {
            return Ok(None);
        }
        if cx.options().string_encoding != StringEncoding::Utf8 {
            return Ok(None);
        }
        let at = self.arena.place(cx)?;
        let place = cx.as_slice_mut().get_mut(at..).and_then(|rest| rest.get_mut(..size));
        let place =
            place.ok_or_else(|| wasmtime::Error::msg("a place for inputs out of bounds of memory"))?;
        Writer::write(self.held, at, place);
        Ok(Some((at, self.held.len())))
    }
}

/// Bytes of all values and of what they point to, at most.
fn size_of_all(held: &[Held]) -> usize {
    held.iter().map(|held| VALUE + held.pointed_bytes()).sum()
}

/// Writes behind the values what they point to.
struct Writer<'a> {
    place: &'a mut [u8],
    /// Where the place is in the guest.
    at: usize,
    /// What is free, from the start of the place.
    next: usize,
}

impl Writer<'_> {
    /// Writes all values to `place`, which the guest has at `at`.
    fn write(all: &[Held], at: usize, place: &mut [u8]) {
        let mut writer = Writer { place, at, next: all.len() * VALUE };
        for (index, held) in all.iter().enumerate() {
            writer.value(index * VALUE, held);
        }
    }

    fn value(&mut self, offset: usize, held: &Held) {
        if let Some(pairs) = held.pairs() {
            return self.headers(offset, pairs);
        }
        match held.value() {
            ValueRef::Absent | ValueRef::Headers(_) => self.case(offset, 0),
            ValueRef::Text(text) => {
                self.case(offset, 1);
                self.pointed(offset + 8, text.as_bytes());
            }
            ValueRef::Bytes(bytes) => {
                self.case(offset, 2);
                self.pointed(offset + 8, bytes);
            }
            ValueRef::Number(number) => {
                self.case(offset, 3);
                self.put(offset + 8, &number.to_le_bytes());
            }
        }
    }

    fn headers<'h>(&mut self, offset: usize, pairs: impl Iterator<Item = (&'h str, &'h [u8])> + Clone) {
        let count = pairs.clone().count();
        // Lists of headers are aligned to four bytes.
        let list = self.next.next_multiple_of(4);
        self.next = list + count * HEADER;
        self.case(offset, 4);
        self.pair(offset + 8, list, count);
        for (index, (name, value)) in pairs.enumerate() {
            self.pointed(list + index * HEADER, name.as_bytes());
            self.pointed(list + index * HEADER + 8, value);
        }
    }

    fn case(&mut self, offset: usize, case: u8) {
        self.put(offset, &[case]);
    }

    /// Bytes behind everything, and at `offset` where they are.
    fn pointed(&mut self, offset: usize, bytes: &[u8]) {
        self.pair(offset, self.next, bytes.len());
        self.put(self.next, bytes);
        self.next += bytes.len();
    }

    fn pair(&mut self, offset: usize, to: usize, length: usize) {
        let word = |number: usize| u64::from(u32::try_from(number).unwrap_or(u32::MAX));
        self.put(offset, &(word(self.at + to) | word(length) << 32).to_le_bytes());
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        // The size was counted before; were it too small, the guest would see what was there.
        let place = self.place.get_mut(offset..).and_then(|rest| rest.get_mut(..bytes.len()));
        place.into_iter().for_each(|place| place.copy_from_slice(bytes));
    }
}

// SAFETY: every item is that of `[ValueRef]`.
unsafe impl ComponentType for Inputs<'_> {
    type Lower = <Values as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <Values as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <Values as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: what is written is a `list<value>`, by `packed` or by `[ValueRef]` itself.
unsafe impl Lower for Inputs<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        if let Some((at, count)) = self.packed(cx)? {
            dst.write([ValRaw::i64(i64::try_from(at)?), ValRaw::i64(i64::try_from(count)?)]);
            return Ok(());
        }
        let lists = lists_of(self.held);
        <[ValueRef<'_>]>::linear_lower_to_flat(&values_of(self.held, &lists), cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        let lists = lists_of(self.held);
        <[ValueRef<'_>]>::linear_lower_to_memory(&values_of(self.held, &lists), cx, ty, offset)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue};

    use super::*;

    const AT: usize = 8192;

    fn word(place: &[u8], offset: usize) -> usize {
        u32::from_le_bytes(place[offset..offset + 4].try_into().unwrap()) as usize
    }

    /// What a pointer and a length at `offset` lead to.
    fn pointed(place: &[u8], offset: usize) -> &[u8] {
        let from = word(place, offset) - AT;
        &place[from..from + word(place, offset + 4)]
    }

    /// A `value` of `wit/plugin.wit` as the canonical ABI lays it out.
    fn read(place: &[u8], index: usize) -> String {
        let offset = index * VALUE;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match place[offset] {
            0 => "absent".into(),
            1 => format!("text {}", text(pointed(place, offset + 8))),
            2 => format!("bytes {}", text(pointed(place, offset + 8))),
            3 => format!("number {}", u64::from_le_bytes(place[offset + 8..offset + 16].try_into().unwrap())),
            4 => {
                let (list, count) = (word(place, offset + 8), word(place, offset + 12));
                assert_eq!(list % 4, 0, "headers are aligned to four bytes");
                let header = |at: usize| {
                    let at = list - AT + at * HEADER;
                    format!("{}={}", text(pointed(place, at)), text(pointed(place, at + 8)))
                };
                (0..count).map(header).collect::<Vec<_>>().join("&")
            }
            other => panic!("no case {other}"),
        }
    }

    #[test]
    fn a_guest_reads_what_was_written() {
        let header = |value| (HeaderName::from_static("x-a"), HeaderValue::from_static(value));
        let all = [
            Held::Text("odd".into()),
            Held::Headers(vec![header("1"), header("22")]),
            Held::Absent,
            Held::Number(u64::MAX - 1),
            Held::Bytes(Bytes::from_static(b"five5")),
            Held::Values("q".into(), vec![Bytes::from_static(b""), Bytes::from_static(b"z")]),
            Held::Header(HeaderValue::from_static("last")),
        ];
        // What was there before, and what stands behind.
        let mut place = vec![0xff; size_of_all(&all) + 1];
        let (_, own) = place.split_last_mut().unwrap();
        Writer::write(&all, AT, own);
        let read: Vec<_> = (0..all.len()).map(|index| read(&place, index)).collect();
        let number = format!("number {}", u64::MAX - 1);
        let want = ["text odd", "x-a=1&x-a=22", "absent", &number, "bytes five5", "q=&q=z", "bytes last"];
        assert_eq!(read, want);
        assert_eq!(place.last(), Some(&0xff));
    }
}
