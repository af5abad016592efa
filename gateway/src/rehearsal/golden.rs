//! Golden answers: `NAME.golden.json` beside `NAME.yaml`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::TextDiff;

use super::{Golden, RehearsalError};

/// What came, against what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Same,
    /// There was nothing to compare with; what came is golden from now on.
    New(PathBuf),
    /// What is golden was written anew.
    Updated(PathBuf),
    /// Not the same.
    Different {
        /// Where what is wanted stands.
        golden: PathBuf,
        /// A unified diff from what is wanted to what came.
        diff: String,
    },
}

pub(super) fn settle(file: &Path, came: &Value, golden: Golden) -> Result<Comparison, RehearsalError> {
    let path = file.with_extension("golden.json");
    let failed = |source| RehearsalError::File { path: path.clone(), source };
    let came = format!("{came:#}\n");
    let wanted = match fs::read_to_string(&path) {
        Ok(wanted) => Some(wanted),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let Some(wanted) = wanted else {
        fs::write(&path, came).map_err(failed)?;
        return Ok(Comparison::New(path));
    };
    if wanted == came {
        return Ok(Comparison::Same);
    }
    if golden == Golden::Update {
        fs::write(&path, came).map_err(failed)?;
        return Ok(Comparison::Updated(path));
    }
    let diff = TextDiff::from_lines(&wanted, &came);
    let diff = diff.unified_diff().context_radius(4).header("wanted", "came").to_string();
    Ok(Comparison::Different { golden: path, diff })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_answer_is_golden_until_it_is_updated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        let settle = |came: Value, golden| settle(&file, &came, golden).unwrap();
        let path = folder.path().join("a.golden.json");
        assert_eq!(settle(json!([1]), Golden::Compare), Comparison::New(path.clone()));
        assert_eq!(settle(json!([1]), Golden::Compare), Comparison::Same);
        let Comparison::Different { diff, .. } = settle(json!([2]), Golden::Compare) else {
            panic!("the same")
        };
        assert!(diff.contains("-  1\n+  2\n"), "{diff}");
        assert_eq!(settle(json!([2]), Golden::Update), Comparison::Updated(path));
        assert_eq!(settle(json!([2]), Golden::Compare), Comparison::Same);
    }
}
