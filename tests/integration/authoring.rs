//! What an author of plugins does: new, test, push, logs, run. Each step is the real command.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use gateway_tests::{Gateway, Upstream, eventually, free_port};

use crate::setup::{PATIENCE, gateway, one_at_a_time, program, root, serve};

/// A folder outside of the repository, as an author has one.
struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `weir plugin …`, in this folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.arg("plugin").args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn weir(&self, arguments: &[&str]) -> anyhow::Result<Said> {
        let _turn = one_at_a_time();
        let output = self.command(arguments).output().context("weir plugin")?;
        Ok(Said::of(&output))
    }

    /// As [`Workshop::weir`], and it must succeed.
    fn done(&self, arguments: &[&str]) -> anyhow::Result<Said> {
        let said = self.weir(arguments)?;
        ensure!(said.code == Some(0), "weir plugin {}: {said:?}", arguments.join(" "));
        Ok(said)
    }

    /// A new project, with the versions of the repository, so that nothing has to be looked up.
    fn project(&self, name: &str, kind: &str) -> anyhow::Result<()> {
        self.done(&["new", name, "--lang", "rust", "--kind", kind])?;
        std::fs::copy(root().join("Cargo.lock"), self.dir(name).join("Cargo.lock"))?;
        Ok(())
    }
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), errors: text(&output.stderr) }
    }
}

/// Where all plugins of these tests are built, so that their dependencies are built once.
fn target() -> String {
    root().join("target/test-plugins/header-edit/target/wasm").to_string_lossy().into_owned()
}

fn admin(gateway: &Gateway) -> String {
    format!("http://{}", gateway.admin)
}

fn change(file: &Path, from: &str, to: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)?;
    ensure!(text.contains(from), "{} has no {from:?}", file.display());
    Ok(std::fs::write(file, text.replace(from, to))?)
}

#[tokio::test]
async fn a_new_plugin_is_live_after_two_commands() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    let gateway = gateway().start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    workshop.project("greet", "transform")?;
    let url = admin(&gateway);
    let config = r#"{"greeting":"good day"}"#;
    let push = ["push", "greet", "--admin", &url, "--assign-to", "route=a", "--target-dir", &target];
    let said = workshop.done(&[&push[..], &["--config", config]].concat())?;
    assert!(said.out.contains("uploaded greet 0.1.0"), "{said:?}");
    assert!(said.out.contains("active and live on this node"), "{said:?}");
    let answer = gateway.get("/a/things", &[]).await?;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-greet")),
        (200, "/a/things"),
        "live when it says so"
    );

    let said = workshop.done(&push)?;
    assert!(said.out.contains("was assigned to route a"), "the same once more changes nothing: {said:?}");
    let wrong = workshop.weir(&[&push[..], &["--config", r#"{"greeting":"two\nlines"}"#]].concat())?;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.errors.contains("/config/greeting: must be one line"), "the place is named: {wrong:?}");

    change(&workshop.dir("greet/src/lib.rs"), "unwrap_or(\"/\")", "unwrap_or(\"?\").trim_end_matches('x')")?;
    let refused = workshop.weir(&push)?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("raise the version of the plugin"), "{refused:?}");
    change(&workshop.dir("greet/Cargo.toml"), "version = \"0.1.0\"", "version = \"0.2.0\"")?;
    workshop.done(&push)?;
    assert_eq!(gateway.get("/a/box", &[]).await?.header("x-greet"), "/a/bo", "the new version answers");
    let listed = workshop.done(&["list", "--admin", &url])?;
    assert!(listed.out.contains("active 0.2.0") && listed.out.contains("2 versions"), "{listed:?}");
    workshop.done(&["activate", "greet", "0.1.0", "--admin", &url])?;
    assert_eq!(gateway.get("/a/box", &[]).await?.header("x-greet"), "/a/box", "and the old one again");
    Ok(())
}

#[tokio::test]
async fn what_a_plugin_logs_is_seen_by_its_author() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    let gateway = gateway().start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    workshop.project("note", "log")?;
    let url = admin(&gateway);
    let push = ["push", "note", "--admin", &url, "--assign-to", "route=a", "--target-dir", &target];
    let refused = workshop.weir(&["logs", "note", "--admin", &url])?;
    assert!(refused.code == Some(1) && refused.errors.contains("404"), "nobody knows it yet: {refused:?}");
    workshop.done(&push)?;
    let mut following = Killed(
        workshop.command(&["logs", "note", "--admin", &url, "--follow"]).stdout(Stdio::piped()).spawn()?,
    );
    let id = gateway.get("/a/seen", &[]).await?.header("x-kong-request-id").to_owned();
    eventually("the line is there", PATIENCE, || async {
        let said = workshop.weir(&["logs", "note", "--admin", &url, "--json"]).ok();
        said.is_some_and(|said| said.out.contains("/a/seen"))
    })
    .await?;
    let said = workshop.done(&["logs", "note", "--admin", &url])?;
    assert!(
        said.out.contains("info  0.1.0 exchange method=\"GET\" path=\"/a/seen\" status=\"200\""),
        "{said:?}"
    );
    assert!(!id.is_empty(), "the gateway names the request");
    let mut read = [0; 512];
    let mut out = following.0.stdout.take().context("a pipe")?;
    let size = tokio::task::spawn_blocking(move || {
        std::io::Read::read(&mut out, &mut read).map(|size| read[..size].to_vec())
    });
    let line = tokio::time::timeout(PATIENCE, size).await???;
    assert!(String::from_utf8_lossy(&line).contains("/a/seen"), "whoever follows is told as well");
    Ok(())
}

