//! What can go wrong in the store, named so that the Admin API can choose Kong's answer.

use uuid::Uuid;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or not in time. Trying again later may work.
    ///
    /// A write that ended so may still have been committed: the connection can break between the
    /// commit and its answer.
    #[error("the database is not available: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// Whether the database is gone; otherwise it is only busy.
        outage: bool,
    },
    /// The database answers, and cannot be written. What is there can still be read.
    #[error("the database cannot be written, since {why}: {reason}")]
    Unwritable {
        /// What an operator has to look at.
        why: &'static str,
        /// For the log.
        reason: String,
    },
    /// Another entity of the kind has this value. `field` is `id` if the primary key is taken.
    #[error("another entity of {kind} has this {field}")]
    Conflict {
        /// The kind written.
        kind: String,
        /// The field, or the fields joined by a comma.
        field: String,
        /// The value, as in the record.
        value: String,
    },
    /// The record refers to an entity that does not exist.
    #[error("field {field} refers to {id}, which is not in {target}")]
    MissingReference {
        /// The field that holds the reference.
        field: String,
        /// The kind referred to.
        target: String,
        /// The entity that is not there.
        id: Uuid,
    },
    /// The entity cannot be deleted, since another one needs it.
    #[error("an entity of {by_kind} refers to this one of {kind}")]
    Referenced {
        /// The kind of the entity that was to be deleted.
        kind: String,
        /// The kind of the entity that refers to it.
        by_kind: String,
    },
    /// There is no such entity.
    #[error("no such entity of {kind}")]
    NotFound {
        /// The kind asked for.
        kind: String,
        /// The entity asked for.
        id: Uuid,
    },
    /// The entity was written since it was read, so replacing it would lose that write.
    #[error("the entity of {kind} was changed by somebody else meanwhile")]
    Changed {
        /// The kind written.
        kind: String,
        /// The entity written.
        id: Uuid,
    },
    /// The entity is not among those that the write may change.
    #[error("the entity of {kind} is out of reach: {why}")]
    OutOfReach {
        /// The kind written.
        kind: String,
        /// The entity.
        id: Uuid,
        /// What keeps it out.
        why: &'static str,
    },
    /// The write was not made, since it cannot be written into the audit log.
    #[error("the audit log cannot be written: {0}")]
    Unrecorded(String),
    /// A row cannot be read. Somebody else wrote it, or the disk is broken.
    #[error("a row of {kind} cannot be read: {reason}")]
    BadRow {
        /// The kind, or the table if it holds no entities.
        kind: String,
        /// The primary key as text.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys that secrets are sealed with are missing, or are others.
    #[error("{0}")]
    Sealed(String),
    /// The tables are missing or too old.
    #[error("the database has no tables of this version; run `weir migrations up`")]
    NotMigrated,
    /// A migration failed.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The settings cannot be used as they are.
    #[error("{0}")]
    Settings(String),
    /// The database refused a statement in a way that nothing above describes.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether trying the same again later may work.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unwritable { .. })
    }

    /// Why the database is gone; `None` if it answered, or is only busy.
    pub(super) fn outage_reason(&self) -> Option<&str> {
        match self {
            Self::Unavailable { reason, outage: true } => Some(reason),
            Self::Unavailable { .. }
            | Self::Unwritable { .. }
            | Self::Conflict { .. }
            | Self::MissingReference { .. }
            | Self::Referenced { .. }
            | Self::NotFound { .. }
            | Self::Changed { .. }
            | Self::OutOfReach { .. }
            | Self::Unrecorded(_)
            | Self::BadRow { .. }
            | Self::Sealed(_)
            | Self::NotMigrated
            | Self::Migration(_)
            | Self::Settings(_)
            | Self::Refused(_) => None,
        }
    }

    pub(super) fn late(what: &str) -> Self {
        Self::outage(format!("{what} took too long"))
    }

    pub(super) fn outage(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), outage: true }
    }

    pub(super) fn busy(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), outage: false }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        if let E::Database(refusal) = &error {
            return from_refusal(refusal.as_ref());
        }
        let text = error.to_string();
        let outage = matches!(
            error,
            E::Io(_)
                | E::Tls(_)
                | E::PoolTimedOut
                | E::PoolClosed
                | E::WorkerCrashed
                | E::Protocol(_)
                | E::BeginFailed
        );
        if outage { Self::outage(text) } else { Self::Refused(text) }
    }
}

