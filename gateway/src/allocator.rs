//! The memory of the process: mimalloc, by its shortest way.
//!
//! A request makes some dozens of short-lived allocations on one thread, which is what it is for. Its functions for
//! aligned memory look for a block that happens to fit, and for many sizes allocate more than was asked for. What
//! asks for no more than a word's alignment, which is nearly all of it, has no need of them: a fifth to a quarter
//! of an allocation.

#![expect(unsafe_code, reason = "an allocator hands out memory by address")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// What all of mimalloc's blocks are aligned to.
const WORD: usize = size_of::<usize>();

/// The allocator, for `#[global_allocator]`.
#[derive(Debug)]
pub struct Allocator;

fn is_plain(layout: Layout) -> bool {
    layout.align() <= WORD
}

// SAFETY: mimalloc gives blocks of at least the size that is asked for, aligned to a word or to what is asked for, and
// takes back each of them by its address alone.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size and any power of two will do.
        let block = unsafe {
            if is_plain(layout) {
                mi_malloc(layout.size())
            } else {
                mi_malloc_aligned(layout.size(), layout.align())
            }
        };
        block.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size and any power of two will do.
        let block = unsafe {
            if is_plain(layout) {
                mi_zalloc(layout.size())
            } else {
                mi_zalloc_aligned(layout.size(), layout.align())
            }
        };
        block.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller promises that it is a block of this allocator, in use.
        unsafe { mi_free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that it is a block of this allocator, in use.
        let moved = unsafe {
            if is_plain(layout) {
                mi_realloc(block.cast(), size)
            } else {
                mi_realloc_aligned(block.cast(), size, layout.align())
            }
        };
        moved.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of all alignments, each filled with a number of its own; none may touch another.
    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let mut live = Vec::new();
        for power in 0..13 {
            for size in [1, 7, 8, 9, 24, 100, 1000, 1025, 2400, 5000, 70_000] {
                let layout = Layout::from_size_align(size, 1 << power).unwrap();
                let mark = u8::try_from(live.len() % 251).unwrap();
                let block = unsafe { Allocator.alloc(layout) };
                unsafe { block.write_bytes(mark, size) };
                let zeroed = unsafe { Allocator.alloc_zeroed(layout) };
                assert!(unsafe { std::slice::from_raw_parts(zeroed, size) }.iter().all(|byte| *byte == 0));
                unsafe { Allocator.dealloc(zeroed, layout) };
                live.push((block, layout, mark));
            }
        }
        for (block, layout, mark) in live {
            let kept = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            assert!(
                kept.iter().all(|byte| *byte == mark) && block.addr() % layout.align() == 0,
                "{layout:?}"
            );
            let larger = layout.size() * 2;
            let moved = unsafe { Allocator.realloc(block, layout, larger) };
            let kept = unsafe { std::slice::from_raw_parts(moved, layout.size()) };
            assert!(
                kept.iter().all(|byte| *byte == mark) && moved.addr() % layout.align() == 0,
                "{layout:?}"
            );
            unsafe { Allocator.dealloc(moved, Layout::from_size_align(larger, layout.align()).unwrap()) };
        }
    }
}
