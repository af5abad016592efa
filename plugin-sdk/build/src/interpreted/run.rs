//! Runs the tools of a language.

use std::process::{Command, Stdio};

use crate::BuildError;
use crate::progress::tell;

/// Runs a tool to its end; what it says goes to stderr only if it fails.
///
/// # Errors
///
/// [`BuildError::Run`] if it cannot be started, [`BuildError::Compile`] if it fails.
pub(crate) fn run(command: &mut Command, what: &'static str) -> Result<String, BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| BuildError::Run { program, source })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    tell(format_args!("{said}{}", String::from_utf8_lossy(&output.stderr).trim_end()));
    Err(BuildError::Compile { program: what, status: output.status })
}

/// Major and minor number of what `program --version` answers; `None` if it is not there.
pub(crate) fn version_of(program: &str) -> Option<(u32, u32)> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let digits = said.trim().trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let mut numbers = digits.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
