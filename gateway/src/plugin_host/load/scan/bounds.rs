//! The bounds, and the words for what passes one.
//!
//! They are far above what the bundled plugins and language runtimes need, and far below where
//! validators and compilers have been seen to take minutes or gigabytes.

use crate::plugin_host::AdmissionError;

/// Levels of components in components, and of instance types in instance types.
pub(super) const DEPTH: usize = 8;
/// Core modules.
pub(super) const MODULES: usize = 64;
/// Components in the component.
pub(super) const COMPONENTS: usize = 64;
/// Instances, of modules and of components. CPython has 117.
pub(super) const INSTANCES: usize = 256;
/// Imports and exports, of modules and of components. CPython, whose libraries are modules that link
/// to each other by name, has 7000.
pub(super) const NAMES: usize = 20_000;
/// Types, of modules and of components.
pub(super) const TYPES: usize = 5000;
/// Levels of types in types.
pub(super) const TYPE_DEPTH: usize = 64;
/// Cases or fields of one type. Adapters of variants with a thousand cases took compilers very long.
pub(super) const CASES: usize = 512;
/// Bytes of one custom section.
pub(super) const CUSTOM: usize = 1 << 20;
/// Functions.
pub(super) const FUNCTIONS: usize = 50_000;
/// Bytes of one function. The loop of CPython's interpreter has 420 KiB.
pub(super) const BODY: usize = 1 << 20;
/// Data and element segments.
pub(super) const SEGMENTS: usize = 100_000;
/// Memories.
pub(super) const MEMORIES: usize = 4;

/// Refuses more of `what` than `most`.
pub(super) fn at_most(count: usize, most: usize, what: &str) -> Result<(), AdmissionError> {
    if count > most { Err(AdmissionError::Shape(format!("it has more than {most} {what}"))) } else { Ok(()) }
}

/// Refuses levels of `what` beyond `most`.
pub(super) fn no_deeper(level: usize, most: usize, what: &str) -> Result<(), AdmissionError> {
    if level > most {
        return Err(AdmissionError::Shape(format!("{what} nested deeper than {most} levels")));
    }
    Ok(())
}
