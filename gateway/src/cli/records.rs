//! `weir audit`: is the audit log whole? And how commands that write are written down in it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use uuid::Uuid;

use super::output::say;
use super::{CliError, SettingsFile};
use crate::config::{AuditMode, Settings};
use crate::model::{Document, kind};
use crate::store::{Attribution, Store, StoreSettings, Terms, Verified};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Looks whether a row of the audit log was altered, taken out or put in; exit code 0 if not.
    Verify {
        /// The digest that an earlier run printed: it must still be there.
        #[arg(long, value_name = "DIGEST")]
        head: Option<String>,
        #[command(flatten)]
        file: SettingsFile,
    },
}

pub(super) fn run(command: &Audit) -> Result<ExitCode, CliError> {
    let Audit::Verify { head, file } = command;
    let settings = file.load()?.settings;
    super::become_user(&settings)?;
    super::small_runtime()?.block_on(async {
        let store = Store::connect(&StoreSettings::from(&settings)).await?;
        let Verified { rows, forgotten, head: newest, fault } = store.verify_records(head.as_deref()).await?;
        if let Some(fault) = fault {
            return Err(CliError::No(format!("the audit log is not whole: {fault}")));
        }
        say(format_args!("{rows} records, {forgotten} before them forgotten; newest digest {newest}"))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Terms of a write that a command makes.
pub(super) fn written_down(settings: &Settings, command: &str) -> Terms {
    let mode = settings.access.audit.mode;
    let mut entry = Document::new();
    let at_ms = unix_ms();
    for (name, value) in [
        ("request_id", Uuid::new_v4().simple().to_string().into()),
        ("at_ms", at_ms.into()),
        ("request_timestamp", (at_ms / 1000).into()),
        ("actor", format!("command line, user {}", rustix::process::geteuid().as_raw()).into()),
        ("client_ip", serde_json::Value::Null),
        ("method", "weir".into()),
        ("path", command.into()),
        ("status", serde_json::Value::Null),
    ] {
        entry.insert(name.to_owned(), value);
    }
    let redact = |name: &str, entity: &Document| {
        kind(name).map_or_else(Document::new, |kind| kind.redacted(entity, None))
    };
    let is_required = mode == AuditMode::On;
    let attribution = Attribution { entry, redact: Arc::new(redact), is_required };
    Terms { within: None, attribution: (mode != AuditMode::Off).then_some(attribution) }
}

pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
