//! Kong's decK against a running gateway, on both databases: a file goes in and comes out with the
//! same meaning; of what came out nothing is left to do, and it makes the same again from nothing.
//!
//! The decK is the newest release that `.make/setup.sh all` can build from Go's module proxy. It adds the
//! defaults that `/schemas` tells it, so that a file and what became of it are the same to it.
//!
//! The cases are `tests/data/deck`, one file each. JSON is YAML too, so decK reads them as they are,
//! but for `pem:NAME`, which stands for a file of `tests/data/pem`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use gateway_tests::{Database, Gateway, Postgres};
use serde_json::{Map, Value};

use crate::setup::{gateway, root};

/// What decK prints when it has written nothing.
const NOTHING: &str = "Created: 0\n  Updated: 0\n  Deleted: 0";

#[tokio::test(flavor = "multi_thread")]
async fn deck_round_trips_on_sqlite() -> anyhow::Result<()> {
    round_trips(&gateway().start().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn deck_round_trips_on_postgres() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    round_trips(&gateway().database(database).start().await?)
}

/// Runs every case, and tells all that fail.
fn round_trips(gateway: &Gateway) -> anyhow::Result<()> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/data/deck"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    ensure!(files.len() >= 25, "only {} files", files.len());
    let failed: Vec<String> = files
        .iter()
        .filter_map(|file| round_trip(gateway, file).err().map(|why| format!("{}: {why:#}", file.display())))
        .collect();
    ensure!(failed.is_empty(), "{} of {} files:\n{}", failed.len(), files.len(), failed.join("\n"));
    Ok(())
}

fn round_trip(gateway: &Gateway, file: &Path) -> anyhow::Result<()> {
    let wanted = with_pem(serde_json::from_str(&std::fs::read_to_string(file)?)?)?;
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("kong.json");
    std::fs::write(&state, wanted.to_string())?;
    let state = state.to_str().context("a path of UTF-8")?;

    let result = written(gateway, &wanted, state, folder.path());
    // The next case begins with nothing, whatever became of this one.
    deck(gateway, &["reset", "--force"]).context("reset")?;
    let left = dump(gateway, &folder.path().join("left.json"))?;
    result?;
    ensure!(entities(&left).is_empty(), "after the reset there is {left}");
    Ok(())
}

/// Syncs the file twice, then what it became into an empty gateway.
fn written(gateway: &Gateway, wanted: &Value, state: &str, folder: &Path) -> anyhow::Result<()> {
    let first = deck(gateway, &["sync", state]).context("sync")?;
    ensure!(!first.contains("Created: 0\n"), "the first sync created nothing: {first}");
    deck(gateway, &["diff", "--non-zero-exit-code", state]).context("diff")?;
    let kept = folder.join("kept.json");
    let dumped = entities(&dump(gateway, &kept)?).into();
    covers(&entities(wanted).into(), &dumped)?;
    let second = deck(gateway, &["sync", state]).context("second sync")?;
    ensure!(second.contains(NOTHING), "the second sync wrote: {second}");

    let kept = kept.to_str().context("a path of UTF-8")?;
    deck(gateway, &["diff", "--non-zero-exit-code", kept]).context("diff of the dump")?;
    deck(gateway, &["reset", "--force"]).context("reset")?;
    deck(gateway, &["sync", kept]).context("sync of the dump")?;
    let again = entities(&dump(gateway, &folder.join("again.json"))?).into();
    covers(&dumped, &again).and_then(|()| covers(&again, &dumped)).context("made again")
}

/// Runs `deck gateway`, and gives what it prints.
fn deck(gateway: &Gateway, words: &[&str]) -> anyhow::Result<String> {
    let address = format!("http://{}", gateway.admin);
    let home = std::env::var("HOME").unwrap_or_default();
    let done = Command::new(format!("{home}/go/bin/deck"))
        // No configuration file of the user's may have a say.
        .env("HOME", gateway.prefix())
        .args(["--no-color", "--analytics=false", "--kong-addr", &address, "gateway"])
        .args(words)
        .output()
        .context("deck; .make/setup.sh all builds it")?;
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{}: {said}", done.status);
    Ok(said.into_owned())
}

fn dump(gateway: &Gateway, to: &Path) -> anyhow::Result<Value> {
    deck(gateway, &["dump", "--yes", "--format", "json", "--output-file", to.to_str().context("UTF-8")?])?;
    Ok(serde_json::from_str(&std::fs::read_to_string(to)?)?)
}

/// The file without what it says about itself.
fn entities(file: &Value) -> Map<String, Value> {
    let all = file.as_object().cloned().unwrap_or_default();
    all.into_iter().filter(|(key, _)| !key.starts_with('_')).collect()
}

/// Whether `found` says what `wanted` says: no field less, no element less or more. Defaults may be
/// added, elements have no order, and a password comes back as a hash.
fn covers(wanted: &Value, found: &Value) -> anyhow::Result<()> {
    match (wanted, found) {
        (Value::Object(fields), Value::Object(_)) => fields
            .iter()
            // decK leaves ids out of a dump.
            .filter(|(name, _)| !["id", "password"].contains(&name.as_str()))
            .try_for_each(|(name, value)| covers(value, &found[name]).with_context(|| name.clone())),
        (Value::Array(elements), Value::Array(others)) => {
            ensure!(elements.len() == others.len(), "{} elements: {found}", others.len());
            let mut others: Vec<&Value> = others.iter().collect();
            for element in elements {
                let at = others.iter().position(|other| covers(element, other).is_ok());
                others.swap_remove(at.with_context(|| format!("no {element} in {found}"))?);
            }
            Ok(())
        }
        (wanted, found) => {
            ensure!(wanted == found, "{wanted} became {found}");
            Ok(())
        }
    }
}

/// Puts the files of `tests/data/pem` where they are named.
fn with_pem(value: Value) -> anyhow::Result<Value> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix("pem:") {
            Some(name) => std::fs::read_to_string(root().join("tests/data/pem").join(name))?.into(),
            None => text.into(),
        },
        Value::Array(elements) => elements.into_iter().map(with_pem).collect::<anyhow::Result<_>>()?,
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| Ok((name, with_pem(value)?)))
            .collect::<anyhow::Result<Map<_, _>>>()?
            .into(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    })
}
