//! From the text of a configuration to what is stored: all of it in one write, or nothing.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DbLess;
use crate::admin::error::ApiError;
use crate::admin::plugins::KnownPlugin;
use crate::admin::state::AdminState;
use crate::config::DeclarativeText;
use crate::declarative::{
    Declared, Faults, Plan, PluginRules, Reading, Scope, Stored, compare, hash, read, stored_kinds,
};
use crate::model::{Document, Record, Violations};
use crate::store::{Attempts, Bulk, Lookup, StoreError};

/// The row that remembers which text is in force. No kind of the model, so nothing else shows it.
const TEXT: &str = "declarative_configs";
const HASH: &str = "hash";

/// Why a configuration is not in force.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeclareError {
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl DeclareError {
    pub(super) fn into_api(self, flatten: bool) -> ApiError {
        match self {
            Self::Faults(faults) => ApiError::Faults { faults: Box::new(faults), flatten },
            Self::Api(error) => error,
        }
    }
}

impl From<StoreError> for DeclareError {
    fn from(error: StoreError) -> Self {
        Self::Api(error.into())
    }
}

/// A start that a configuration stopped. One line a fault.
#[derive(Debug, thiserror::Error)]
#[error("the declarative configuration cannot be used:{0}")]
pub struct StartFault(String);

/// Loads what was given at the start; without it, what was in force before stays so.
///
/// # Errors
///
/// [`StartFault`] with every fault, or with why it could not be stored.
pub async fn declare_at_start(state: &AdminState, given: Option<&DeclarativeText>) -> Result<(), StartFault> {
    use secrecy::ExposeSecret as _;
    let Some(dbless) = state.settings.dbless.clone() else { return Ok(()) };
    let Some(DeclarativeText { name, text }) = given else {
        let stored = state.store.find(TEXT, &Lookup::Id(Uuid::nil())).await;
        let stored = stored.map_err(|error| StartFault(format!(" {error}")))?;
        let hash = stored.and_then(|stored| stored.get(HASH)?.as_str().map(str::to_owned));
        hash.into_iter().for_each(|hash| dbless.set_hash(hash));
        return Ok(());
    };
    match declare(state, &dbless, text.expose_secret().to_owned()).await {
        Ok(_) => Ok(()),
        Err(DeclareError::Api(error)) => Err(StartFault(format!(" {error}"))),
        Err(DeclareError::Faults(faults)) => {
            let lines = faults.list.iter().map(|fault| format!("\n  {name}: {fault}"));
            Err(StartFault(lines.collect()))
        }
    }
}

/// Puts a configuration in force. Gives its entities.
pub(super) async fn declare(
    state: &AdminState,
    dbless: &DbLess,
    text: String,
) -> Result<Vec<Record>, DeclareError> {
    let hash = hash(&text);
    let mut attempts = Attempts::default();
    loop {
        let rows = state.store.whole().read_catalog(&stored_kinds()).await?;
        let revision = rows.revision;
        let (declared, stored) = understand(state, rows.documents, text.clone()).await?;
        let declared = declared?;
        ask_components(state, &declared, &text).await?;
        let (records, bulk) = planned(state, declared, stored, &hash).await?;
        if attempts.end_with(state.store.write_bulk(&bulk, revision).await)? {
            dbless.set_hash(hash);
            return Ok(records);
        }
    }
}

type Documents = std::collections::BTreeMap<String, Vec<Document>>;

/// Reads the text beside the other work of the process: a large one takes a while.
async fn understand(
    state: &AdminState,
    documents: Documents,
    text: String,
) -> Result<(Result<Declared, Faults>, Stored), ApiError> {
    let mut plugins = PluginRules::default();
    state.bundled.iter().for_each(|(name, found)| plugins.add_rules(name, &found.rules));
    plugins.add_uploads(documents.get("custom_plugins").map(Vec::as_slice).unwrap_or_default());
    let now = state.moment();
    let work = move || {
        let stored = Stored::new(documents);
        let reading = Reading { plugins: &plugins, stored: &stored, adopt: false, on_top: false, now };
        let declared = read(&text, reading);
        (declared, stored)
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| broken_off(&error))
}

fn broken_off(error: &tokio::task::JoinError) -> ApiError {
    tracing::error!(%error, "reading a declarative configuration broke off");
    ApiError::message(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred")
}

/// The entities, and what has to be written.
async fn planned(
    state: &AdminState,
    declared: Declared,
    stored: Stored,
    hash: &str,
) -> Result<(Vec<Record>, Bulk), DeclareError> {
    let records = declared.records.clone();
    let plan = tokio::task::spawn_blocking(move || compare(declared.records, &stored, Scope::Whole)).await;
    let Plan { insert, replace, remove, .. } = plan.map_err(|error| broken_off(&error))?;
    let mut bulk = Bulk { insert, replace, remove };
    let remembered = state.store.find(TEXT, &Lookup::Id(Uuid::nil())).await?;
    match remembered {
        None => bulk.insert.push(remember(hash)),
        Some(old) if old.get(HASH).and_then(Value::as_str) == Some(hash) => {}
        Some(_) => bulk.replace.push(remember(hash)),
    }
    Ok((records, bulk))
}

fn remember(hash: &str) -> Record {
    let mut document = Document::new();
    document.insert("id".to_owned(), json!(Uuid::nil()));
    document.insert(HASH.to_owned(), hash.into());
    Record {
        kind: TEXT,
        id: Uuid::nil(),
        document,
        keys: Vec::new(),
        links: Vec::new(),
        tags: Vec::new(),
        expires_at: None,
    }
}

/// Asks each component what it thinks of its configurations; the same one is asked once.
async fn ask_components(state: &AdminState, declared: &Declared, text: &str) -> Result<(), DeclareError> {
    let of_kind = |kind| declared.records.iter().enumerate().filter(move |(_, record)| record.kind == kind);
    let plugins = || of_kind("plugins");
    let vaults: Vec<Document> = of_kind("vaults").map(|(_, record)| record.document.clone()).collect();
    let name_of = |record: &Record| record.document.get("name").and_then(Value::as_str).map(str::to_owned);
    let names: HashSet<String> = plugins().filter_map(|(_, record)| name_of(record)).collect();
    let mut known: HashMap<String, KnownPlugin> = HashMap::new();
    for name in names {
        let found = state.plugin(&name).await?;
        known.extend(found.map(|plugin| (name, plugin)));
    }
    let mut asked = HashSet::new();
    let mut wrong: Vec<(usize, Violations)> = Vec::new();
    for (at, record) in plugins() {
        let Some(name) = name_of(record) else { continue };
        let Some(plugin) = known.get(&name) else { continue };
        let part = |field: &str| record.document.get(field).map(Value::to_string);
        if !asked.insert((name, part("config"), part("sandbox"))) {
            continue;
        }
        match state.check_beside(plugin, &record.document, Some(&vaults)).await {
            Ok(()) => {}
            Err(ApiError::Violations(violations)) => wrong.push((at, violations)),
            Err(error) => return Err(error.into()),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(declared.faults(wrong, text).into()) }
}
