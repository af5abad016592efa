//! Plays requests from files to a plugin, and writes down what comes of them.
//!
//! The plugin runs in the real host: the same engine, limits, chain and checks as in a gateway. What is
//! around it is told by the file: who the consumers are, what other hosts answer, what time it is. The
//! answers are compared with golden ones, and every call is weighed in instructions.
//!
//! Deliberately not here: routing and forwarding. A request is taken as routed, and the upstream's answer
//! stands in the file.

mod body;
mod case;
mod cast;
mod cost;
mod error;
mod files;
mod golden;
mod scene;
mod stage;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

pub use cost::Costs;
pub use error::RehearsalError;
pub use files::{cases, first_config, write};
pub use golden::Comparison;

use case::Case;
use stage::Stage;

/// What came of one file.
#[derive(Debug)]
pub struct Performance {
    /// The file.
    pub file: PathBuf,
    /// How many requests there were.
    pub requests: usize,
    /// Against the golden answers.
    pub comparison: Comparison,
}

/// Whether golden answers are compared with, or written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Golden {
    /// Compare.
    Compare,
    /// Take what came as what is wanted.
    Update,
}

/// Where a rehearsal finds its things.
#[derive(Debug, Clone)]
pub struct Rehearsal<'a> {
    /// The component.
    pub component: Bytes,
    /// Folder for compiled code.
    pub prefix: &'a Path,
    /// Files with requests.
    pub files: &'a [PathBuf],
    /// What becomes of the answers.
    pub golden: Golden,
}

/// Plays all files, each to a host of its own, so that none sees what another left behind.
///
/// # Errors
///
/// [`RehearsalError`] if the plugin or a file cannot be used at all. That an answer is another one is no
/// error; it stands in the [`Performance`].
pub async fn rehearse(rehearsal: &Rehearsal<'_>) -> Result<(Vec<Performance>, Costs), RehearsalError> {
    let mut performances = Vec::new();
    let mut costs = Costs::default();
    for file in rehearsal.files {
        let case = Case::read(file)?;
        let stage = Stage::set(rehearsal.prefix, &rehearsal.component, file, &case).await?;
        let mut came = Vec::new();
        for scene in &case.requests {
            came.push(stage.play(scene).await);
            costs.add(stage.trial.take_spent());
        }
        let comparison = golden::settle(file, &Value::Array(came), rehearsal.golden)?;
        performances.push(Performance { file: file.clone(), requests: case.requests.len(), comparison });
    }
    Ok((performances, costs))
}
