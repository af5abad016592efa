//! Clients and servers of other implementations, on both sides of the gateway: what they say to each other must be
//! what they would say without it.
//!
//! They are `tests/foreign/*.py`, run by a Python below the target folder that is made when it is missing
//! (`WEIR_TEST_PYTHON` names another).

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use gateway_tests::{Gateway, free_port};
use http::Method;
use serde_json::json;

use crate::setup::{PATIENCE, assign, gateway, one_at_a_time, root, serve};

const PACKAGES: [&str; 2] = ["grpcio==1.85.3", "websockets==17.4"];

/// A Python with those packages.
fn python() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("WEIR_TEST_PYTHON") {
        return Ok(path.into());
    }
    let _turn = one_at_a_time();
    let folder = root().join("target/test-python");
    let (python, done) = (folder.join("bin/python"), folder.join("complete"));
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        std::fs::write(&done, PACKAGES.join("\n"))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

/// A server of another implementation; ended when dropped.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    fn start(script: &str) -> anyhow::Result<Self> {
        let mut child = Command::new(python()?)
            .arg(root().join("tests/foreign").join(script))
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse().with_context(|| format!("a port, not {line:?}"))? })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs the client's cases; all of them must be good.
async fn attempt(script: &'static str, address: String) -> anyhow::Result<()> {
    let cases = tokio::task::spawn_blocking(move || {
        let path = root().join("tests/foreign").join(script);
        run(Command::new(python()?).arg(path).args(["try", &address]))
    });
    let report = cases.await??;
    ensure!(report.lines().count() >= 10, "only these cases:\n{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_pass_as_if_nobody_were_between() -> anyhow::Result<()> {
    let peer = Peer::start("websocket_peer.py")?;
    let gateway = gateway().start().await?;
    serve(&gateway, "ws", &format!("http://127.0.0.1:{}", peer.port)).await?;
    attempt("websocket_peer.py", gateway.proxy.to_string()).await
}

/// A service that speaks gRPC, and a route for its methods.
async fn serve_grpc(gateway: &Gateway, package: &str, port: u16) -> anyhow::Result<()> {
    let service = json!({ "protocol": "grpc", "host": "127.0.0.1", "port": port });
    gateway.apply(Method::PUT, &format!("/services/{package}"), &service).await?;
    let route = json!({
        "paths": [format!("/{package}.")], "protocols": ["grpc"], "strip_path": false, "service": { "name": package },
    });
    gateway.apply(Method::PUT, &format!("/routes/{package}"), &route).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_passes_as_if_nobody_were_between() -> anyhow::Result<()> {
    let peer = Peer::start("grpc_peer.py")?;
    let gateway = gateway().listening("http2").start().await?;
    for (package, port) in [("t", peer.port), ("locked", peer.port), ("away", free_port()?.port())] {
        serve_grpc(&gateway, package, port).await?;
    }
    assign(&gateway, "locked", &json!({ "name": "key-auth" })).await?;
    gateway.apply(Method::PUT, "/consumers/caller", &json!({})).await?;
    gateway.apply(Method::POST, "/consumers/caller/key-auth", &json!({ "key": "secret" })).await?;
    // HTTP/1.1 is told to come again in HTTP/2: then the route is there.
    let grpc = [("content-type", "application/grpc")];
    let live = || async {
        let answer = gateway.get("/locked.Echo/Unary", &grpc).await;
        answer.is_ok_and(|answer| answer.header("grpc-status") != "5")
    };
    gateway_tests::eventually("the last route is live", PATIENCE, live).await?;
    attempt("grpc_peer.py", gateway.proxy.to_string()).await
}
