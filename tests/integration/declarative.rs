//! Declarative files: a gateway without a database, and the commands that bring files into databases.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use gateway_tests::{Answer, Client, Database, Gateway, Postgres, Upstream, eventually, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, gateway, program, root};

const EMPTY: &str = "00000000000000000000000000000000";

fn file(host_and_port: std::net::SocketAddr) -> String {
    let (host, port) = (host_and_port.ip(), host_and_port.port());
    format!(
        "_format_version: \"3.0\"\nservices:\n- name: s\n  host: {host}\n  port: {port}\n  routes:\n  - name: r\n    \
         paths: [/s]\n    plugins:\n    - name: key-auth\nconsumers:\n- username: bob\n  tags: [t]\n  \
         keyauth_credentials:\n  - key: bobs-key\n"
    )
}

/// A first gateway compiles the plugins of the binary, and is ready then.
async fn warm() -> anyhow::Result<()> {
    static WARM: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    WARM.get_or_try_init(|| async { gateway().start().await.map(drop) }).await.copied()
}

/// A gateway without a database that answers on its Admin API; it need not be ready.
async fn without_database(prefix: &Path, text: Option<&str>) -> anyhow::Result<Gateway> {
    warm().await?;
    let mut builder = gateway().prefix(prefix).set("WEIR_DATABASE", "off");
    if let Some(text) = text {
        let path = prefix.join("kong.yml");
        std::fs::write(&path, text)?;
        builder = builder.set("KONG_DECLARATIVE_CONFIG", path.to_string_lossy());
    }
    let gateway = builder.spawn()?;
    let up = || async { gateway.admin(Method::GET, "/status", &Value::Null).await.is_ok() };
    eventually("the Admin API is up", Duration::from_secs(180), up).await.with_context(|| gateway.log())?;
    Ok(gateway)
}

async fn post(
    gateway: &Gateway,
    query: &str,
    kind: &str,
    body: impl Into<bytes::Bytes>,
) -> anyhow::Result<Answer> {
    let path = format!("/config{query}");
    let sent = request(Method::POST, &path, &[("content-type", kind)], body)?;
    Client::connect(gateway.admin).await?.send(sent).await
}

async fn hash(gateway: &Gateway) -> anyhow::Result<String> {
    let status = gateway.apply(Method::GET, "/status", &Value::Null).await?;
    ensure!(status.get("database").is_none(), "{status}");
    Ok(status["configuration_hash"].as_str().context("a hash")?.to_owned())
}

