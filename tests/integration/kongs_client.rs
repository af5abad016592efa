//! The tests that Kong's own client in Go brings along, which decK and Kong's ingress controller are built on: they
//! create, read, change, list and delete entities of every kind, and ask for schemas.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use gateway_tests::{Database, Gateway, Postgres};

use crate::setup::gateway;

/// The version that the decK of `.make/setup.sh all` is built with.
const SUITE: &str = "github.com/kong/go-kong@v0.71.0";

/// Those that are for Kong's open-source edition, at least; the others leave themselves out.
const PASSED: usize = 140;
const PASSED_WITHOUT_DATABASE: usize = 65;

/// What is left out, since it needs something that is not there.
const LEFT_OUT: [(&str, &str); 1] = [("TestBaseRootURL", "the port 8001")];

fn module() -> anyhow::Result<PathBuf> {
    let mut download = Command::new("go");
    download.args(["mod", "download", "-json", SUITE]).env("GOFLAGS", "-mod=mod");
    let found: serde_json::Value = serde_json::from_slice(&download.output().context("go")?.stdout)?;
    Ok(found["Dir"].as_str().with_context(|| format!("{SUITE}: {found}"))?.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn kongs_client_in_go_finds_what_it_looks_for() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    finds(gateway().database(database).start().await?, PASSED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_it_does_without_a_database() -> anyhow::Result<()> {
    let nothing = r#"{ "_format_version": "3.0" }"#;
    let without = gateway().set("WEIR_DATABASE", "off").set("WEIR_DECLARATIVE_CONFIG_STRING", nothing);
    finds(without.start().await?, PASSED_WITHOUT_DATABASE).await
}

/// Runs the suite, of which at least so many tests do not leave themselves out.
async fn finds(gateway: Gateway, least: usize) -> anyhow::Result<()> {
    let address = format!("http://{}", gateway.admin);
    let names: Vec<_> = LEFT_OUT.iter().map(|(name, _)| format!("^{name}$")).collect();
    let tests = tokio::task::spawn_blocking(move || {
        let mut tests = Command::new("go");
        tests.args(["test", "-v", "-count=1", "-timeout=5m", "-skip", &names.join("|"), "./kong"]);
        tests.current_dir(module()?).env("KONG_ADMIN_URL", address).env("GOFLAGS", "-mod=readonly");
        Ok::<_, anyhow::Error>(tests.output()?)
    });
    let output = tests.await??;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{report}{errors}");
    let passed = report.lines().filter(|line| line.starts_with("--- PASS")).count();
    ensure!(passed >= least, "only {passed} tests:\n{report}");
    Ok(())
}
