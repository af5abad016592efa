//! From root to a user without rights, as nginx's workers go.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{Gid, Uid, chown};
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_gid,
    set_thread_groups, set_thread_uid,
};

use super::ConfinementError;

/// Becomes the user that `text` names (`name`, or `name group`), if this process is root; false if it is not.
/// Hands over `folder`, which is made if it is missing. Ports below 1024 can still be listened on.
///
/// For a process with one thread: the others would keep their rights.
///
/// # Errors
///
/// [`ConfinementError`] if there is no such user, or the system refuses.
pub fn become_user(text: &str, folder: &Path) -> Result<bool, ConfinementError> {
    if !geteuid().is_root() {
        return Ok(false);
    }
    let (user, group) = find(text).ok_or_else(|| ConfinementError::NoSuchUser(text.to_owned()))?;
    let made = fs::create_dir_all(folder);
    made.map_err(|source| ConfinementError::Folder { path: folder.to_owned(), source })?;
    let failed = |error: rustix::io::Errno| ConfinementError::System {
        step: "become the user that it is set to",
        source: io::Error::from(error),
    };
    chown(folder, Some(user), Some(group)).map_err(failed)?;
    set_keep_capabilities(true).map_err(failed)?;
    set_thread_groups(&[group]).map_err(failed)?;
    set_thread_gid(group).map_err(failed)?;
    set_thread_uid(user).map_err(failed)?;
    let kept = CapabilitySet::NET_BIND_SERVICE;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(failed)?;
    Ok(true)
}

/// Ids of a user and of its group, or of the group that is named beside it.
fn find(text: &str) -> Option<(Uid, Gid)> {
    let mut words = text.split_whitespace();
    let (user, group) = (words.next()?, words.next());
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let (user, own) = account(&users, user)?;
    let group = match group {
        Some(group) => account(&fs::read_to_string("/etc/group").unwrap_or_default(), group)?.0,
        None => own,
    };
    Some((Uid::from_raw(user), Gid::from_raw(group)))
}

/// The two numbers of an account in `/etc/passwd`; of a group, its own twice. A number stands for itself.
fn account(table: &str, wanted: &str) -> Option<(u32, u32)> {
    let row = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = row.filter_map(|row| match row.as_slice() {
        [name, _, id, own, ..] => {
            let id = id.parse::<u32>().ok()?;
            (*name == wanted || wanted == id.to_string()).then(|| (id, own.parse().unwrap_or(id)))
        }
        _ => None,
    });
    found.into_iter().next().or_else(|| wanted.parse().ok().map(|id| (id, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_name_or_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nweir:x:101:102::/:/bin/false\n";
        let groups = "adm:x:4:syslog\nweir:x:102:\n";
        for (case, table, wanted, want) in [
            ("a user", users, "weir", Some((101, 102))),
            ("a user by number", users, "101", Some((101, 102))),
            ("a number without a name", users, "65532", Some((65532, 65532))),
            ("nobody", users, "kong", None),
            ("a group", groups, "weir", Some((102, 102))),
            ("a group with members", groups, "adm", Some((4, 4))),
        ] {
            assert_eq!(account(table, wanted), want, "{case}");
        }
    }
}
