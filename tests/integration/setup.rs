//! What most scenarios begin with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use gateway_tests::{Gateway, GatewayBuilder};
use http::Method;
use serde_json::{Value, json};

/// How long a change may take to be live before a test gives up. The promise of a second is checked
/// where it is the subject; elsewhere a slow machine shall not fail the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn gateway() -> GatewayBuilder {
    GatewayBuilder::new(program()).set("WEIR_WORKERS", "2")
}

/// The gateway under test: the one beside this test, unless `WEIR_TEST_PROGRAM` names another.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("WEIR_TEST_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_weir").into(), PathBuf::from)
}

/// A service named `name` at `url`, and a route for `/name`.
pub(crate) async fn serve(gateway: &Gateway, name: &str, url: &str) -> anyhow::Result<()> {
    gateway.apply(Method::PUT, &format!("/services/{name}"), &json!({ "url": url })).await?;
    let route = json!({ "paths": [format!("/{name}")], "service": { "name": name } });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    let path = format!("/{name}");
    // An answer that breaks off is the upstream's doing, and shows that the route is there.
    let live = || async { gateway.get(&path, &[]).await.map_or(true, |answer| answer.status != 404) };
    gateway_tests::eventually("the route is live", PATIENCE, live).await?;
    Ok(())
}

/// Assigns a plugin to a route.
pub(crate) async fn assign(gateway: &Gateway, route: &str, assignment: &Value) -> anyhow::Result<Value> {
    gateway.apply(Method::POST, &format!("/routes/{route}/plugins"), assignment).await
}

/// Builds the plugin crate in `folder` of the repository into a component.
pub(crate) fn component(folder: &str) -> anyhow::Result<Vec<u8>> {
    component_with(folder, &[])
}

/// The same, with these variables in the environment of the build.
pub(crate) fn component_with(folder: &str, environment: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    let _turn = one_at_a_time();
    build(&root().join(folder), environment)
}

/// Builds the example that newcomers upload, as if its author had moved on to `version`.
pub(crate) fn header_edit(version: &str) -> anyhow::Result<Vec<u8>> {
    let _turn = one_at_a_time();
    // The same folder each time, so that the dependencies are built once.
    let folder = root().join("target/test-plugins/header-edit");
    std::fs::create_dir_all(&folder)?;
    let (source, sdk) =
        (root().join("example-plugins/rust/header-edit/src/lib.rs"), root().join("plugin-sdk"));
    let manifest = format!(
        "[package]\nname = \"header-edit\"\ndescription = \"Adds a response header\"\nversion = {version:?}\n\
         edition = \"2024\"\n[lib]\nname = \"header_edit_{}\"\npath = {source:?}\ncrate-type = [\"cdylib\"]\n[dependencies]\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\nweir-plugin-sdk = {{ path = {sdk:?} }}\n[workspace]\n",
        // Cargo takes an old version for fresh if a newer one has overwritten its output.
        version.replace('.', "_")
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    build(&folder, &[])
}

pub(crate) fn one_at_a_time() -> std::sync::MutexGuard<'static, ()> {
    static BUILDING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn build(folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    let out = tempfile::Builder::new().suffix(".wasm").tempfile()?;
    let built = Command::new(program())
        .envs(environment.iter().copied())
        .args(["plugin", "build"])
        .arg(folder)
        .arg("--out")
        .arg(out.path())
        .output()
        .context("weir plugin build")?;
    ensure!(built.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&built.stderr));
    Ok(std::fs::read(out.path())?)
}

/// An upstream entity named `name` with these targets and weights, a service of that host, and a route for
/// `/name` that is live.
pub(crate) async fn balance(
    gateway: &Gateway,
    name: &str,
    fields: &Value,
    targets: &[(String, u32)],
) -> anyhow::Result<()> {
    gateway.apply(Method::PUT, &format!("/upstreams/{name}"), fields).await?;
    for (target, weight) in targets {
        let target = json!({ "target": target, "weight": weight });
        gateway.apply(Method::POST, &format!("/upstreams/{name}/targets"), &target).await?;
    }
    let service = json!({ "host": name, "retries": 5, "read_timeout": 3000, "connect_timeout": 2000 });
    gateway.apply(Method::PUT, &format!("/services/{name}"), &service).await?;
    let route = json!({ "paths": [format!("/{name}")], "service": { "name": name } });
    gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    let path = format!("/{name}");
    let live = || async { gateway.get(&path, &[]).await.map_or(true, |answer| answer.status != 404) };
    gateway_tests::eventually("the route is live", PATIENCE, live).await?;
    Ok(())
}
