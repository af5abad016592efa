//! The conformance suite h2spec against both kinds of listeners. `.make/setup.sh all` installs it.

use std::process::Command;

use anyhow::{Context, ensure};
use gateway_tests::Upstream;

use crate::setup::{gateway, serve};

/// Tests that fail without TLS, and why that is right.
const WITHOUT_TLS: &[&str] = &[
    // HTTP/1.1 is spoken there too: whatever is no preface is a request of HTTP/1.1, and is answered with 400.
    "Sends invalid connection preface",
];

#[tokio::test(flavor = "multi_thread")]
async fn h2spec_passes_with_and_without_tls() -> anyhow::Result<()> {
    let upstream = Upstream::saying("hello").await?;
    let gateway = gateway().listening("http2").beside("http2 ssl").start().await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let plain = gateway.proxy.port().to_string();
    failures(&["-p", &plain], WITHOUT_TLS)?;
    let secure = gateway.beside.port().to_string();
    failures(&["-p", &secure, "-t", "-k"], &[])
}

/// Runs the suite, and fails for what fails beyond `known`.
fn failures(arguments: &[&str], known: &[&str]) -> anyhow::Result<()> {
    let home = std::env::var("HOME").unwrap_or_default();
    let in_home = format!("{home}/go/bin/h2spec");
    let run = |program: &str| {
        Command::new(program).args(["-h", "127.0.0.1", "-P", "/a", "-o", "10"]).args(arguments).output()
    };
    let output =
        run("h2spec").or_else(|_| run(&in_home)).context("h2spec; .make/setup.sh all installs it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, failed) = text.split_once("Failures:").unwrap_or((&text, ""));
    let failed: Vec<_> = failed.lines().filter_map(|line| line.trim().strip_prefix("× ")).collect();
    let summary = text.lines().rev().find(|line| line.contains(" tests, ")).context("no summary")?;
    let new = failed.iter().filter(|line| !known.iter().any(|known| line.contains(known))).count();
    ensure!(new == 0 && failed.len() <= known.len(), "{arguments:?}: {summary}\n{}", failed.join("\n"));
    ensure!(summary.contains(" 0 skipped"), "{summary}");
    Ok(())
}
