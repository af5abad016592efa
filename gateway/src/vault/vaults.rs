//! The vaults of a node, and the values that were read from them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::lifetimes::Lifetimes;
use super::{Places, Reference, Source};

/// A `vaults` entity, as far as it matters here.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct VaultEntity {
    /// What references call it.
    pub prefix: String,
    /// Its sort.
    pub name: String,
    /// Its settings.
    #[serde(default)]
    pub config: Option<Map<String, Value>>,
}

/// Why a reference has no value. Never holds a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reference} cannot be resolved: {reason}")]
pub struct VaultError {
    /// The reference.
    pub reference: String,
    /// What is wrong.
    pub reason: String,
    /// There was a value once, and its time is over.
    pub expired: bool,
}

/// All vaults of a node. A clone is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct Vaults {
    places: Places,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    entities: HashMap<String, VaultEntity>,
    known: HashMap<String, Known>,
}

/// What is known of one reference.
#[derive(Debug, Clone)]
struct Known {
    value: Option<SecretString>,
    /// Why the last look found nothing.
    failure: Option<String>,
    looked_at: Instant,
    /// When the value was last seen where it stands.
    seen_at: Instant,
    lifetimes: Lifetimes,
}

/// Where a reference leads.
struct Way {
    source: Source,
    prefix: String,
    lifetimes: Lifetimes,
}

impl Vaults {
    /// Vaults that read from these places.
    pub fn new(places: Places) -> Self {
        Self { places, state: Arc::default() }
    }

