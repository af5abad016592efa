//! Defaults, file and environment into [`Settings`], or into the list of all that is wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::environment::{self, Variable};
use super::kong::{self, Meaning};
use super::origin::{Origin, Raw};
use super::reader::Reader;
use super::settings::{Confine, ConfinementSettings, LogFormat, LogLevel, PluginSettings, Settings};
use super::{Setting, SettingError, SettingsError, file, listen, units};
use crate::vault::Places;

mod access;
mod database;
mod declarative;
mod dns;
mod proxy;
mod sharing;
mod sources;
mod tls;
mod upstream_tls;
mod upstreams;
mod vault;

/// Where settings may come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The file given by `-c`.
    pub file: Option<&'a Path>,
    /// The environment, as names and values.
    pub environment: &'a [(String, String)],
}

/// Settings, and what the operator should hear about them.
#[derive(Debug)]
pub struct Loaded {
    /// Fit for use.
    pub settings: Settings,
    /// Sentences for the log: nothing is wrong, but something may surprise.
    pub notices: Vec<String>,
}

/// Reads all settings.
///
/// # Errors
///
/// [`SettingsError`] with every fault in the file and the environment.
pub fn load(sources: Sources<'_>) -> Result<Loaded, SettingsError> {
    let mut texts = Texts::default();
    if let Some(path) = sources.file {
        texts.add_file(path);
    }
    texts.add_environment(sources.environment);
    let Texts { mut raw, mut errors, without_effect } = texts;
    let vault = vault::resolve(&mut raw, &mut errors);
    let mut reader = Reader::new(raw, errors);
    let settings = settings(&mut reader, vault);
    if !reader.errors.is_empty() {
        return Err(SettingsError(reader.errors));
    }
    let notices = notices(&settings, &reader, &without_effect);
    Ok(Loaded { settings, notices })
}

/// The texts of all sources, the weightier over the lighter.
#[derive(Default)]
struct Texts {
    raw: BTreeMap<&'static str, Raw>,
    errors: Vec<SettingError>,
    without_effect: Vec<String>,
}

impl Texts {
    fn add_file(&mut self, path: &Path) {
        let entries = file::read(path).unwrap_or_else(|errors| {
            self.errors.extend(errors.0);
            Vec::new()
        });
        for entry in entries {
            match Setting::find(&entry.name) {
                Some(setting) => _ = self.raw.insert(setting.name, entry.raw),
                None => self.add_kongs(entry.name, entry.raw, true),
            }
        }
    }

    /// `WEIR_` weighs more than `KONG_`, and so comes last.
    fn add_environment(&mut self, variables: &[(String, String)]) {
        let (ours, kongs): (Vec<_>, Vec<_>) =
            variables.iter().partition(|(name, _)| name.starts_with("WEIR_"));
        for (name, value) in kongs.into_iter().chain(ours) {
            match environment::read(name, value) {
                Variable::Set(setting, raw) => self.add_variable(setting, raw),
                Variable::Kong(key, raw) => self.add_kongs(key, raw, false),
                Variable::Wrong(error) => self.errors.push(error),
                Variable::Foreign => {}
            }
        }
    }

    fn add_variable(&mut self, setting: &'static Setting, raw: Raw) {
        let replaced = self.raw.insert(setting.name, raw);
        let twice = match (replaced.map(|raw| raw.origin), self.raw.get(setting.name).map(|raw| &raw.origin))
        {
            (Some(Origin::Environment(one)), Some(Origin::SecretFile { variable: two, .. }))
            | (Some(Origin::SecretFile { variable: one, .. }), Some(Origin::Environment(two))) => {
                one.get(..5) == two.get(..5)
            }
            (_, _) => false,
        };
        if twice {
            let variable = format!("WEIR_{}", setting.name.to_uppercase());
            self.errors.push(SettingError {
                name: setting.name.to_owned(),
                origin: Origin::Environment(variable.clone()),
                problem: "set twice".to_owned(),
                allowed: format!("allowed: either {variable} or {variable}_FILE"),
            });
        }
    }

    fn add_kongs(&mut self, name: String, raw: Raw, in_file: bool) {
        match kong::meaning(&name, &raw.text) {
            Meaning::NoEffect => self.without_effect.push(name),
            Meaning::Refused(allowed) => self.errors.push(SettingError {
                name,
                origin: raw.origin,
                problem: "this cannot be asked for".to_owned(),
                allowed: allowed.to_owned(),
            }),
            Meaning::Unknown if in_file => {
                let best = environment::suggestion(&name);
                self.errors.push(SettingError {
                    name,
                    origin: raw.origin,
                    problem: "there is no such setting".to_owned(),
                    allowed: best.map(|best| format!("did you mean {best}?")).unwrap_or_default(),
                });
            }
            // Kong, too, passes over variables that it does not know.
            Meaning::Unknown => {}
        }
    }
}

