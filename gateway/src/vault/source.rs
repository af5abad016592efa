//! Reading one value: from the environment, or from a file in an allowed place.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use super::Reference;

/// Bytes of one value.
const MAX_BYTES: u64 = 64 << 10;

/// Where values may come from on this node.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Before the names of variables that `{vault://env/…}` names.
    pub env_prefix: String,
    /// Folders and files that `{vault://file/…}` may name.
    pub files: Arc<[PathBuf]>,
}

/// A sort of vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The environment of this process.
    Env,
    /// Files.
    File,
}

impl Source {
    /// The sort of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "env" => Some(Self::Env),
            "file" => Some(Self::File),
            _ => None,
        }
    }

    /// Reads what `reference` names below `prefix`. Blocks.
    ///
    /// # Errors
    ///
    /// Why there is no value; never a part of one.
    pub fn read(self, prefix: &str, reference: &Reference, places: &Places) -> Result<SecretString, String> {
        let value = match self {
            Self::Env => variable(prefix, reference)?,
            Self::File => in_files(prefix, reference, &places.files)?,
        };
        if value.is_empty() { Err("the value is empty".to_owned()) } else { Ok(value.into()) }
    }
}

/// Kong's rule: prefix and name in capitals with `_` for `-`; version 2 is in a variable of its own.
fn variable(prefix: &str, reference: &Reference) -> Result<String, String> {
    let (resource, key) = match reference.path.as_slice() {
        [only] => (only.clone(), None),
        [first @ .., last] => (first.join("/"), Some(last)),
        [] => return Err("it names nothing".to_owned()),
    };
    let mut name = format!("{prefix}{resource}").to_uppercase().replace('-', "_");
    if reference.version == Some(2) {
        name.push_str("_PREVIOUS");
    }
    if name.contains(['=', '\0']) {
        return Err("no variable has such a name".to_owned());
    }
    let value = std::env::var_os(&name).ok_or_else(|| format!("this node has no variable {name}"))?;
    let value = value.into_string().map_err(|_| format!("the variable {name} is no UTF-8"))?;
    match key {
        Some(key) => member(&value, key).map_err(|reason| format!("the variable {name} {reason}")),
        None => Ok(value),
    }
}

/// The whole path is a file, or all but its last segment is one and that names a member.
fn in_files(prefix: &str, reference: &Reference, allowed: &[PathBuf]) -> Result<String, String> {
    let whole = file(prefix, &reference.path, allowed);
    let (first, key) = match (&whole, reference.path.split_last()) {
        (Ok(path), _) => return read(path),
        (Err(_), Some((key, first))) if !first.is_empty() || !prefix.is_empty() => (first, key),
        (Err(reason), _) => return Err(reason.clone()),
    };
    // What is said of the path as a whole is of more use than what is said of its beginning.
    let path = file(prefix, first, allowed).map_err(|_| whole.err().unwrap_or_default())?;
    member(&read(&path)?, key).map_err(|reason| format!("{} {reason}", path.display()))
}

/// The file of this path, below one of the allowed places, links followed.
fn file(prefix: &str, segments: &[String], allowed: &[PathBuf]) -> Result<PathBuf, String> {
    let relative = segments.iter().fold(PathBuf::from(prefix), |path, segment| path.join(segment));
    let relative = relative.strip_prefix("/").unwrap_or(&relative);
    let candidates = std::iter::once(Path::new("/").join(relative))
        .chain(allowed.iter().map(|place| place.join(relative)));
    for candidate in candidates {
        let Ok(real) = candidate.canonicalize() else { continue };
        let inside = |place: &PathBuf| place.canonicalize().is_ok_and(|place| real.starts_with(place));
        if real.is_file() && allowed.iter().any(inside) {
            return Ok(real);
        }
    }
    Err(format!("there is no file {} in an allowed place (vault_files)", relative.display()))
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {}", path.display(), error.kind());
    let mut value = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut value).map_err(unreadable)?;
    if value.len() as u64 > MAX_BYTES {
        return Err(format!("{} has more than {MAX_BYTES} bytes", path.display()));
    }
    if value.ends_with('\n') {
        value.truncate(value.len() - 1);
        value.truncate(value.strip_suffix('\r').map_or(value.len(), str::len));
    }
    Ok(value)
}

