//! The file system, by landlock: what is not named here is closed.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::Files;

/// The newest interface whose rights were read one by one. An older kernel enforces those that it knows.
const KNOWN: ABI = ABI::V6;

/// What may be done below a path, or with the file that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Read files and list folders.
    Read,
    /// Everything but running a program.
    Write,
    /// Run it, and read it.
    Run,
}

/// One opening in the wall.
pub(super) type Rule = (PathBuf, Right);

impl Right {
    fn access(self) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        match self {
            Self::Read => read,
            Self::Write => AccessFs::from_all(KNOWN) & !BitFlags::from(AccessFs::Execute),
            Self::Run => AccessFs::Execute | AccessFs::ReadFile,
        }
    }
}

/// Closes the file system but for `rules`. A path that does not exist opens nothing.
pub(super) fn restrict(rules: &[Rule]) -> io::Result<Files> {
    let failed = |error: landlock::RulesetError| io::Error::other(error);
    let mut set = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))
        .and_then(|set| set.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for (path, right) in rules {
        let Ok(place) = PathFd::new(path) else { continue };
        if lies_nowhere(path) {
            continue;
        }
        set = set.add_rule(PathBeneath::new(place, access(path, *right))).map_err(failed)?;
    }
    Ok(match set.restrict_self().map_err(failed)?.ruleset {
        RulesetStatus::FullyEnforced => Files::Confined,
        RulesetStatus::PartiallyEnforced => Files::Partly,
        RulesetStatus::NotEnforced => Files::Open,
    })
}

/// Pipes and sockets, as output may be, are under no folder: the kernel takes no rule for them, and needs none.
fn lies_nowhere(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|met| met.file_type().is_fifo() || met.file_type().is_socket())
}

/// The kernel refuses rights to folders for what is no folder.
fn access(path: &Path, right: Right) -> BitFlags<AccessFs> {
    if path.is_dir() { right.access() } else { right.access() & AccessFs::from_file(KNOWN) }
}
