//! `weir config diff`: what an import would do. Values are not shown, as they may be secrets.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::DiffArgs;
use super::import::scope;
use super::source::{Compared, Source, database};
use crate::cli::CliError;
use crate::cli::output::say;
use crate::model::{Document, Record, kind};

/// The exit code where something differs.
const DIFFERENT: u8 = 2;

pub(super) async fn run(args: &DiffArgs) -> Result<ExitCode, CliError> {
    let file = &args.compared.file;
    let settings = file.settings.load()?.settings;
    crate::cli::become_user(&settings)?;
    let source = Source::open(&file.declared)?;
    let store = database(&settings).await?;
    let compared = source.compare(&settings, &store, scope(&args.compared)).await?;
    store.close().await;
    if args.json {
        say(as_json(&compared))?;
    } else {
        as_lines(&compared)?;
    }
    Ok(if compared.plan.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

fn as_lines(Compared { plan, stored, .. }: &Compared) -> Result<(), CliError> {
    for record in &plan.insert {
        say(format_args!("create {} {}", record.kind, name(record)))?;
    }
    for record in &plan.replace {
        let old = stored.get(record.kind, record.id);
        let fields = changed(old.map(|old| &old.document), &record.document).join(", ");
        say(format_args!("change {} {}: {fields}", record.kind, name(record)))?;
    }
    for (kind, id) in &plan.remove {
        let name = stored.get(kind, *id).map_or_else(|| id.to_string(), name);
        say(format_args!("delete {kind} {name}"))?;
    }
    let (create, change, delete) = (plan.insert.len(), plan.replace.len(), plan.remove.len());
    say(format_args!(
        "{create} to create, {change} to change, {delete} to delete, {} as they are",
        plan.unchanged
    ))?;
    Ok(())
}

fn as_json(Compared { plan, stored, .. }: &Compared) -> Value {
    let one = |record: &Record| json!({ "kind": record.kind, "id": record.id, "name": name(record) });
    let change = |record: &Record| {
        let old = stored.get(record.kind, record.id);
        let fields = changed(old.map(|old| &old.document), &record.document);
        json!({ "kind": record.kind, "id": record.id, "name": name(record), "fields": fields })
    };
    let removed = plan.remove.iter().filter_map(|(kind, id)| stored.get(kind, *id));
    json!({
        "create": plan.insert.iter().map(one).collect::<Vec<_>>(),
        "change": plan.replace.iter().map(change).collect::<Vec<_>>(),
        "delete": removed.map(one).collect::<Vec<_>>(),
        "unchanged": plan.unchanged,
    })
}

/// What people call it: its endpoint key, unless that is a secret, or its id.
fn name(record: &Record) -> String {
    let key = kind(record.kind).and_then(|kind| kind.endpoint_key);
    let key = key.filter(|key| ["name", "username", "target", "prefix", "instance_name"].contains(key));
    let text = |key: &str| record.document.get(key).and_then(Value::as_str);
    let name = key.and_then(text).or_else(|| text("name"));
    name.map_or_else(|| record.id.to_string(), str::to_owned)
}

fn changed(old: Option<&Document>, new: &Document) -> Vec<String> {
    let differs = |field: &&String| old.and_then(|old| old.get(*field)) != new.get(*field);
    new.keys().filter(|field| *field != "updated_at").filter(differs).cloned().collect()
}
