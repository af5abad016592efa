//! The promises of `docs/reliability.md`, each measured by the words in which it is given.
//!
//! In the usual run each is short, and holds what no machine changes: that nothing is lost, refused or asked twice,
//! and what a connection takes. `WEIR_TEST_PROMISES=1` makes them as long and as large as they are promised. Times
//! are printed, and held to wide bounds only: other things may run on the same cores.

mod changes;
mod drain;
mod memory;
mod overload;
mod retries;
mod upgrade;

/// `promised` where the promises are measured in full, else `short`.
fn sized<T>(short: T, promised: T) -> T {
    if std::env::var_os("WEIR_TEST_PROMISES").is_some() { promised } else { short }
}
