//! Which files of a project hold requests, and how one is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::RehearsalError;
use super::case::Case;

/// The files with requests of the plugin in `dir`, in order: `tests/*.yaml`, `.yml` and `.json`.
///
/// # Errors
///
/// [`RehearsalError::File`] if the folder cannot be read; one that is not there has no files.
pub fn cases(dir: &Path) -> Result<Vec<PathBuf>, RehearsalError> {
    let tests = dir.join("tests");
    let entries = match fs::read_dir(&tests) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RehearsalError::File { path: tests, source }),
    };
    let is_case = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let known = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        known && !name.ends_with(".golden.json")
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_case).collect();
    files.sort();
    Ok(files)
}

/// The configuration that the first file of the plugin in `dir` tries it with.
pub fn first_config(dir: &Path) -> Option<Value> {
    let file = cases(dir).ok()?.into_iter().next()?;
    Some(Case::read(&file).ok()?.config).filter(|config| !config.is_null())
}

/// Writes a file with `requests`, each in the shape that a file has, in place of what it had.
///
/// # Errors
///
/// [`RehearsalError::File`] if it cannot be written.
pub fn write(file: &Path, config: Option<Value>, requests: &[Value]) -> Result<(), RehearsalError> {
    let mut case = Map::new();
    case.extend(config.map(|config| ("config".to_owned(), config)));
    case.insert("requests".to_owned(), requests.into());
    let text = serde_saphyr::to_string(&case)
        .map_err(|error| RehearsalError::Case { path: file.to_owned(), reason: error.to_string() })?;
    fs::write(file, text).map_err(|source| RehearsalError::File { path: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_with_requests_are_found_and_golden_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(cases(dir.path()).unwrap().is_empty(), "no folder");
        fs::create_dir(dir.path().join("tests")).unwrap();
        for name in ["b.yaml", "a.json", "a.golden.json", "c.rs"] {
            fs::write(dir.path().join("tests").join(name), "").unwrap();
        }
        let names: Vec<_> = cases(dir.path()).unwrap();
        let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.json", "b.yaml"]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        let body = "one\n two: \"x\"\n\t# - é";
        let request =
            json!({ "name": "1: GET /", "request": { "body": body, "headers": { "a": ["1", "no"] } } });
        write(&file, Some(json!({ "a": null, "b": "yes" })), &[request]).unwrap();
        let case = Case::read(&file).unwrap();
        assert_eq!(case.config, json!({ "a": null, "b": "yes" }));
        assert_eq!(case.requests[0].request.body.bytes(), body);
        assert_eq!(case.requests[0].request.headers.map().unwrap().get_all("a").iter().count(), 2);
    }

    #[test]
    fn the_first_configuration_is_the_one_to_run_with() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tests")).unwrap();
        assert_eq!(first_config(dir.path()), None);
        fs::write(dir.path().join("tests/a.yaml"), "config: { a: 1 }\nrequests: []").unwrap();
        assert_eq!(first_config(dir.path()), Some(json!({ "a": 1 })));
    }
}
