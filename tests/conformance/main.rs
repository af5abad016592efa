//! The same six plugins in every language, held to the same cases: built from their sources, uploaded
//! and assigned through the Admin API, and tried with real requests.
//!
//! `make test` runs it against an optimised gateway; by hand it is
//! `cargo test -p weir --test conformance`, and with `-- go` for one language alone.

#![expect(
    clippy::indexing_slicing,
    reason = "JSON in tests: a missing field is null, and the assertion shows it"
)]

mod auth;
mod body;
mod edit;
mod language;
mod limit;
mod log;
mod migration;
#[allow(dead_code, reason = "the other scenarios use the rest")]
#[path = "../integration/setup.rs"]
mod setup;
mod templates;

use language::Site;

#[tokio::test]
async fn rust() -> anyhow::Result<()> {
    conforms("rust").await
}

#[tokio::test]
async fn go() -> anyhow::Result<()> {
    conforms("go").await
}

#[tokio::test]
async fn javascript() -> anyhow::Result<()> {
    conforms("javascript").await
}

#[tokio::test]
async fn python() -> anyhow::Result<()> {
    conforms("python").await
}

/// Rust's are tried by the scenarios of authors.
#[test]
fn go_templates() -> anyhow::Result<()> {
    templates::pass_their_tests("go")
}

#[test]
fn javascript_templates() -> anyhow::Result<()> {
    templates::pass_their_tests("javascript")
}

#[test]
fn typescript_templates() -> anyhow::Result<()> {
    templates::pass_their_tests("typescript")
}

#[test]
fn python_templates() -> anyhow::Result<()> {
    templates::pass_their_tests("python")
}

async fn conforms(language: &str) -> anyhow::Result<()> {
    let site = Site::start(language).await?;
    auth::token_auth(&site).await?;
    migration::migration(&site).await?;
    limit::fixed_limit(&site).await?;
    edit::head_edit(&site).await?;
    body::json_field(&site).await?;
    body::chunk_count(&site).await?;
    log::log_line(&site).await
}
