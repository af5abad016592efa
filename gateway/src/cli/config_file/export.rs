//! `weir config export`: the database as a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use super::ExportArgs;
use super::source::{database, now};
use crate::cli::CliError;
use crate::cli::output::say;
use crate::cli::progress::Step;
use crate::declarative::{print, stored_kinds};

pub(super) async fn run(args: &ExportArgs) -> Result<ExitCode, CliError> {
    let settings = args.settings.load()?.settings;
    crate::cli::become_user(&settings)?;
    let store = database(&settings).await?;
    let step = Step::begin("reading the database");
    let rows = store.read_catalog(&stored_kinds()).await?;
    let text = print(&rows.documents, now().seconds())
        .map_err(|error| CliError::No(format!("the configuration cannot be written as YAML: {error}")))?;
    drop(step);
    store.close().await;
    match &args.exported {
        None => _ = say(text.trim_end())?,
        Some(path) => {
            write(path, &text, args.force)?;
            say(format_args!("exported to {}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// It holds keys and passwords, so only its owner may read it.
fn write(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .map_err(|source| CliError::System { what: format!("{} cannot be written", path.display()), source })
}
