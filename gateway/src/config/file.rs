//! The settings file: YAML, or Kong's `key = value`.
//!
//! Both are flat. The extension decides; without a telling one, the first line that says something.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::origin::{Origin, Raw};
use super::{SettingError, SettingsError};

/// One line of the file.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) raw: Raw,
}

/// Reads the settings file at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let allowed = "give a readable file with -c, or leave -c out".to_owned();
        one_error("-c", Origin::File { path: path.to_owned(), line: 1 }, error.to_string(), allowed)
    })?;
    if is_yaml(path, &text) { yaml(path, &text) } else { properties(path, &text) }
}

fn one_error(name: &str, origin: Origin, problem: String, allowed: String) -> SettingsError {
    SettingsError(vec![SettingError { name: name.to_owned(), origin, problem, allowed }])
}

fn is_yaml(path: &Path, text: &str) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml" | "json") => true,
        Some("conf") => false,
        Some(_) | None => {
            let telling = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
            telling.is_some_and(|line| {
                let colon = line.find(':').unwrap_or(usize::MAX);
                line.starts_with("---")
                    || line.starts_with('{')
                    || colon < line.find('=').unwrap_or(usize::MAX)
            })
        }
    }
}

/// Kong's form: `key = value`, with `#` for comments and `\#` for itself.
fn properties(path: &Path, text: &str) -> Result<Vec<Entry>, SettingsError> {
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        let origin = Origin::File { path: path.to_owned(), line: number };
        match line.split_once('=') {
            Some((name, value)) => {
                let text = value.trim().trim_matches(['"', '\'']).to_owned();
                entries.push(Entry { name: name.trim().to_owned(), raw: Raw { text, origin } });
            }
            None => errors.push(SettingError {
                name: line,
                origin,
                problem: "not a setting".to_owned(),
                allowed: "allowed: key = value".to_owned(),
            }),
        }
    }
    if errors.is_empty() { Ok(entries) } else { Err(SettingsError(errors)) }
}

fn without_comment(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut escaped = false;
    for letter in line.chars() {
        match letter {
            '#' if escaped => {
                kept.pop();
            }
            '#' => break,
            _ => {}
        }
        escaped = letter == '\\';
        kept.push(letter);
    }
    kept.trim().to_owned()
}

fn yaml(path: &Path, text: &str) -> Result<Vec<Entry>, SettingsError> {
    let Lines(read) = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(1, |at| at.line());
        let origin = Origin::File { path: path.to_owned(), line };
        // The parser's text may quote the file, and the file may hold a password: its first line only.
        let problem = error.without_snippet().to_string().lines().next().unwrap_or_default().to_owned();
        one_error("weir.yaml", origin, problem, "allowed: one 'name: value' a line".to_owned())
    })?;
    Ok(read.into_iter().map(|(name, value)| entry(path, text, name, value)).collect())
}

fn entry(path: &Path, source: &str, name: Spanned<String>, value: Spanned<Value>) -> Entry {
    let origin = Origin::File { path: path.to_owned(), line: name.referenced.line() };
    let text = match value.value {
        Value::Text(text) => text,
        Value::Typed => written(source, &value.defined).unwrap_or_default(),
    };
    Entry { name: name.value, raw: Raw { text, origin } }
}

/// A number or a switch as it stands in the file: `007` and `off` keep their letters.
fn written(source: &str, at: &serde_saphyr::Location) -> Option<String> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let length = usize::try_from(at.span().byte_len()?).ok()?;
    Some(source.get(start..start.checked_add(length)?)?.trim().to_owned())
}

/// The whole file.
struct Lines(Vec<(Spanned<String>, Spanned<Value>)>);

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(LinesVisitor)
    }
}

struct LinesVisitor;

impl<'de> Visitor<'de> for LinesVisitor {
    type Value = Lines;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings, one 'name: value' a line")
    }

    fn visit_unit<E: Error>(self) -> Result<Lines, E> {
        Ok(Lines(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lines, A::Error> {
        let mut lines = Vec::new();
        while let Some(line) = map.next_entry()? {
            lines.push(line);
        }
        Ok(Lines(lines))
    }
}

/// What may stand behind a name.
enum Value {
    Text(String),
    /// A scalar that YAML reads as something else than text.
    Typed,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, a switch or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Typed)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Typed)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Typed)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Typed)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Text(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.push(text);
        }
        Ok(Value::Text(texts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(entries: Vec<Entry>) -> Vec<(String, String, String)> {
        let mut texts: Vec<_> = entries
            .into_iter()
            .map(|entry| (entry.name, entry.raw.text, entry.raw.origin.to_string()))
            .collect();
        texts.sort();
        texts
    }

    fn triple(name: &str, text: &str, origin: &str) -> (String, String, String) {
        (name.to_owned(), text.to_owned(), origin.to_owned())
    }

    #[test]
    fn yaml_keeps_lines_and_letters() {
        let text =
            "# mine\nstatus_listen: off\npg_password: 007\nworkers: 2\nheaders: [via, server]\nnode_id:\n";
        let entries = yaml(Path::new("w.yaml"), text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            texts(entries),
            [
                triple("headers", "via, server", "w.yaml:5"),
                triple("node_id", "", "w.yaml:6"),
                triple("pg_password", "007", "w.yaml:3"),
                triple("status_listen", "off", "w.yaml:2"),
                triple("workers", "2", "w.yaml:4"),
            ]
        );
    }

    #[test]
    fn broken_yaml_names_its_line() {
        for (case, text, line) in [
            ("nested", "workers: 2\npg:\n  host: x\n", ":"),
            ("twice", "workers: 2\nworkers: 3\n", ":2)"),
            ("not a mapping", "- workers\n", ":1)"),
        ] {
            let error =
                yaml(Path::new("w.yaml"), text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("w.yaml") && error.contains(line), "{case}: {error}");
        }
    }

    #[test]
    fn kongs_form_is_read() {
        let text = "# comment\nproxy_listen = 0.0.0.0:8000 # here\n\npg_password = a\\#b\nlog_level='info'\n";
        let entries = properties(Path::new("kong.conf"), text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            texts(entries),
            [
                triple("log_level", "info", "kong.conf:5"),
                triple("pg_password", "a#b", "kong.conf:4"),
                triple("proxy_listen", "0.0.0.0:8000", "kong.conf:2"),
            ]
        );
        assert!(properties(Path::new("kong.conf"), "workers 2").is_err(), "no equals sign");
    }

    #[test]
    fn content_tells_the_form() {
        for (text, want) in [("a: b=c", true), ("a = b:c", false), ("# x\n---\n", true), ("", false)] {
            assert_eq!(is_yaml(Path::new("weir"), text), want, "{text}");
        }
    }
}
