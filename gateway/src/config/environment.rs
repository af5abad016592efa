//! Settings from environment variables: `WEIR_NAME`, and `KONG_NAME` for what Kong has too.
//!
//! An empty variable counts as not set, as compose files leave them.

use std::path::{Path, PathBuf};

use super::origin::{Origin, Raw};
use super::{Setting, SettingError};

/// Ours, but for the build and not for the process.
const BUILD: &str = "WEIR_BUNDLED_DIR";

/// What one variable turned out to be.
pub(super) enum Variable {
    /// It sets something.
    Set(&'static Setting, Raw),
    /// Kong's, by its name in the file.
    Kong(String, Raw),
    /// None of our business.
    Foreign,
    /// Ours, and wrong.
    Wrong(SettingError),
}

/// What the variable `name` with `value` means.
pub(super) fn read(name: &str, value: &str) -> Variable {
    if value.is_empty() || name == BUILD || is_service_link(name, value) {
        return Variable::Foreign;
    }
    let origin = Origin::Environment(name.to_owned());
    let raw = Raw { text: value.to_owned(), origin };
    if let Some(ours) = name.strip_prefix("WEIR_") {
        let key = ours.to_ascii_lowercase();
        return match Setting::find(&key) {
            Some(setting) => Variable::Set(setting, raw),
            None => from_file(name, &key, raw, |_| true)
                .unwrap_or_else(|raw| Variable::Wrong(unknown(name, &key, raw))),
        };
    }
    let Some(kongs) = name.strip_prefix("KONG_") else {
        return Variable::Foreign;
    };
    let key = kongs.to_ascii_lowercase();
    match Setting::find(&key) {
        Some(setting) if is_kongs(setting, &key) => Variable::Set(setting, raw),
        Some(_) => Variable::Kong(key, raw),
        None => {
            from_file(name, &key, raw, |setting| setting.kong).unwrap_or_else(|raw| Variable::Kong(key, raw))
        }
    }
}

/// Whether Kong knows the setting by this name: not every name of ours is one of Kong's.
fn is_kongs(setting: &Setting, key: &str) -> bool {
    setting.kong || setting.aliases.contains(&key)
}

/// `NAME_FILE` for a secret: the value is in that file. Gives `raw` back if it is no such variable.
fn from_file(name: &str, key: &str, raw: Raw, accept: impl Fn(&Setting) -> bool) -> Result<Variable, Raw> {
    let setting =
        key.strip_suffix("_file").and_then(Setting::find).filter(|setting| setting.secret && accept(setting));
    let Some(setting) = setting else { return Err(raw) };
    let path = PathBuf::from(&raw.text);
    Ok(match secret(&path) {
        Ok(text) => Variable::Set(
            setting,
            Raw { text, origin: Origin::SecretFile { variable: name.to_owned(), path } },
        ),
        Err(problem) => Variable::Wrong(SettingError {
            name: name.to_owned(),
            origin: raw.origin,
            problem: format!("{}: {problem}", path.display()),
            allowed: "allowed: the path of a readable file".to_owned(),
        }),
    })
}

/// The text of a secret file, without the line end that editors leave.
fn secret(path: &Path) -> Result<String, std::io::Error> {
    let text = std::fs::read_to_string(path)?;
    Ok(text
        .strip_suffix('\n')
        .map(|text| text.strip_suffix('\r').unwrap_or(text))
        .unwrap_or(&text)
        .to_owned())
}

fn unknown(name: &str, key: &str, raw: Raw) -> SettingError {
    SettingError {
        name: name.to_owned(),
        origin: raw.origin,
        problem: "there is no such setting".to_owned(),
        allowed: suggestion(key)
            .map(|best| format!("did you mean WEIR_{}?", best.to_uppercase()))
            .unwrap_or_default(),
    }
}

/// The name that was probably meant.
pub(super) fn suggestion(key: &str) -> Option<&'static str> {
    let scored = super::settings().map(|setting| (strsim::jaro_winkler(key, setting.name), setting.name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.84).then_some(best.1)
}

/// Whether an orchestrator made the variable for a service that happens to be called `weir` or
/// `kong`: Kubernetes sets `WEIR_PORT=tcp://…` and the like in every container beside it.
fn is_service_link(name: &str, value: &str) -> bool {
    let at_port = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let numbered = name.rsplit_once("_PORT_").is_some_and(|(_, rest)| at_port(rest));
    let address = value.starts_with("tcp://") || value.starts_with("udp://");
    numbered
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> String {
        match read(name, value) {
            Variable::Set(setting, raw) => format!("set {} to {}", setting.name, raw.text),
            Variable::Kong(key, _) => format!("kong {key}"),
            Variable::Foreign => "foreign".to_owned(),
            Variable::Wrong(error) => error.to_string(),
        }
    }

    #[test]
    fn variables_are_told_apart() {
        for (name, value, want) in [
            ("WEIR_PROXY_LISTEN", "off", "set proxy_listen to off"),
            ("KONG_PROXY_LISTEN", "off", "set proxy_listen to off"),
            ("KONG_NGINX_WORKER_PROCESSES", "2", "set workers to 2"),
            ("KONG_WORKERS", "2", "kong workers"),
            ("KONG_PLUGINS", "bundled", "kong plugins"),
            ("WEIR_NODE_ID", "", "foreign"),
            ("WEIR_ADMIN_TOKEN", "t0ken", "set admin_token to t0ken"),
            ("PATH", "/bin", "foreign"),
            ("WEIR_PORT", "tcp://10.0.0.1:8000", "foreign"),
            ("WEIR_PORT_8000_TCP_ADDR", "10.0.0.1", "foreign"),
            ("WEIR_ADMIN_SERVICE_HOST", "10.0.0.1", "foreign"),
            ("WEIR_SERVICE_PORT_HTTP", "80", "foreign"),
        ] {
            assert_eq!(said(name, value), want, "{name}={value}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_likely_one() {
        for (name, want) in [
            ("WEIR_PROXY_LISTN", "did you mean WEIR_PROXY_LISTEN?"),
            ("WEIR_PG_PASWORD", "did you mean WEIR_PG_PASSWORD?"),
            ("WEIR_LOGLEVEL", "did you mean WEIR_LOG_LEVEL?"),
            ("WEIR_ZZZ", "(environment variable WEIR_ZZZ): there is no such setting"),
            ("WEIR_PG_USER_FILE", "there is no such setting"),
        ] {
            assert!(said(name, "x").contains(want), "{name}: {}", said(name, "x"));
        }
    }

    #[test]
    fn secrets_come_from_files() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "s3cret \r\n").expect("written");
        let path = path.display().to_string();
        assert_eq!(said("WEIR_PG_PASSWORD_FILE", &path), "set pg_password to s3cret ");
        assert_eq!(said("KONG_PG_PASSWORD_FILE", &path), "set pg_password to s3cret ");
        assert!(said("WEIR_PG_PASSWORD_FILE", "/nowhere/at/all").contains("/nowhere/at/all: No such file"));
    }
}
