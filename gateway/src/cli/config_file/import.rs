//! `weir config import`: a file into the database, in one write.

use std::process::ExitCode;

use super::ComparedArgs;
use super::source::{Compared, Source, database};
use crate::cli::CliError;
use crate::cli::output::say;
use crate::cli::progress::Step;
use crate::declarative::{Plan, Scope};
use crate::store::{Bulk, StoreError};

/// How often it compares anew after somebody else wrote.
const ATTEMPTS: usize = 4;

pub(super) async fn run(args: &ComparedArgs) -> Result<ExitCode, CliError> {
    let settings = args.file.settings.load()?.settings;
    crate::cli::become_user(&settings)?;
    let source = Source::open(&args.file.declared)?;
    let store = database(&settings).await?;
    for _ in 0..ATTEMPTS {
        let compared = source.compare(&settings, &store, scope(args)).await?;
        let Compared { plan: Plan { insert, replace, remove, unchanged }, revision, .. } = compared;
        let told = format!(
            "import successful: {} created, {} changed, {} deleted, {unchanged} as they were",
            insert.len(),
            replace.len(),
            remove.len()
        );
        let step = Step::of_count("writing", insert.len() + replace.len() + remove.len());
        let bulk = Bulk { insert, replace, remove };
        let written = store.write_bulk(&bulk, revision, &|count| step.done(count)).await;
        drop(step);
        match written {
            Ok(_) => {
                store.close().await;
                say(told)?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(StoreError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CliError::No("others keep writing to the database; try again".to_owned()))
}

pub(super) fn scope(args: &ComparedArgs) -> Scope {
    if args.prune { Scope::Whole } else { Scope::Named }
}
