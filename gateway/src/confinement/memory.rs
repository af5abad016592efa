//! What the process holds in its memory: secrets, opened. A core dump would write them to a disk, and another process of the same user could read them.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::ConfinementError;

/// Lets this process write core dumps, and be traced and read by others of its user, or keeps it from both. The
/// limit also holds for what it starts.
///
/// Two locks, since a handler of core dumps that is a program is told of the limit and need not keep to it. The
/// kernel opens the second one by itself when the process becomes another user: call this again after that.
///
/// # Errors
///
/// [`ConfinementError::System`] if the kernel refuses.
pub fn allow_core_dumps(allowed: bool) -> Result<(), ConfinementError> {
    let failed = |error: rustix::io::Errno| ConfinementError::System {
        step: "say who may read its memory",
        source: io::Error::from(error),
    };
    if allowed {
        return set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(failed);
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(failed)
}
