//! Secrets at rest: after many kinds of them were written, none is found in any file, whatever the
//! database; and keys change while two nodes serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use gateway_tests::{Database, Gateway, GatewayBuilder, Load, Postgres, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{PATIENCE, assign, gateway, program, serve};

const RSA_CERT: &str = include_str!("../data/pem/rsa.crt");
const RSA_KEY: &str = include_str!("../data/pem/rsa.key");
const EC_CERT: &str = include_str!("../data/pem/ec.crt");
const EC_KEY: &str = include_str!("../data/pem/ec.key");
/// The key of RFC 8037, appendix A.1.
const JWK_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const JWK_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// Keys in files, and the setting that names them.
struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("old"), OLD)?;
        std::fs::write(folder.path().join("new"), NEW)?;
        Ok(Self { folder })
    }

    /// `names` in their order.
    fn setting(&self, names: &[&str]) -> String {
        let entry = |name: &&str| format!("{name}:{}", self.folder.path().join(name).display());
        names.iter().map(entry).collect::<Vec<_>>().join(",")
    }

    fn builder(&self, names: &[&str]) -> GatewayBuilder {
        gateway().set("WEIR_ENCRYPTION_KEYS", self.setting(names))
    }
}

/// The line in the middle of a PEM text: nobody else has it, and it has no line end to be escaped.
fn middle(pem: &str) -> String {
    let lines: Vec<_> = pem.lines().collect();
    lines[lines.len() / 2].to_owned()
}

/// Writes secrets of all kinds; gives them by what they are.
pub(crate) async fn load(gateway: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
    let mut secrets = BTreeMap::new();
    serve(gateway, "demo", "http://127.0.0.1:1").await?;
    gateway.apply(Method::PUT, "/consumers/joe", &json!({})).await?;
    let sent = [
        ("key-auth", json!({ "key": "S3-keyauth-given-01" }), "key"),
        ("key-auth", json!({}), "key"),
        ("key-auth", json!({ "key": "S3-keyauth-ttl-0003", "ttl": 3_600 }), "key"),
        ("hmac-auth", json!({ "username": "a", "secret": "S3-hmac-given-00004" }), "secret"),
        ("hmac-auth", json!({ "username": "b" }), "secret"),
        ("jwt", json!({ "key": "a", "secret": "S3-jwt-given-000006" }), "secret"),
        ("jwt", json!({ "key": "b" }), "secret"),
        ("oauth2", json!({ "name": "a", "client_secret": "S3-oauth2-given-008" }), "client_secret"),
        ("oauth2", json!({ "name": "b" }), "client_secret"),
    ];
    let mut application = Value::Null;
    for (number, (path, body, field)) in sent.iter().enumerate() {
        let made = gateway.apply(Method::POST, &format!("/consumers/joe/{path}"), body).await?;
        secrets.insert(format!("{number} {path}"), made[field].as_str().context("a secret")?.to_owned());
        if *path == "oauth2" {
            application = json!({ "id": made["id"] });
        }
    }
    let hashed = [
        ("basic-auth", json!({ "username": "a", "password": "S3-basic-password-1" }), "S3-basic-password-1"),
        (
            "oauth2",
            json!({ "name": "c", "client_secret": "S3-oauth2-hashed-02", "hash_secret": true }),
            "S3-oauth2-hashed-02",
        ),
    ];
    for (path, body, secret) in hashed {
        gateway.apply(Method::POST, &format!("/consumers/joe/{path}"), &body).await?;
        secrets.insert(format!("{path}, hashed"), secret.to_owned());
    }
    let token = json!({ "credential": application, "expires_in": 60, "access_token": "S3-access-token-003",
        "refresh_token": "S3-refresh-token-04" });
    gateway.apply(Method::POST, "/oauth2_tokens", &token).await?;
    secrets.insert("access token".into(), "S3-access-token-003".into());
    secrets.insert("refresh token".into(), "S3-refresh-token-04".into());
    keys(gateway, &mut secrets).await?;
    plugins(gateway, &mut secrets).await?;
    gone(gateway, &mut secrets).await?;
    secrets.insert("the operator's key".into(), OLD.into());
    Ok(secrets)
}

