//! The memory of a plugin: small blocks by size, in lists of free ones.
//!
//! A call makes some dozens of small, short-lived allocations on one thread. Taking one off a list and
//! putting it back costs a few instructions, a tenth of what a general allocator needs. Blocks beyond
//! [`LARGEST`] are left to the standard one, and small blocks never go back to it: the gateway replaces
//! an instance that grows too large.
//!
//! The inputs of a call have a place of their own: the gateway asks for it once, by an alignment that nothing
//! else is laid out with, and writes it anew before each call. What lies there is never freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Bytes of the smallest blocks, and their alignment.
const SMALLEST: usize = 16;
/// Bytes of the largest blocks that are kept in lists. The records of log plugins have two to three thousand.
const LARGEST: usize = 4096;
/// One list for each power of two.
const LISTS: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;
/// Bytes that are taken from the standard allocator at once.
const CHUNK: usize = 16 * 1024;

/// Bytes of the place for inputs. What is more is handed over in blocks.
const INPUTS: usize = 8192;
/// The alignment with which the gateway asks for it.
const INPUTS_ALIGNMENT: usize = 4096;

/// Tells the gateway that there is such a place.
#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "a section of the module is named")]
#[used]
#[unsafe(link_section = "weir:inputs")]
static SAID: [u8; 4] = (INPUTS as u32).to_le_bytes();

/// An allocator for a program with one thread.
pub(crate) struct SizeClasses {
    lists: UnsafeCell<Lists>,
    inputs: Place,
}

/// The place for inputs.
#[repr(align(4096))]
struct Place(UnsafeCell<[u8; INPUTS]>);

struct Lists {
    /// The first free block of each size; a free block holds the address of the next.
    free: [*mut u8; LISTS],
    /// What is left of the last chunk.
    next: *mut u8,
    left: usize,
}

impl SizeClasses {
    /// Without any memory yet.
    pub(crate) const fn new() -> Self {
        let lists = Lists { free: [ptr::null_mut(); LISTS], next: ptr::null_mut(), left: 0 };
        Self { lists: UnsafeCell::new(lists), inputs: Place(UnsafeCell::new([0; INPUTS])) }
    }

    /// Whether a block lies among the inputs of a call.
    fn is_input(&self, block: *mut u8) -> bool {
        block.addr().wrapping_sub(self.inputs.0.get().addr()) < INPUTS
    }
}

// SAFETY: a component has one thread, and an allocator is never entered twice at once.
#[expect(unsafe_code, reason = "an allocator is a static, and a component has one thread")]
unsafe impl Sync for SizeClasses {}

/// Which list serves a layout; `None` for those that are left to the standard allocator.
fn list(layout: Layout) -> Option<usize> {
    let small = layout.size() <= LARGEST && layout.align() <= SMALLEST;
    small.then(|| (layout.size().max(SMALLEST).next_power_of_two() / SMALLEST).ilog2() as usize)
}

// SAFETY: a block lies in one chunk, is as large as its list says, and is in use or free, never both.
#[expect(unsafe_code, reason = "an allocator hands out memory by address")]
unsafe impl GlobalAlloc for SizeClasses {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = list(layout) else {
            if layout.align() == INPUTS_ALIGNMENT && layout.size() == INPUTS {
                return self.inputs.0.get().cast();
            }
            // SAFETY: the caller's promise is that of `System`.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: there is one thread, and nothing below comes back here.
        let lists = unsafe { &mut *self.lists.get() };
        let Some(first) = lists.free.get_mut(list) else { return ptr::null_mut() };
        if first.is_null() {
            return lists.carve(SMALLEST << list);
        }
        let block = *first;
        // SAFETY: a free block of a list was written by `dealloc`.
        *first = unsafe { block.cast::<*mut u8>().read() };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_input(block) {
            return;
        }
        let Some(list) = list(layout) else {
            // SAFETY: it came from `System`, since the layout is the same.
            return unsafe { System.dealloc(block, layout) };
        };
        // SAFETY: there is one thread.
        let lists = unsafe { &mut *self.lists.get() };
        if let Some(first) = lists.free.get_mut(list) {
            // SAFETY: the block has room for an address, and nobody uses it any more.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size fits the alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (list(layout), list(wanted)) {
            (Some(old), Some(new)) if old == new && !self.is_input(block) => block,
            // SAFETY: both are blocks of `System`.
            (None, None) if !self.is_input(block) => unsafe { System.realloc(block, layout, size) },
            (Some(_) | None, Some(_) | None) => {
                // SAFETY: the old block is in use, the new one is another, and the shorter length fits both.
                unsafe {
                    let moved = self.alloc(wanted);
                    if !moved.is_null() {
                        ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

impl Lists {
    /// A new block from the chunk; what is left of a chunk that is too small is given up.
    #[expect(unsafe_code, reason = "the chunk comes from the standard allocator")]
    fn carve(&mut self, size: usize) -> *mut u8 {
        if self.left < size {
            let Ok(layout) = Layout::from_size_align(CHUNK, SMALLEST) else { return ptr::null_mut() };
            // SAFETY: the layout is not empty.
            let chunk = unsafe { System.alloc(layout) };
            if chunk.is_null() {
                return chunk;
            }
            (self.next, self.left) = (chunk, CHUNK);
        }
        let block = self.next;
        // SAFETY: `left` bytes follow, and `size` are not more.
        self.next = unsafe { block.add(size) };
        self.left -= size;
        block
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator is called by address")]
mod tests {
    use super::*;

    /// Blocks of many sizes, each filled with a number of its own, come and go; none may touch another.
    #[test]
    fn blocks_never_overlap() {
        let allocator = SizeClasses::new();
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut random = 1u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % below
        };
        for round in 0..20_000 {
            if live.len() < 200 && next(2) == 0 {
                let layout = Layout::from_size_align(1 + next(6000), 1 << next(5)).unwrap();
                let mark = u8::try_from(round % 251).unwrap();
                let block = unsafe { allocator.alloc(layout) };
                assert_eq!(block.addr() % layout.align(), 0);
                unsafe { block.write_bytes(mark, layout.size()) };
                live.push((block, layout, mark));
            } else if !live.is_empty() {
                let (block, layout, mark) = live.swap_remove(next(live.len()));
                let size = 1 + next(6000);
                let moved = unsafe { allocator.realloc(block, layout, size) };
                let kept = unsafe { std::slice::from_raw_parts(moved, size.min(layout.size())) };
                assert!(kept.iter().all(|byte| *byte == mark), "round {round}");
                unsafe { allocator.dealloc(moved, Layout::from_size_align(size, layout.align()).unwrap()) };
            }
        }
        for (block, layout, mark) in live {
            let kept = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            assert!(kept.iter().all(|byte| *byte == mark));
            unsafe { allocator.dealloc(block, layout) };
        }
    }
}