fn settings(reader: &mut Reader, vault: Places) -> Settings {
    let prefix: PathBuf = reader.read("prefix", |text| Ok(text.into()));
    let database = database::read(reader, &prefix);
    let admin_listen = reader.read("admin_listen", listen::admin);
    Settings {
        node_id: reader.read("node_id", node_id),
        workers: reader.read("workers", workers).unwrap_or(std::num::NonZeroUsize::MIN),
        log_level: reader.read("log_level", |text| word(text, &LogLevel::ALL)),
        log_format: reader
            .read("log_format", |text| word(text, &[("json", LogFormat::Json), ("text", LogFormat::Text)])),
        grace_period: reader.read("grace_period", seconds),
        proxy_listen: reader.read("proxy_listen", listen::proxy),
        stream_listen: reader.read("stream_listen", listen::streams),
        access: access::read(reader, &admin_listen),
        admin_listen,
        status_listen: reader.read("status_listen", listen::plain),
        encryption_keys: reader.read("encryption_keys", database::keys),
        vault,
        migrate: database::migrate(reader, &database),
        declarative: declarative::read(reader, &database),
        redis: sharing::read(reader),
        proxy: proxy::read(reader, &prefix),
        upstream_tls: upstream_tls::read(reader),
        outliers: upstreams::outliers(reader),
        dns: dns::read(reader),
        tls: tls::read(reader),
        plugins: plugins(reader),
        confinement: confinement(reader, &prefix),
        origins: reader.origins(),
        database,
        prefix,
    }
}

fn plugins(reader: &mut Reader) -> PluginSettings {
    PluginSettings {
        memory_mib: reader.read("plugin_memory_mib", |text| small(text, 1, 4096)),
        instances: reader.read("plugin_instances", |text| small(text, 1, 100_000)),
        component_max_size: reader.read("plugin_component_max_size", size),
        compile_time: reader.read("plugin_compile_time", compile_time),
        functions: reader.read("wasi_http_functions", |text| word(text, &[("on", true), ("off", false)])),
        sources: sources::read(reader),
    }
}

fn confinement(reader: &mut Reader, prefix: &Path) -> ConfinementSettings {
    let words = [("on", Confine::On), ("required", Confine::Required), ("off", Confine::Off)];
    let user = reader.text("user").trim().to_owned();
    ConfinementSettings {
        mode: reader.read("confinement", |text| word(text, &words)),
        user: (!user.is_empty()).then_some(user),
        core_dumps: reader.read("core_dumps", units::switch),
        log_folders: reader.read("plugin_log_folders", |text| {
            let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
            Ok(paths.map(|path| prefix.join(path)).collect())
        }),
    }
}

/// The kernel counts processor time in whole seconds, and none at all would be an unlimited one.
fn compile_time(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time < Duration::from_secs(1) { Err("allowed: 1 s or more".to_owned()) } else { Ok(time) }
}

fn notices(settings: &Settings, reader: &Reader, without_effect: &[String]) -> Vec<String> {
    let mut notices = Vec::new();
    if !without_effect.is_empty() {
        let names = without_effect.join(", ");
        notices.push(format!("these settings of Kong's have no effect here: {names}"));
    }
    notices.extend(access::notices(settings));
    if reader.is_set("pg_host") && !matches!(settings.database, super::Database::Postgres(_)) {
        notices.push("pg_host is set, but database is not postgres: PostgreSQL is not used".to_owned());
    }
    let declares = ["declarative_config", "declarative_config_string"];
    if declares.iter().any(|name| reader.is_set(name)) && settings.declarative.is_none() {
        let text =
            "declarative_config has no effect: the gateway has a database; `weir config import` fills it";
        notices.push(text.to_owned());
    }
    notices
}

fn node_id(text: &str) -> Result<Option<Uuid>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "allowed: a UUID".to_owned())
}

fn workers(text: &str) -> Result<Option<std::num::NonZeroUsize>, String> {
    if text == "auto" {
        return Ok(std::thread::available_parallelism().ok());
    }
    let count = units::count(text, 1, 1024).map_err(|allowed| format!("{allowed}, or auto"))?;
    Ok(usize::try_from(count).ok().and_then(std::num::NonZeroUsize::new))
}

fn seconds(text: &str) -> Result<Duration, String> {
    units::time(text, Duration::from_secs(1))
}

/// For waits that would never succeed at once.
fn some_seconds(text: &str) -> Result<Duration, String> {
    let time = seconds(text)?;
    if time.is_zero() { Err("allowed: at least 1 ms".to_owned()) } else { Ok(time) }
}

fn small(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = units::count(text, least.into(), most.into())?;
    u32::try_from(number).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<usize, String> {
    usize::try_from(units::bytes(text)?).map_err(|error| error.to_string())
}

/// One of a few words.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("allowed: {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests;