#[tokio::test]
async fn a_capability_that_nobody_granted_is_named_with_the_way_to_grant_it() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    let gateway = gateway().start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    workshop.project("gate", "auth")?;
    let said = workshop.done(&["test", "gate", "--target-dir", &target])?;
    assert!(said.out.contains("ok       gate/tests/example.yaml: 4 requests"), "{said:?}");
    let url = admin(&gateway);
    let push = ["push", "gate", "--admin", &url, "--assign-to", "route=a", "--target-dir", &target];
    let push = [&push[..], &["--config", r#"{"tokens":{"t0ken":"alice"}}"#]].concat();
    let refused = workshop.weir(&push)?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains("credentials") && refused.errors.contains("--grant"), "{refused:?}");
    workshop.done(&[&push[..], &["--grant", r#"credentials={"kinds":[]}"#]].concat())?;
    assert_eq!(gateway.get("/a", &[]).await?.status, 401, "it guards the route");
    assert_eq!(gateway.get("/a", &[("x-token", "t0ken")]).await?.status, 403, "nobody is called alice");
    Ok(())
}

#[tokio::test]
async fn another_answer_than_the_golden_one_fails_with_the_difference() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    workshop.project("limit", "rate-limit")?;
    let test = ["test", "limit", "--target-dir", &target];
    let said = workshop.done(&test)?;
    assert!(said.out.contains("ok       limit/tests/example.yaml: 5 requests"), "{said:?}");
    let cost =
        said.out.lines().find(|line| line.starts_with("request-head")).context("a line of the table")?;
    let cost: Vec<_> = cost.split_whitespace().collect();
    assert_eq!(cost[1], "5", "five calls: {cost:?}");
    let fuel: u64 = cost[3].parse()?;
    assert!((100..1_000_000).contains(&fuel), "fuel of a call: {fuel}");
    assert_eq!(said.out, workshop.done(&test)?.out, "the same every time, fuel included");

    let golden = workshop.dir("limit/tests/example.golden.json");
    change(&golden, "\"x-limit-remaining\": \"0\"", "\"x-limit-remaining\": \"9\"")?;
    let said = workshop.weir(&test)?;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("-        \"x-limit-remaining\": \"9\"\n+        \"x-limit-remaining\": \"0\""),
        "{said:?}"
    );
    workshop.done(&[&test[..], &["--update"]].concat())?;
    workshop.done(&test)?;
    Ok(())
}

#[tokio::test]
async fn a_saved_file_is_live_on_the_gateway_that_run_starts() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    workshop.project("hot", "transform")?;
    let (proxy, api) = (free_port()?, free_port()?);
    let (port, admin_port) = (proxy.port().to_string(), api.port().to_string());
    let run = ["run", "hot", "--port", &port, "--admin-port", &admin_port, "--target-dir", &target];
    let log = std::fs::File::create(workshop.dir("run.log"))?;
    let mut running = Killed(workshop.command(&run).stdout(log.try_clone()?).stderr(log).spawn()?);
    let header = || async {
        let mut client = gateway_tests::Client::connect(proxy).await.ok()?;
        Some(client.get("/x", &[]).await.ok()?.header("x-hot").to_owned())
    };
    let told = || std::fs::read_to_string(workshop.dir("run.log")).unwrap_or_default();
    let patience = Duration::from_secs(180);
    eventually("the plugin is live", patience, || async { header().await.as_deref() == Some("/x") })
        .await
        .with_context(told)?;
    change(&workshop.dir("hot/src/lib.rs"), "path)\n", "\"saved\")\n")?;
    eventually("the change is live", patience, || async { header().await.as_deref() == Some("saved") })
        .await
        .with_context(told)?;
    change(&workshop.dir("hot/src/lib.rs"), "\"saved\")\n", "saved)\n")?;
    eventually("the mistake is shown", patience, || async { told().contains("cargo failed (") }).await?;
    assert_eq!(header().await.as_deref(), Some("saved"), "what works goes on working");
    Command::new("kill").arg("-INT").arg(running.0.id().to_string()).status()?;
    let ended = tokio::task::spawn_blocking(move || running.0.wait());
    let ended = tokio::time::timeout(PATIENCE, ended).await???;
    assert_eq!(ended.code(), Some(0), "{}", told());
    assert!(header().await.is_none(), "the gateway has ended with it");
    Ok(())
}

