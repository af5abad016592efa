//! Why a plugin cannot run with a configuration.

use serde::Serialize;

use super::CallFailure;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// JSON pointer into the configuration; empty for the whole.
    pub pointer: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// Why an assignment cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AssignError {
    /// The plugin refuses the configuration.
    #[error("the plugin refuses the configuration: {}", list(.0))]
    Config(Vec<ConfigProblem>),
    /// The plugin asks for capabilities that nobody granted.
    #[error("the plugin needs capabilities that are not granted: {}", .0.join(", "))]
    NotGranted(Vec<String>),
    /// A grant, limit or policy cannot be read.
    #[error("sandbox.{field}: {reason}")]
    Sandbox {
        /// Which part of `sandbox`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin did not survive its configuration.
    #[error("the plugin failed while it was configured: {0}")]
    Configure(CallFailure),
}

fn list(problems: &[ConfigProblem]) -> String {
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push_str("; ");
        }
        if !problem.pointer.is_empty() {
            text.push_str(&problem.pointer);
            text.push_str(": ");
        }
        text.push_str(&problem.message);
    }
    text
}