async fn keys(gateway: &Gateway, secrets: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let certificate = json!({ "cert": RSA_CERT, "key": RSA_KEY, "cert_alt": EC_CERT, "key_alt": EC_KEY, "snis": ["a.test"] });
    gateway.apply(Method::POST, "/certificates", &certificate).await?;
    secrets.insert("certificate key".into(), middle(RSA_KEY));
    secrets.insert("alternative certificate key".into(), middle(EC_KEY));
    let pem = json!({ "name": "pem", "kid": "1", "pem": { "private_key": RSA_KEY } });
    gateway.apply(Method::POST, "/keys", &pem).await?;
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "2", "d": JWK_D, "x": JWK_X }).to_string();
    gateway.apply(Method::POST, "/keys", &json!({ "name": "jwk", "kid": "2", "jwk": jwk })).await?;
    secrets.insert("JWK".into(), JWK_D.into());
    Ok(())
}

async fn plugins(gateway: &Gateway, secrets: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let assigned = [
        (
            json!({ "name": "http-log", "config": { "http_endpoint": "http://u:S3-http-userinfo-1@127.0.0.1:1/",
            "headers": { "authorization": "S3-http-header-0002" } } }),
            vec!["S3-http-userinfo-1", "S3-http-header-0002"],
        ),
        (
            json!({ "name": "rate-limiting", "config": { "minute": 1_000, "policy": "local",
            "redis": { "password": "S3-redis-password-3" } } }),
            vec!["S3-redis-password-3"],
        ),
        (
            json!({ "name": "request-transformer", "config": { "add": { "headers": ["x-token:S3-header-added-004"] } } }),
            vec!["S3-header-added-004"],
        ),
        (
            json!({ "name": "response-transformer", "config": { "add": { "headers": ["x-t:S3-answer-added-0005"] } } }),
            vec!["S3-answer-added-0005"],
        ),
        (json!({ "name": "key-auth" }), vec![]),
    ];
    for (assignment, values) in assigned {
        assign(gateway, "demo", &assignment).await?;
        let name = assignment["name"].as_str().unwrap_or_default();
        secrets.extend(
            values.iter().enumerate().map(|(at, value)| (format!("{name} {at}"), (*value).to_owned())),
        );
    }
    Ok(())
}

/// What was secret and is there no more.
async fn gone(gateway: &Gateway, secrets: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let path = "/consumers/joe/key-auth";
    for key in ["S3-key-replaced-001", "S3-key-deleted-0002"] {
        gateway.apply(Method::POST, path, &json!({ "key": key })).await?;
        secrets.insert(key.into(), key.into());
    }
    let replaced = format!("{path}/S3-key-replaced-001");
    gateway.apply(Method::PATCH, &replaced, &json!({ "key": "S3-key-after-000003" })).await?;
    secrets.insert("replacement".into(), "S3-key-after-000003".into());
    let deleted = gateway.admin(Method::DELETE, &format!("{path}/S3-key-deleted-0002"), &Value::Null).await?;
    ensure!(deleted.status == 204, "{}", deleted.text());
    Ok(())
}

/// Which of the secrets are in which files of a folder, and of what is below it.
fn found_in(folder: &Path, secrets: &BTreeMap<String, String>) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let (path, is_folder) =
                entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))?;
            // Machine code of plugins: large, and made of nothing that an operator said.
            if is_folder && !path.ends_with("artifacts") {
                folders.push(path);
            } else if !is_folder {
                found.extend(secrets_of(&path, secrets)?);
            }
        }
    }
    Ok(found)
}

fn secrets_of(path: &Path, secrets: &BTreeMap<String, String>) -> anyhow::Result<Vec<(PathBuf, String)>> {
    // A socket or a file that has gone meanwhile holds nothing.
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let inside = secrets.iter().filter(|(_, secret)| text.contains(secret.as_str()));
    Ok(inside.map(|(what, _)| (path.to_owned(), what.clone())).collect())
}

async fn saved_after(gateway: &Gateway, since: SystemTime) -> anyhow::Result<()> {
    let folder = gateway.prefix().join("last_good");
    let saved = || async {
        ["catalog.jsonl", "identities.jsonl"].iter().all(|name| {
            let modified = std::fs::metadata(folder.join(name)).and_then(|file| file.modified());
            modified.is_ok_and(|modified| modified > since)
        })
    };
    eventually("the last good configuration is saved", Duration::from_secs(60), saved).await.map(drop)
}

