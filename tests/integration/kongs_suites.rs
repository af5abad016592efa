//! The tests that Kong's own tools in Go bring along. Its client, which decK and Kong's ingress controller are built
//! on, creates, reads, changes, lists and deletes entities of every kind, and asks for schemas; decK applies whole
//! files and compares what it finds afterwards.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use gateway_tests::{Database, Gateway, Postgres};

use crate::setup::gateway;

/// A suite in Go, of the versions that `.make/setup.sh all` builds decK from.
struct Suite {
    module: &'static str,
    /// Where in the module, and by which tag.
    package: &'static [&'static str],
    /// What is left out, since it needs something that is not there.
    left_out: &'static [&'static str],
}

const CLIENT: Suite = Suite {
    module: "github.com/kong/go-kong@v0.71.0",
    package: &["./kong"],
    // It wants the port 8001.
    left_out: &["TestBaseRootURL"],
};

const DECK: Suite = Suite {
    module: "github.com/kong/deck@v1.55.0",
    package: &["-tags=integration", "./tests/integration"],
    left_out: &[],
};

impl Suite {
    fn folder(&self) -> anyhow::Result<PathBuf> {
        let mut download = Command::new("go");
        download.args(["mod", "download", "-json", self.module]).env("GOFLAGS", "-mod=mod");
        let found: serde_json::Value = serde_json::from_slice(&download.output().context("go")?.stdout)?;
        Ok(found["Dir"].as_str().with_context(|| format!("{}: {found}", self.module))?.into())
    }

    /// Runs it. At least so many tests pass, which are those for Kong's open-source edition of this version: the others
    /// leave themselves out.
    async fn passes(&'static self, gateway: Gateway, least: usize) -> anyhow::Result<()> {
        let address = format!("http://{}", gateway.admin);
        let tests = tokio::task::spawn_blocking(move || {
            let left_out: Vec<_> = self.left_out.iter().map(|name| format!("^{name}$")).collect();
            let mut tests = Command::new("go");
            tests.args(["test", "-v", "-count=1", "-timeout=5m"]);
            if !left_out.is_empty() {
                tests.args(["-skip", &left_out.join("|")]);
            }
            tests.args(self.package).current_dir(self.folder()?).env("GOFLAGS", "-mod=readonly");
            // decK's suite asks both decK and its client.
            tests.env("KONG_ADMIN_URL", &address).env("DECK_KONG_ADDR", address);
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
}

#[tokio::test(flavor = "multi_thread")]
async fn kongs_client_in_go_finds_what_it_looks_for() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    CLIENT.passes(gateway().database(database).start().await?, 140).await
}

#[tokio::test(flavor = "multi_thread")]
async fn and_so_it_does_without_a_database() -> anyhow::Result<()> {
    let nothing = r#"{ "_format_version": "3.0" }"#;
    let without = gateway().set("WEIR_DATABASE", "off").set("WEIR_DECLARATIVE_CONFIG_STRING", nothing);
    CLIENT.passes(without.start().await?, 65).await
}

#[tokio::test(flavor = "multi_thread")]
async fn decks_own_tests_pass_on_postgres() -> anyhow::Result<()> {
    let database = Database::Postgres(Postgres::shared()?.database()?);
    DECK.passes(gateway().database(database).start().await?, 105).await
}

#[tokio::test(flavor = "multi_thread")]
async fn decks_own_tests_pass_on_sqlite() -> anyhow::Result<()> {
    DECK.passes(gateway().start().await?, 105).await
}
