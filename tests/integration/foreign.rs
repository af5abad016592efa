//! Clients and servers of other implementations, on both sides of the gateway: what they say to each other must be
//! what they would say without it.
//!
//! They are `tests/foreign/*.py`, run by a Python below the target folder that is made when it is missing
//! (`WEIR_TEST_PYTHON` names another), and the tests that a client in Go brings along.

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

/// Runs the client's cases against the gateway, without TLS and over it; all of them must be good.
async fn attempt(script: &'static str, gateway: &Gateway) -> anyhow::Result<()> {
    let certificate = gateway.prefix().join("ssl/default.crt").to_string_lossy().into_owned();
    let plain = vec![gateway.proxy.to_string()];
    for arguments in [plain, vec![gateway.beside.to_string(), certificate]] {
        let cases = tokio::task::spawn_blocking(move || {
            let path = root().join("tests/foreign").join(script);
            run(Command::new(python()?).arg(path).arg("try").args(arguments))
        });
        let report = cases.await??;
        ensure!(report.lines().count() >= 10, "only these cases:\n{report}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_pass_as_if_nobody_were_between() -> anyhow::Result<()> {
    let peer = Peer::start("websocket_peer.py")?;
    let gateway = gateway().beside("ssl").start().await?;
    serve(&gateway, "ws", &format!("http://127.0.0.1:{}", peer.port)).await?;
    attempt("websocket_peer.py", &gateway).await
}

/// The client's tests of `github.com/gorilla/websocket`, as they come with it, but for where their servers are. Left
/// out are those of proxies, which are asked by CONNECT.
const SUITE: &str = "github.com/gorilla/websocket@v1.5.3";
const SERVERS: usize = 20;

/// A copy of the suite whose servers are reached through the gateway.
fn suite() -> anyhow::Result<PathBuf> {
    let _turn = one_at_a_time();
    let folder = root().join("target/test-websocket-suite");
    if folder.join("complete").exists() {
        return Ok(folder);
    }
    let found = run(Command::new("go").args(["mod", "download", "-json", SUITE]).env("GOFLAGS", "-mod=mod"))?;
    let found: serde_json::Value = serde_json::from_str(&found)?;
    let module = PathBuf::from(found["Dir"].as_str().context("where the suite is")?);
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(module)? {
        let path = entry?.path();
        // Read and written, not copied: files of the cache may not be changed.
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            let text = std::fs::read_to_string(&path)?;
            std::fs::write(folder.join(name), text.replace("httptest.NewServer(", "newServerBehindWeir("))?;
        }
    }
    let servers = root().join("tests/foreign/websocket_suite_test.go");
    std::fs::copy(servers, folder.join("weir_test.go")).context("the servers behind the gateway")?;
    std::fs::write(folder.join("complete"), SUITE)?;
    Ok(folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_client_passes_its_own_suite() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let mut ports = Vec::new();
    for number in 0..SERVERS {
        let port = free_port()?.port();
        let service = json!({ "url": format!("http://127.0.0.1:{port}") });
        gateway.apply(Method::PUT, &format!("/services/suite{number}"), &service).await?;
        // A regex, since `/suite1` would take what is for `/suite10`.
        let route = json!({ "paths": [format!("~/suite{number}\\b")], "preserve_host": true,
            "service": { "name": format!("suite{number}") } });
        gateway.apply(Method::PUT, &format!("/routes/suite{number}"), &route).await?;
        ports.push(port.to_string());
    }
    let last = format!("/suite{}", SERVERS - 1);
    gateway.wait_for("the last route is live", PATIENCE, &last, |answer| answer.status == 502).await?;
    let (proxy, ports) = (gateway.proxy.to_string(), ports.join(","));
    let tests = tokio::task::spawn_blocking(move || {
        let arguments = [
            "test",
            "-count=1",
            "-v",
            "-run",
            "TestDial|TestHandshake|TestBadMethod|TestRespOnBad|TestHost$|Tracing",
            ".",
        ];
        let environment = [("WEIR_PROXY", proxy), ("WEIR_PORTS", ports), ("GOFLAGS", "-mod=mod".to_owned())];
        run(Command::new("go").args(arguments).envs(environment).current_dir(suite()?))
    });
    let report = tests.await??;
    let passed = report.lines().filter(|line| line.starts_with("--- PASS")).count();
    println!("{passed} tests of {SUITE} pass");
    ensure!(passed >= 10 && !report.contains("--- FAIL"), "{report}");
    Ok(())
}

/// A service that speaks gRPC, and a route for its methods.
async fn serve_grpc(gateway: &Gateway, package: &str, port: u16) -> anyhow::Result<()> {
    let service = json!({ "protocol": "grpc", "host": "127.0.0.1", "port": port });
    gateway.apply(Method::PUT, &format!("/services/{package}"), &service).await?;
    let route = json!({
        "paths": [format!("/{package}.")], "protocols": ["grpc", "grpcs"], "strip_path": false, "service": { "name": package },
    });
    gateway.apply(Method::PUT, &format!("/routes/{package}"), &route).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_passes_as_if_nobody_were_between() -> anyhow::Result<()> {
    let peer = Peer::start("grpc_peer.py")?;
    let gateway = gateway().listening("http2").beside("http2 ssl").start().await?;
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
    attempt("grpc_peer.py", &gateway).await
}
