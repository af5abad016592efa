//! The address space that is reserved for guests stays out of core dumps.
//!
//! Each memory slot has 4 GiB. Of one that was in use once the kernel looks at every page when it writes a dump, so
//! that a crash of a gateway with twenty plugins took minutes to write a sparse file of 85 GB, and the process
//! could not be started anew before it had ended.

use std::ffi::c_void;
use std::fs;

use rustix::mm::{Advice, madvise};

/// Nothing is as large when the engine has just been made, but the slots of memories and, with many, of tables.
const LARGE: usize = 4 << 30;

/// Tells the kernel. Where it cannot be told, dumps are as large as they would be.
pub(super) fn leave_out_of_dumps() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    for (start, length) in maps.lines().filter_map(reserved) {
        if let Err(error) = leave_out(start, length) {
            tracing::debug!(%error, "core dumps will hold the memory of plugins");
        }
    }
}

/// Start and bytes of a mapping, if it is large and the process's own.
fn reserved(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    let length = end.checked_sub(start)?;
    (rights.ends_with('p') && length >= LARGE).then_some((start, length))
}

#[expect(
    unsafe_code,
    reason = "the call takes an address, but this advice changes nothing that code can see"
)]
fn leave_out(start: usize, length: usize) -> rustix::io::Result<()> {
    let start = std::ptr::without_provenance_mut::<c_void>(start);
    // SAFETY: `MADV_DONTDUMP` changes neither contents nor rights of what is mapped there; a range in which nothing
    // is mapped any more is an error.
    unsafe { madvise(start, length, Advice::LinuxDontDump) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_and_private_is_reserved() {
        for (line, want) in [
            ("7f0000000000-7f0200000000 ---p 00000000 00:00 0 ", Some((0x7f00_0000_0000, 8 << 30))),
            ("7f0000000000-7f0200000000 rw-p 00000000 00:00 0 ", Some((0x7f00_0000_0000, 8 << 30))),
            ("7f0000000000-7f0200000000 r--s 00000000 00:00 0 ", None),
            ("7f0000000000-7f0000001000 ---p 00000000 00:00 0 ", None),
            ("7f0000000000", None),
            ("x-y ---p", None),
            ("", None),
        ] {
            assert_eq!(reserved(line), want, "{line:?}");
        }
    }
}