async fn nothing_is_found(gateway: &Gateway, server: Option<(&Postgres, &str)>) -> anyhow::Result<()> {
    let mut secrets = load(gateway).await?;
    assert!(secrets.len() >= 20, "{}", secrets.len());
    let written = SystemTime::now();
    gateway.apply(Method::PUT, "/consumers/ann", &json!({})).await?;
    gateway.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    let answer = gateway.get("/demo", &[("apikey", "S3-keyauth-given-01")]).await?;
    assert_eq!(answer.status, 502, "the key is known, and there is no upstream: {}", answer.text());
    let shown = gateway.admin(Method::GET, "/key-auths/S3-key-after-000003", &Value::Null).await?;
    assert_eq!(shown.json()["key"], "S3-key-after-000003", "found by its value: {}", shown.text());
    let taken = gateway
        .admin(Method::POST, "/consumers/ann/key-auth", &json!({ "key": "S3-keyauth-given-01" }))
        .await?;
    assert_eq!((taken.status.as_u16(), &taken.json()["code"]), (409, &json!(5)), "{}", taken.text());
    saved_after(gateway, written).await?;
    assert_eq!(found_in(gateway.prefix(), &secrets)?, [], "below the prefix");
    let process = PathBuf::from(format!("/proc/{}", gateway.pid()));
    for file in ["environ", "cmdline"] {
        // Only root can look: others of its user cannot.
        let read = std::fs::read(process.join(file)).map(|bytes| bytes.is_empty());
        assert!(
            matches!(read, Ok(false))
                || read.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
        );
        assert_eq!(secrets_of(&process.join(file), &secrets)?, [], "{file}");
    }
    // The search itself works: a name is no secret, and lies there as it is.
    secrets.insert("no secret".into(), "joe".into());
    let mut places = found_in(gateway.prefix(), &secrets)?;
    if let Some((server, database)) = server {
        server.sql(database, "CHECKPOINT")?;
        let found = found_in(&server.data(), &secrets)?;
        assert!(found.iter().all(|(_, what)| what == "no secret"), "{found:?}");
        places.extend(found);
    }
    assert!(!places.is_empty(), "the search finds what is there");
    Ok(())
}

#[tokio::test]
async fn no_secret_lies_on_the_disk_with_sqlite() -> anyhow::Result<()> {
    let keys = Keys::new()?;
    let gateway = keys.builder(&["old"]).start().await?;
    nothing_is_found(&gateway, None).await
}

#[tokio::test]
async fn no_secret_lies_on_the_disk_with_postgres() -> anyhow::Result<()> {
    let (keys, server) = (Keys::new()?, Postgres::start()?);
    let database = server.database()?;
    let builder = keys.builder(&["old"]).database(Database::Postgres(database.clone()));
    let gateway = builder.start().await?;
    nothing_is_found(&gateway, Some((&server, &database))).await
}

