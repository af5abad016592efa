//! `weir start`: the gateway in the foreground.

use std::process::ExitCode;

use super::{CliError, SettingsFile};
use crate::app;
use crate::config::Loaded;
use crate::telemetry::logs;

pub(super) fn run(file: &SettingsFile) -> Result<ExitCode, CliError> {
    let Loaded { settings, notices } = file.load()?;
    logs::init(settings.log_level, settings.log_format);
    for notice in notices {
        tracing::warn!("{notice}");
    }
    app::run(settings)?;
    Ok(ExitCode::SUCCESS)
}