fn from_refusal(refusal: &dyn sqlx::error::DatabaseError) -> StoreError {
    let code = refusal.code().unwrap_or_default();
    match trouble(&code) {
        Some(Trouble::Outage) => return StoreError::outage(refusal.message()),
        Some(Trouble::Busy) => return StoreError::busy(refusal.message()),
        Some(Trouble::Unwritable(why)) => {
            return StoreError::Unwritable { why, reason: refusal.message().to_owned() };
        }
        None => {}
    }
    // 42P01 is Postgres' undefined_table; SQLite has a text only.
    if code == "42P01" || refusal.message().starts_with("no such table") {
        return StoreError::NotMigrated;
    }
    StoreError::Refused(refusal.message().to_owned())
}

#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    Outage,
    Busy,
    /// Why; reads go on, so that nobody else has to suffer.
    Unwritable(&'static str),
}

const FULL: Trouble = Trouble::Unwritable("its disk is full");
const READ_ONLY: Trouble = Trouble::Unwritable("it is read-only");
const REFUSED: Trouble = Trouble::Unwritable("its disk refuses");

/// What a code says about the server, if it says more about that than about the statement.
///
/// Postgres (appendix A of its manual): 08 connection, 53 resources, of which 53100 is a full disk, 57 operator
/// intervention, 25P03 idle transaction, 25006 read-only as on a standby, 28 and 3D log-in and missing database; 40
/// serialisation, 55P03 lock timeout, 57014 statement timeout. SQLite (low byte of an extended code): 8 read-only, 10
/// I/O, 13 disk full, 14 cannot open; 5 busy, 6 locked. Of I/O, 778 is a write, 1034 and 1290 a flush, 1546 a change
/// of size: so a quota or a limit of file sizes shows.
fn trouble(code: &str) -> Option<Trouble> {
    // A Postgres code has five characters, which no SQLite code has.
    if code.len() != 5 {
        let number = code.parse::<u32>().unwrap_or_default();
        return match (number & 0xff, number) {
            (_, 778 | 1034 | 1290 | 1546) => Some(REFUSED),
            (13, _) => Some(FULL),
            (8, _) => Some(READ_ONLY),
            (5 | 6, _) => Some(Trouble::Busy),
            (10 | 14, _) => Some(Trouble::Outage),
            _ => None,
        };
    }
    match code {
        "55P03" | "57014" => Some(Trouble::Busy),
        "25P03" => Some(Trouble::Outage),
        "53100" => Some(FULL),
        "25006" => Some(READ_ONLY),
        _ if code.starts_with("40") => Some(Trouble::Busy),
        _ if ["08", "53", "57", "28", "3D"].iter().any(|class| code.starts_with(class)) => {
            Some(Trouble::Outage)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_told_from_contention_and_refusals() {
        for (case, code, want) in [
            ("postgres shuts down", "57P01", Some(Trouble::Outage)),
            ("postgres starts up", "57P03", Some(Trouble::Outage)),
            ("too many connections", "53300", Some(Trouble::Outage)),
            ("statement timeout", "57014", Some(Trouble::Busy)),
            ("lock timeout", "55P03", Some(Trouble::Busy)),
            ("postgres unique violation", "23505", None),
            ("postgres syntax error", "42601", None),
            ("sqlite busy", "5", Some(Trouble::Busy)),
            ("sqlite busy in recovery", "261", Some(Trouble::Busy)),
            ("postgres disk full", "53100", Some(FULL)),
            ("postgres on a standby", "25006", Some(READ_ONLY)),
            ("sqlite disk full", "13", Some(FULL)),
            ("sqlite without the right to write", "8", Some(READ_ONLY)),
            ("sqlite beyond a quota", "778", Some(REFUSED)),
            ("sqlite cannot read", "266", Some(Trouble::Outage)),
            ("sqlite unique violation", "2067", None),
            ("no code", "", None),
        ] {
            assert_eq!(trouble(code), want, "{case}");
        }
    }
}
