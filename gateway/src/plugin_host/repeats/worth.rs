//! Whether it pays to look for kept verdicts: some inputs never come twice.

/// Looks after which it is judged anew.
const LOOKS: u32 = 1024;
/// So many of them must have found something.
const FOUND: u32 = LOOKS / 8;
/// Calls without a look, if fewer did.
const REST: u32 = 16 * LOOKS;

/// How often looks of one assignment have found something of late.
#[derive(Debug, Default)]
pub(super) struct Worth {
    looks: u32,
    found: u32,
    rest: u32,
}

impl Worth {
    /// Whether to look this time.
    pub(super) fn is_asked(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        if self.looks == LOOKS {
            let rest = if self.found < FOUND { REST } else { 0 };
            *self = Self { rest, ..Self::default() };
        }
        self.looks += 1;
        true
    }

    /// It has found something.
    pub(super) fn has_known(&mut self) {
        self.found += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of calls that look, if this is when they find something.
    fn looks(finds: fn(u32) -> bool) -> f64 {
        let mut worth = Worth::default();
        let (mut looks, calls) = (0_u32, 10 * (LOOKS + REST));
        for call in 0..calls {
            let asked = worth.is_asked();
            looks += u32::from(asked);
            if asked && finds(call) {
                worth.has_known();
            }
        }
        f64::from(looks) / f64::from(calls)
    }

    #[test]
    fn who_finds_nothing_looks_rarely_and_who_finds_something_always() {
        for (case, finds, want) in [
            ("all", (|_| true) as fn(u32) -> bool, 1.0..=1.0),
            ("every fourth", |call| call % 4 == 0, 1.0..=1.0),
            ("none: one of 17", |_| false, 0.04..=0.08),
        ] {
            let looks = looks(finds);
            assert!(want.contains(&looks), "{case}: {looks}");
        }
    }
}