#[test]
fn chunks_and_trailers_are_played_as_well() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    let example = root().join("example-plugins/rust/chunk-count").to_string_lossy().into_owned();
    let said = workshop.done(&["test", &example, "--target-dir", &target])?;
    assert!(said.out.contains("example.yaml: 5 requests") && said.out.starts_with("ok"), "{said:?}");
    for phase in ["request-stream", "response-stream", "response-trailers"] {
        assert!(said.out.contains(&format!("\n{phase} ")), "its cost is told: {said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_run_records_can_be_played_again() -> anyhow::Result<()> {
    let (workshop, target) = (Workshop::new()?, target());
    workshop.project("taped", "transform")?;
    // What it depends on may have to be built first.
    workshop.done(&["build", "taped", "--target-dir", &target])?;
    let upstream = Upstream::start(|seen| {
        let status = if seen.target.ends_with("/gone") { 410 } else { 200 };
        let response = http::Response::builder().status(status).header("x-upstream", "a: \"b\"");
        response.body(http_body_util::Full::new(seen.body.clone())).unwrap_or_default()
    })
    .await?;
    let proxy = free_port()?;
    let (port, url, file) =
        (proxy.port().to_string(), format!("{}/below", upstream.url()), "taped/real.yaml");
    let run =
        ["run", "taped", "--port", &port, "--upstream", &url, "--record", file, "--target-dir", &target];
    let log = std::fs::File::create(workshop.dir("run.log"))?;
    let mut running = Killed(workshop.command(&run).stdout(log.try_clone()?).stderr(log).spawn()?);
    let send = |path: &'static str, body: &'static str| async move {
        let sent = gateway_tests::request(http::Method::POST, path, &[("x-twice", "1")], body)?;
        gateway_tests::Client::connect(proxy).await?.send(sent).await
    };
    let told = || std::fs::read_to_string(workshop.dir("run.log")).unwrap_or_default();
    eventually("the plugin is live", Duration::from_secs(180), || async {
        told().contains("\nloaded taped ")
    })
    .await
    .with_context(told)?;
    let answer = send("/a?b=c", "one\ntwo: \"x\"\n").await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "one\ntwo: \"x\"\n"), "{}", told());
    assert_eq!(upstream.seen().pop().context("a request")?.target, "/below/a?b=c");
    assert_eq!(send("/gone", "").await?.status, 410);
    // It ends its gateway by itself only if it is asked to.
    Command::new("kill").arg("-INT").arg(running.0.id().to_string()).status()?;
    assert_eq!(running.0.wait()?.code(), Some(0), "{}", told());
    let played = workshop.done(&["test", "taped", "--file", file, "--target-dir", &target])?;
    assert!(played.out.contains("real.yaml: 2 requests"), "{played:?}");
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(workshop.dir("taped/real.golden.json"))?)?;
    assert_eq!(golden[0]["upstream"]["path"], "/a?b=c", "{golden:#}");
    assert_eq!(golden[0]["upstream"]["headers"]["x-twice"], "1", "{golden:#}");
    assert_eq!(golden[0]["client"]["body"], "one\ntwo: \"x\"\n", "{golden:#}");
    assert_eq!(golden[0]["client"]["headers"]["x-upstream"], "a: \"b\"", "{golden:#}");
    assert_eq!(golden[1]["client"]["status"], 410, "{golden:#}");
    let again = workshop.weir(&run)?;
    assert!(again.code == Some(1) && again.errors.contains("exists; name another"), "{again:?}");
    Ok(())
}

#[test]
fn whoever_reads_may_leave_early_and_the_work_is_done() -> anyhow::Result<()> {
    let workshop = Workshop::new()?;
    for (arguments, done) in [
        (&["new", "left", "--lang", "go"][..], true),
        (&["build", "left"], true),
        (&["sign", "--help"], true),
        (&["build", "nowhere"], false),
    ] {
        // Both pipes are closed before anything is said.
        let (out, errors) = (std::io::pipe()?.1, std::io::pipe()?.1);
        let status = workshop.command(arguments).stdout(out).stderr(errors).status()?;
        let code = i32::from(!done);
        assert_eq!(status.code(), Some(code), "{arguments:?}: a panic has another code");
    }
    assert!(workshop.dir("left/build/left.wasm").exists());
    Ok(())
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