/// A member of a JSON object, as text.
fn member(text: &str, key: &str) -> Result<String, String> {
    let all: Value = serde_json::from_str(text).map_err(|_| "holds no JSON".to_owned())?;
    match all.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(plain @ (Value::Number(_) | Value::Bool(_))) => Ok(plain.to_string()),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => {
            Err(format!("has no text or number under the key {key}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read_from(source: Source, prefix: &str, text: &str, files: &[PathBuf]) -> Result<String, String> {
        let places = Places { files: files.into(), ..Places::default() };
        let found = source.read(prefix, &Reference::parse(text).unwrap(), &places)?;
        Ok(found.expose_secret().to_owned())
    }

    #[test]
    fn variables_are_named_as_in_kong() {
        let path = std::env::var("PATH").unwrap();
        assert_eq!(read_from(Source::Env, "", "{vault://env/path}", &[]), Ok(path.clone()));
        assert_eq!(read_from(Source::Env, "pa", "{vault://my/th}", &[]), Ok(path));
        for (text, want) in [
            ("{vault://env/weir-no-such}", "no variable WEIR_NO_SUCH"),
            ("{vault://env/path#2}", "no variable PATH_PREVIOUS"),
            ("{vault://env/path/key}", "the variable PATH holds no JSON"),
            ("{vault://env/a=b}", "no variable has such a name"),
        ] {
            let refused = read_from(Source::Env, "", text, &[]).expect_err(text);
            assert!(refused.contains(want), "{text}: {refused}");
        }
    }

    #[test]
    fn files_are_read_in_allowed_places_only() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
        std::fs::create_dir(folder.path().join("db")).unwrap();
        write(folder.path().join("db/password"), "hunter22\r\n");
        write(folder.path().join("all.json"), r#"{"user": "joe", "port": 5432, "list": []}"#);
        write(other.path().join("secret"), "not yours");
        write(folder.path().join("large"), &"x".repeat(70_000));
        std::os::unix::fs::symlink(other.path().join("secret"), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("db/password", folder.path().join("inside")).unwrap();
        let allowed = [folder.path().to_owned()];
        let get = |prefix: &str, path: &str| {
            read_from(Source::File, prefix, &format!("{{vault://file/{path}}}"), &allowed)
        };
        let absolute = format!("{}/db/password", folder.path().display());
        for (case, prefix, path, want) in [
            ("below the folder", "", "db/password", "hunter22"),
            ("absolute", "", &absolute, "hunter22"),
            ("under a prefix", "db", "password", "hunter22"),
            ("a member", "", "all.json/user", "joe"),
            ("a number", "all.json", "port", "5432"),
            ("a link that stays inside", "", "inside", "hunter22"),
        ] {
            assert_eq!(get(prefix, path), Ok(want.to_owned()), "{case}");
        }
        let outside = format!("{}/secret", other.path().display());
        for (case, path) in [
            ("no such file", "nothing"),
            ("another folder", &outside),
            ("dots", "../../etc/hostname"),
            ("encoded dots", "%2e%2e/%2e%2e/etc/hostname"),
            ("a link that leads out", "link"),
            ("a folder", "db"),
            ("no such member", "all.json/none"),
            ("a member that is no text", "all.json/list"),
            ("too large", "large"),
            ("a device", "/dev/zero"),
        ] {
            let refused = get("", path).expect_err(case);
            assert!(!refused.contains("hunter22") && !refused.contains("not yours"), "{case}: {refused}");
        }
    }
}