async fn serves(gateway: &Gateway) -> anyhow::Result<Duration> {
    let live = || async {
        let answer = gateway.get("/s", &[("apikey", "bobs-key")]).await;
        answer.is_ok_and(|answer| answer.status == 200)
    };
    eventually("the file is live", PATIENCE, live).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_database_takes_files() -> anyhow::Result<()> {
    let (folder, upstream) = (tempfile::tempdir()?, Upstream::saying("fine").await?);
    let gateway = without_database(folder.path(), None).await?;
    assert_eq!(hash(&gateway).await?, EMPTY);
    let ready = Client::connect(gateway.status).await?.get("/status/ready", &[]).await?;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["message"], "no configuration available (empty configuration present)");

    let text = file(upstream.address());
    let loaded = post(&gateway, "", "text/yaml", text.clone()).await?;
    assert_eq!(loaded.status, 201, "{}", loaded.text());
    let services = loaded.json()["services"].as_object().context("services by id")?.clone();
    let (id, service) = services.iter().next().context("one service")?;
    assert_eq!((service["name"].as_str(), service["id"].as_str()), (Some("s"), Some(id.as_str())));
    serves(&gateway).await?;
    let refused = gateway.get("/s", &[]).await?;
    assert_eq!(refused.status, 401, "the plugin of the file runs");
    let first = hash(&gateway).await?;
    assert_ne!(first, EMPTY);

    for (case, kind, body) in [
        ("JSON around it", "application/json", json!({ "config": text }).to_string()),
        ("a form", "application/x-www-form-urlencoded", format!("config={}", encoded(&text))),
        (
            "multipart",
            "multipart/form-data; boundary=x",
            format!("--x\r\ncontent-disposition: form-data; name=\"config\"\r\n\r\n{text}\r\n--x--\r\n"),
        ),
    ] {
        let again = post(&gateway, "", kind, body.clone()).await?;
        assert_eq!(again.status, 201, "{case}: {}", again.text());
        assert_eq!(hash(&gateway).await?, first, "{case}");
        assert_eq!(post(&gateway, "?check_hash=1", kind, body).await?.status, 304, "{case}");
    }
    for (case, kind, body) in [("nothing", "text/yaml", ""), ("no config", "application/json", "{}")] {
        let answer = post(&gateway, "", kind, body).await?;
        assert_eq!(answer.status, 400, "{case}");
        assert_eq!(answer.json()["message"], "expected a declarative configuration", "{case}");
    }
    let shown = gateway.apply(Method::GET, "/config", &Value::Null).await?;
    assert!(shown["config"].as_str().context("a text")?.contains("bobs-key"), "{shown}");
    let tagged = gateway.apply(Method::GET, "/consumers?tags=t", &Value::Null).await?;
    assert_eq!(tagged["data"][0]["username"], "bob");
    one_fault_changes_nothing(&gateway, &text).await?;
    writes_are_refused(&gateway).await?;

    drop(gateway);
    let again = without_database(folder.path(), None).await?;
    serves(&again).await?;
    assert_eq!(hash(&again).await?, first, "what was accepted lives on");
    Ok(())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

async fn one_fault_changes_nothing(gateway: &Gateway, good: &str) -> anyhow::Result<()> {
    let before = (hash(gateway).await?, gateway.apply(Method::GET, "/config", &Value::Null).await?);
    let mut text = "_format_version: \"3.0\"\nservices:\n".to_owned();
    for at in 0..10_000 {
        let port = if at == 7_777 { "x" } else { "80" };
        text.push_str(&format!("- {{name: many-{at}, host: h, port: {port}}}\n"));
    }
    let answer = post(gateway, "?flatten_errors=1", "text/yaml", text).await?;
    assert_eq!(answer.status, 400);
    let body = answer.json();
    assert_eq!((&body["code"], &body["fields"]), (&json!(14), &json!({})));
    let error = &body["flattened_errors"][0];
    assert_eq!(
        (error["entity_type"].as_str(), error["entity_name"].as_str()),
        (Some("service"), Some("many-7777"))
    );
    assert_eq!(
        error["errors"],
        json!([{ "type": "field", "field": "port", "message": "expected an integer" }])
    );
    let fault = json!({ "path": "services[7777].port", "line": 7780, "message": "expected an integer" });
    assert_eq!(body["faults"], json!([fault]));
    let config = format!("{good}plugins:\n- name: file-log\n  config: {{}}\n");
    let answer = post(gateway, "", "text/yaml", config).await?;
    assert_eq!(answer.status, 400, "the rules of the plugin: {}", answer.text());
    let after = (hash(gateway).await?, gateway.apply(Method::GET, "/config", &Value::Null).await?);
    assert_eq!(before, after);
    Ok(())
}

async fn writes_are_refused(gateway: &Gateway) -> anyhow::Result<()> {
    let service = json!({ "host": "h" });
    for (method, path, body, status, text) in [
        (
            Method::POST,
            "/services",
            service.clone(),
            405,
            "cannot create 'services' entities when not using a database",
        ),
        (
            Method::PUT,
            "/services/new",
            service.clone(),
            405,
            "cannot create or update 'services' entities by 'name' when not using a database",
        ),
        (
            Method::PATCH,
            "/services/s",
            service.clone(),
            405,
            "cannot update 'services' entities by 'name' when not using a database",
        ),
        (
            Method::DELETE,
            "/consumers/bob",
            Value::Null,
            405,
            "cannot remove 'consumers' entities by 'username' when not using a database",
        ),
        (Method::POST, "/services", json!({}), 400, "schema violation (host: required field missing)"),
        (Method::PATCH, "/services/none", service, 404, "could not find the entity with '{name=\"none\"}'"),
        (Method::DELETE, "/services/none", Value::Null, 204, ""),
    ] {
        let answer = gateway.admin(method.clone(), path, &body).await?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if status == 405 {
            let want = json!({ "code": 12, "name": "operation unsupported", "message": text });
            assert_eq!(answer.json(), want, "{method} {path}");
        } else if !text.is_empty() {
            assert_eq!(answer.json()["message"], text, "{method} {path}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_loaded_at_the_start_or_stops_it() -> anyhow::Result<()> {
    let (folder, upstream) = (tempfile::tempdir()?, Upstream::saying("fine").await?);
    let text = file(upstream.address());
    let gateway = without_database(folder.path(), Some(&text)).await?;
    serves(&gateway).await?;
    drop(gateway);

    let path = folder.path().join("broken.yml");
    std::fs::write(&path, text.replace("paths: [/s]", "paths: [s]"))?;
    let builder = gateway_with(folder.path(), &path);
    let mut broken = builder.spawn()?;
    let ended = broken.ended(Duration::from_secs(180)).await?;
    assert_eq!(ended.code(), Some(1));
    let want = format!("{}: line 8: services[0].routes[0].paths[0]: should start with: /", path.display());
    assert!(broken.log().contains(&want), "{}", broken.log());
    drop(broken);

    let again = without_database(folder.path(), None).await?;
    serves(&again).await.context("a broken file leaves what was accepted")?;
    Ok(())
}

fn gateway_with(prefix: &Path, file: &Path) -> gateway_tests::GatewayBuilder {
    let builder = gateway().prefix(prefix).set("WEIR_DATABASE", "off");
    builder.set("WEIR_DECLARATIVE_CONFIG", file.to_string_lossy())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_deck_are_files_here() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = without_database(folder.path(), None).await?;
    for entry in std::fs::read_dir(root().join("tests/data/deck"))? {
        let path = entry?.path();
        let text = with_pem(&std::fs::read_to_string(&path)?)?;
        let answer = post(&gateway, "", "text/yaml", text).await?;
        ensure!(answer.status == 201, "{}: {}", path.display(), answer.text());
    }
    let schema = gateway.apply(Method::GET, "/schemas/declarative", &Value::Null).await?;
    assert_eq!(schema["$defs"]["routes"]["properties"]["strip_path"]["default"], true);
    Ok(())
}

/// `pem:NAME` stands for a file of `tests/data/pem`.
fn with_pem(text: &str) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for entry in std::fs::read_dir(root().join("tests/data/pem"))? {
        let path = entry?.path();
        let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
        let pem = json!(std::fs::read_to_string(&path)?).to_string();
        text = text.replace(&format!("\"pem:{name}\""), &pem);
    }
    Ok(text)
}

/// `weir config …` with the settings of a database.
struct Commands {
    folder: tempfile::TempDir,
    url: String,
}

/// Where all commands work, so that the plugins of the binary are compiled once.
fn shared_prefix() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("weir-test-commands-{}", std::process::id()))
}

impl Commands {
    fn new(postgres: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = match postgres {
            true => Postgres::shared()?.database()?,
            false => format!("sqlite://{}", folder.path().join("weir.db").display()),
        };
        let commands = Self { folder, url };
        let mut migrate = commands.command();
        let done = migrate.args(["migrations", "up"]).output()?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(commands)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.env_remove("WEIR_TEST_PROGRAM");
        command.env("WEIR_PREFIX", shared_prefix()).env("WEIR_DATABASE_URL", &self.url);
        command
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let Output { status, stdout, stderr } = self.command().arg("config").args(arguments).output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((status.code().unwrap_or(-1), text(stdout), text(stderr)))
    }

    fn done(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (code, out, errors) = self.run(arguments)?;
        ensure!(code == 0, "weir config {}: {code}\n{out}{errors}", arguments.join(" "));
        Ok(out)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_into_sqlite_and_come_out() -> anyhow::Result<()> {
    there_and_back(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_into_postgres_and_come_out() -> anyhow::Result<()> {
    there_and_back(true).await
}

async fn there_and_back(postgres: bool) -> anyhow::Result<()> {
    let commands = Commands::new(postgres)?;
    let all = root().join("tests/data/declarative/all.yaml");
    let all = all.to_str().context("a path")?;
    assert_eq!(commands.done(&["parse", all])?, "parse successful\n");
    let (code, out, _) = commands.run(&["diff", all])?;
    assert!(code == 2 && out.contains("create services one\n"), "{code} {out}");
    let imported = commands.done(&["import", all])?;
    assert!(imported.ends_with(" created, 0 changed, 0 deleted, 0 as they were\n"), "{imported}");
    let (code, out, _) = commands.run(&["diff", all])?;
    assert!(code == 0 && out.starts_with("0 to create, 0 to change, 0 to delete"), "{code} {out}");

    let first = commands.done(&["export"])?;
    let exported = commands.folder.path().join("exported.yml");
    let exported = exported.to_str().context("a path")?;
    commands.done(&["export", exported])?;
    assert_eq!(std::fs::read_to_string(exported)?, first);
    assert_eq!(commands.run(&["export", exported])?.0, 1, "a file is not overwritten");
    let other = Commands::new(postgres)?;
    other.done(&["import", exported])?;
    assert_eq!(other.done(&["export"])?, first, "the same, byte by byte");

    let changed = commands.folder.path().join("changed.yml");
    std::fs::write(&changed, first.replace("/health", "/healthy"))?;
    let changed = changed.to_str().context("a path")?;
    let (code, out, _) = commands.run(&["diff", changed, "--json"])?;
    let told: Value = serde_json::from_str(&out)?;
    assert_eq!(code, 2);
    assert_eq!(told["change"][0]["name"], "pool.test", "{told}");
    assert_eq!(told["change"][0]["fields"], json!(["healthchecks"]));
    let empty = commands.folder.path().join("empty.yml");
    std::fs::write(&empty, "_format_version: \"3.0\"\n")?;
    let empty = empty.to_str().context("a path")?;
    let pruned = commands.done(&["import", "--prune", empty])?;
    assert!(pruned.starts_with("import successful: 0 created, 0 changed, "), "{pruned}");
    assert_eq!(commands.done(&["export"])?, "_format_version: \"3.0\"\n_transform: false\n");
    let broken = commands.folder.path().join("broken.yml");
    std::fs::write(&broken, "_format_version: \"3.0\"\nservices:\n- name: new\n  host: h\n- port: x\n")?;
    let broken = broken.to_str().context("a path")?;
    for command in ["parse", "import", "diff"] {
        let (code, _, errors) = commands.run(&[command, broken])?;
        assert_eq!(code, 1, "{command}");
        for want in
            ["services[1].port: expected an integer", "line 5: services[1].host: required field missing"]
        {
            assert!(errors.contains(&format!("{broken}: ")) && errors.contains(want), "{command}: {errors}");
        }
    }
    assert_eq!(
        commands.done(&["export"])?,
        "_format_version: \"3.0\"\n_transform: false\n",
        "nothing came in"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_live_on_a_running_gateway() -> anyhow::Result<()> {
    let upstream = Upstream::saying("fine").await?;
    let url = Postgres::shared()?.database()?;
    let gateway = gateway().database(Database::Postgres(url.clone())).start().await?;
    let commands = Commands { folder: tempfile::tempdir()?, url };
    let path = commands.folder.path().join("kong.yml");
    std::fs::write(&path, file(upstream.address()))?;
    commands.done(&["import", path.to_str().context("a path")?])?;
    serves(&gateway).await?;
    let answer = post(&gateway, "", "text/yaml", "x").await?;
    assert_eq!(answer.status, 400);
    let want = "this endpoint is only available when Kong is configured to not use a database";
    assert_eq!(answer.json()["message"], want);
    Ok(())
}
