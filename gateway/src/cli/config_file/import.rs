//! `weir config import`: a file into the database, in one write.

use std::process::ExitCode;

use super::ComparedArgs;
use super::source::{Compared, Source, database};
use crate::cli::CliError;
use crate::cli::output::say;
use crate::cli::progress::Step;
use crate::cli::records::written_down;
use crate::declarative::{Plan, Scope};
use crate::store::{Attempts, Bulk, StoreError};

pub(super) async fn run(args: &ComparedArgs) -> Result<ExitCode, CliError> {
    let settings = args.file.settings.load()?.settings;
    crate::cli::become_user(&settings)?;
    let source = Source::open(&args.file.declared)?;
    let store = database(&settings).await?;
    let terms = written_down(&settings, "config import");
    let mut attempts = Attempts::default();
    loop {
        let compared = source.compare(&settings, &store, scope(args)).await?;
        let Compared { plan: Plan { insert, replace, remove, unchanged }, revision, .. } = compared;
        let told = format!(
            "import successful: {} created, {} changed, {} deleted, {unchanged} as they were",
            insert.len(),
            replace.len(),
            remove.len()
        );
        let step = Step::of_count("writing");
        let bulk = Bulk { insert, replace, remove };
        let progress = |done, all| step.done_of(done, all);
        let written = store.write_bulk(&bulk, revision, terms.clone(), &progress).await;
        drop(step);
        match attempts.end_with(written) {
            Ok(true) => {
                store.close().await;
                say(told)?;
                return Ok(ExitCode::SUCCESS);
            }
            Ok(false) => {}
            Err(StoreError::Changed { .. }) => {
                return Err(CliError::No("others keep writing to the database; try again".to_owned()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn scope(args: &ComparedArgs) -> Scope {
    if args.prune { Scope::Whole } else { Scope::Named }
}