/// Runs `weir secrets WORD` with these keys; gives whether it succeeded, and what it said.
fn secrets(word: &str, keys: &str, settings: &[(&str, &str)]) -> anyhow::Result<(bool, String)> {
    let mut command = Command::new(program());
    // Which is for the tests, and no setting.
    command.env_remove("WEIR_TEST_PROGRAM");
    command.args(["secrets", word]).envs(settings.iter().copied());
    if !keys.is_empty() {
        command.env("WEIR_ENCRYPTION_KEYS", keys);
    }
    let done = command.output()?;
    let said = [done.stdout, done.stderr].concat();
    Ok((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Written before there were keys for them.
async fn five_hundred_keys(builder: GatewayBuilder, upstream: &Upstream) -> anyhow::Result<()> {
    let before = builder.start().await?;
    serve(&before, "demo", &upstream.url()).await?;
    assign(&before, "demo", &json!({ "name": "key-auth" })).await?;
    before.apply(Method::PUT, "/consumers/joe", &json!({})).await?;
    for number in 0..500 {
        let key = json!({ "key": format!("S3-key-{number:05}") });
        before.apply(Method::POST, "/consumers/joe/key-auth", &key).await?;
    }
    Ok(())
}

/// One that was known before it was sealed goes when it is deleted.
async fn a_deleted_key_is_refused(nodes: [&Gateway; 2]) -> anyhow::Result<()> {
    let headers = [("apikey", "S3-key-00300")];
    for node in nodes {
        assert_eq!(node.get("/demo", &headers).await?.status, 200);
    }
    let gone = nodes[0].admin(Method::DELETE, "/key-auths/S3-key-00300", &Value::Null).await?;
    assert_eq!(gone.status, 204, "{}", gone.text());
    for node in nodes {
        let refused = || async { node.get("/demo", &headers).await.is_ok_and(|answer| answer.status == 401) };
        eventually("the deleted key is refused", PATIENCE, refused).await?;
    }
    Ok(())
}

/// Two nodes that serve while secrets are sealed and then sealed with another key. The commands are waited for
/// on a thread of their own kind, so that the load goes on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_sealed_and_rotated_under_traffic() -> anyhow::Result<()> {
    let (keys, server) = (Keys::new()?, Postgres::start()?);
    let (database, upstream) = (server.database()?, Upstream::saying("hello").await?);
    let on = |builder: GatewayBuilder| builder.database(Database::Postgres(database.clone()));
    five_hundred_keys(on(gateway()), &upstream).await?;
    let table = |needle: &str| {
        server.sql(&database, &format!("SELECT (SELECT count(*) FROM entities WHERE document LIKE '%{needle}%') + (SELECT count(*) FROM entity_keys WHERE value LIKE '%{needle}%')"))
    };
    assert_eq!(table("S3-key-")?, "1000", "in the clear so far");
    let both = keys.setting(&["new", "old"]);
    let first = on(keys.builder(&["old", "new"])).start().await?;
    let second = on(keys.builder(&["new", "old"])).start().await?;
    let nodes = [&first, &second];
    let headers = [("apikey", "S3-key-00007")];
    for node in nodes {
        node.wait_for("key-auth is live", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    }
    let loads = nodes.map(|node| {
        // One at a time is plenty, and leaves the database a processor.
        Load::start(node.proxy, 1, "/demo", &headers, |answer| match answer.status.as_u16() {
            200 => Ok(()),
            status => Err(format!("{status} {}", answer.text())),
        })
    });
    let prefix = tempfile::tempdir()?;
    let prefix = prefix.path().display().to_string();
    let settings =
        [("WEIR_DATABASE", "postgres"), ("WEIR_DATABASE_URL", &database), ("WEIR_PREFIX", &prefix)];
    let (good, said) = secrets("status", &both, &settings)?;
    assert!(!good && said.contains("keyauth_credentials: 500 in the clear"), "{said}");
    let (good, said) = secrets("seal", &keys.setting(&["old"]), &settings)?;
    assert!(good && said.contains("501 of them sealed anew"), "{said}");
    assert_eq!(table("S3-key-")?, "0", "no row has one");
    let (good, said) = secrets("rotate", &both, &settings)?;
    assert!(good && said.contains("501 of them sealed anew"), "{said}");
    let (good, said) = secrets("status", &both, &settings)?;
    assert!(good && said.contains("keyauth_credentials: 500 sealed with `new`"), "{said}");
    a_deleted_key_is_refused(nodes).await?;
    for load in loads {
        let report = load.stop().await;
        assert!(report.failures.is_empty(), "{:?}", report.failures.first());
        assert!(report.good > 50, "{}", report.good);
    }
    drop((first, second));
    let last = on(keys.builder(&["new"])).start().await?;
    last.wait_for("the new key is enough", PATIENCE, "/demo", |answer| answer.status == 401).await?;
    assert_eq!(last.get("/demo", &headers).await?.status, 200);
    drop(last);
    for (case, builder, want) in [
        ("no keys", gateway(), "sealed with the key `new`, and encryption_keys is not set"),
        (
            "the old key alone",
            keys.builder(&["old"]),
            "sealed with the key `new`, which is not among those given",
        ),
    ] {
        let refused = on(builder).start().await.err().with_context(|| case)?.to_string();
        assert!(refused.contains(want), "{case}: {refused}");
    }
    Ok(())
}