    /// The same places by way of these entities, for a configuration that is not in force yet. What is
    /// known by way of an entity that stays as it is need not be read again; what is read there is kept
    /// from those who run.
    #[must_use]
    pub fn with_entities<'e>(&self, entities: impl Iterator<Item = &'e VaultEntity>) -> Self {
        let state = self.with(|state| state.clone());
        let draft = Self { places: self.places.clone(), state: Arc::new(Mutex::new(state)) };
        draft.configure(entities);
        draft
    }

    /// Takes over the entities of the configuration. What was read by way of one that changed is read
    /// anew when it is asked for.
    pub fn configure<'e>(&self, entities: impl Iterator<Item = &'e VaultEntity>) {
        let entities: HashMap<_, _> =
            entities.map(|entity| (entity.prefix.clone(), entity.clone())).collect();
        self.with(|state| {
            if state.entities == entities {
                return;
            }
            let before = std::mem::replace(&mut state.entities, entities);
            let State { entities, known } = state;
            known.retain(|text, _| {
                let vault = Reference::parse(text).map(|reference| reference.vault).unwrap_or_default();
                before.get(&vault) == entities.get(&vault)
            });
        });
    }

    /// The value behind a reference: the known one, or one that is read now. Then it blocks.
    ///
    /// # Errors
    ///
    /// [`VaultError`], with the reason for the operator.
    pub fn resolve(&self, text: &str) -> Result<SecretString, VaultError> {
        self.resolve_at(text, Instant::now())
    }

    fn resolve_at(&self, text: &str, now: Instant) -> Result<SecretString, VaultError> {
        let failed = |reason: String| VaultError { reference: text.to_owned(), reason, expired: false };
        let reference = Reference::parse(text).map_err(failed)?;
        let way = self.way(&reference).map_err(failed)?;
        let due = self.with(|state| state.known.get(text).is_none_or(|known| known.is_due(now)));
        if due {
            self.look(text, &reference, &way, now);
        }
        self.with(|state| match state.known.get(text) {
            Some(known) => known.said(text, now),
            None => Err(failed("it was forgotten meanwhile".to_owned())),
        })
    }

    /// Reads again what is due among `used`, and forgets the rest. Whether a value is another than
    /// before, or is gone or back. Blocks.
    pub fn refresh(&self, used: &[String]) -> bool {
        self.refresh_at(used, Instant::now())
    }

    fn refresh_at(&self, used: &[String], now: Instant) -> bool {
        let before = self.with(|state| {
            state.known.retain(|text, _| used.contains(text));
            used.iter().map(|text| state.known.get(text).map(|known| known.shown(now))).collect::<Vec<_>>()
        });
        for text in used {
            // Who uses it hears what is wrong with it.
            _ = self.resolve_at(text, now);
        }
        let after = self.with(|state| {
            used.iter().map(|text| state.known.get(text).map(|known| known.shown(now))).collect::<Vec<_>>()
        });
        before.iter().zip(&after).any(|(before, after)| before.is_some() && before != after)
    }

    fn way(&self, reference: &Reference) -> Result<Way, String> {
        let entity = self.with(|state| state.entities.get(&reference.vault).cloned());
        let Some(entity) = entity else {
            let source = Source::named(&reference.vault);
            let source = source.ok_or_else(|| format!("there is no vault {}", reference.vault))?;
            let prefix = if source == Source::Env { self.places.env_prefix.clone() } else { String::new() };
            return Ok(Way { source, prefix, lifetimes: lifetimes(source, &Map::new()) });
        };
        let source = Source::named(&entity.name);
        let source = source.ok_or_else(|| format!("vault '{}' is not installed", entity.name))?;
        let config = entity.config.unwrap_or_default();
        let prefix = config.get("prefix").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Way { source, prefix, lifetimes: lifetimes(source, &config) })
    }

    /// Looks where the reference leads. Nothing is locked meanwhile.
    fn look(&self, text: &str, reference: &Reference, way: &Way, now: Instant) {
        let found = way.source.read(&way.prefix, reference, &self.places);
        self.with(|state| {
            let known = state.known.entry(text.to_owned()).or_insert_with(|| Known {
                value: None,
                failure: None,
                looked_at: now,
                seen_at: now,
                lifetimes: way.lifetimes,
            });
            (known.looked_at, known.lifetimes) = (now, way.lifetimes);
            match found {
                Ok(value) => {
                    (known.value, known.failure, known.seen_at) = (Some(value), None, now);
                }
                Err(reason) => known.missed(text, reason),
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn is_due(&self, now: Instant) -> bool {
        let since = now.duration_since(self.looked_at);
        match (&self.failure, self.lifetimes.ttl) {
            (Some(_), _) => since >= self.lifetimes.neg_ttl,
            (None, Some(ttl)) => since >= ttl,
            (None, None) => false,
        }
    }

    /// Says it once, and not each time that it is looked for in vain.
    fn missed(&mut self, text: &str, reason: String) {
        if self.failure.as_ref() != Some(&reason) {
            let meanwhile = self.value.is_some();
            tracing::warn!(
                reference = text,
                reason,
                last_value_is_used = meanwhile,
                "a secret cannot be read"
            );
        }
        self.failure = Some(reason);
    }

    fn is_over(&self, now: Instant) -> bool {
        self.failure.is_some() && now.duration_since(self.seen_at) > self.lifetimes.resurrect_ttl
    }

    fn said(&self, text: &str, now: Instant) -> Result<SecretString, VaultError> {
        match &self.value {
            Some(value) if !self.is_over(now) => Ok(value.clone()),
            value => Err(VaultError {
                reference: text.to_owned(),
                reason: self.failure.clone().unwrap_or_default(),
                expired: value.is_some(),
            }),
        }
    }

    /// What who uses it sees of it.
    fn shown(&self, now: Instant) -> Option<String> {
        let value = self.value.as_ref().filter(|_| !self.is_over(now));
        value.map(|value| value.expose_secret().to_owned())
    }
}

fn lifetimes(source: Source, config: &Map<String, Value>) -> Lifetimes {
    match source {
        Source::Env => Lifetimes::for_ever(),
        Source::File => Lifetimes::read(config),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    struct Scene {
        vaults: Vaults,
        folder: tempfile::TempDir,
        /// What the clock shows.
        now: Instant,
    }

    impl Scene {
        fn new(config: &Value) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let places = Places { files: [folder.path().to_owned()].into(), ..Places::default() };
            let vaults = Vaults::new(places);
            let entity = json!({ "prefix": "mine", "name": "file", "config": config });
            let entity: VaultEntity = serde_json::from_value(entity).unwrap();
            vaults.configure([&entity].into_iter());
            Self { vaults, folder, now: Instant::now() }
        }

        fn later(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn write(&self, text: &str) {
            std::fs::write(self.folder.path().join("key"), text).unwrap();
        }

        fn remove(&self) {
            std::fs::remove_file(self.folder.path().join("key")).unwrap();
        }

        fn value(&self) -> Result<String, bool> {
            let found = self.vaults.resolve_at("{vault://mine/key}", self.now);
            found.map(|value| value.expose_secret().to_owned()).map_err(|error| error.expired)
        }

        fn refresh(&self) -> bool {
            self.vaults.refresh_at(&["{vault://mine/key}".to_owned()], self.now)
        }
    }

    #[test]
    fn a_value_that_changes_is_seen_after_its_time() {
        let mut scene = Scene::new(&json!({ "ttl": 10 }));
        scene.write("one");
        assert_eq!(scene.value(), Ok("one".to_owned()));
        scene.write("two");
        assert!(!scene.refresh(), "too early");
        assert_eq!(scene.value(), Ok("one".to_owned()));
        scene.later(11);
        assert!(scene.refresh());
        assert_eq!(scene.value(), Ok("two".to_owned()));
        assert!(!scene.refresh());
    }

    #[test]
    fn a_value_outlives_its_source_for_a_while() {
        let mut scene = Scene::new(&json!({ "ttl": 1, "neg_ttl": 1, "resurrect_ttl": 60 }));
        assert_eq!(scene.value(), Err(false), "never there");
        scene.write("one");
        assert_eq!(scene.value(), Err(false), "a failure is believed for neg_ttl");
        scene.later(2);
        assert!(scene.refresh());
        assert_eq!(scene.value(), Ok("one".to_owned()));
        scene.remove();
        scene.later(30);
        assert!(!scene.refresh());
        assert_eq!(scene.value(), Ok("one".to_owned()), "resurrected");
        scene.later(61);
        assert_eq!(scene.value(), Err(true), "its time is over");
        scene.write("two");
        scene.later(2);
        assert!(scene.refresh());
        assert_eq!(scene.value(), Ok("two".to_owned()));
    }

    #[test]
    fn a_vault_that_changes_is_asked_anew() {
        let mut scene = Scene::new(&json!({ "ttl": 0 }));
        scene.write("one");
        assert_eq!(scene.value(), Ok("one".to_owned()));
        scene.later(1_000);
        scene.write("two");
        assert!(!scene.refresh(), "a ttl of 0 is no rotation");
        let entity = VaultEntity { prefix: "mine".into(), name: "file".into(), config: None };
        scene.vaults.configure([&entity].into_iter());
        assert_eq!(scene.value(), Ok("two".to_owned()));
        scene.vaults.configure(std::iter::empty());
        let refused = scene.vaults.resolve("{vault://mine/key}").unwrap_err();
        assert!(refused.to_string().contains("there is no vault mine"), "{refused}");
        assert!(scene.vaults.resolve("{vault://env/PATH}").is_ok(), "always there");
    }

    #[test]
    fn a_draft_has_other_vaults_and_those_who_run_hear_nothing_of_it() {
        let scene = Scene::new(&json!({ "ttl": 0 }));
        scene.write("one");
        assert_eq!(scene.value(), Ok("one".to_owned()));
        scene.write("two");
        let entity = |prefix: &str, config: &Value| {
            let entity = json!({ "prefix": prefix, "name": "file", "config": config });
            serde_json::from_value::<VaultEntity>(entity).unwrap()
        };
        let of_draft = |entities: &[VaultEntity], reference: &str| {
            let found = scene.vaults.with_entities(entities.iter()).resolve(reference);
            found.map(|value| value.expose_secret().to_owned()).map_err(|error| error.reason)
        };
        let (same, new) = (entity("mine", &json!({ "ttl": 0 })), entity("new", &json!({})));
        let known = of_draft(std::slice::from_ref(&same), "{vault://mine/key}");
        assert_eq!(known, Ok("one".to_owned()), "known already");
        let other = entity("mine", &json!({ "ttl": 9 }));
        assert_eq!(of_draft(&[other], "{vault://mine/key}"), Ok("two".to_owned()));
        assert_eq!(of_draft(&[same, new], "{vault://new/key}"), Ok("two".to_owned()));
        assert_eq!(of_draft(&[], "{vault://mine/key}"), Err("there is no vault mine".to_owned()));
        assert_eq!(scene.value(), Ok("one".to_owned()));
        assert!(scene.vaults.resolve("{vault://new/key}").is_err());
    }
}
