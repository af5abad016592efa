//! References to secrets: resolved for the plugin, shown to nobody, followed when they change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_tests::{Answer, Authority, Gateway, Issued, Load, Seen, Upstream, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, assign, component, gateway, serve};
use crate::tls::{handshake, usual};

/// A gateway that may read secrets in the folder.
async fn node(folder: &std::path::Path) -> anyhow::Result<Gateway> {
    gateway()
        .set("WEIR_VAULT_FILES", folder.display().to_string())
        .set("BILLING_TOKEN", "S3-out-of-the-environment")
        .start()
        .await
}

/// What the log server was last sent as `authorization`.
fn last_token(logs: &Upstream) -> String {
    logs.seen().last().map(token).unwrap_or_default()
}

fn token(seen: &Seen) -> String {
    let header = seen.headers.get("authorization");
    header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// In the path of requests whose records are to be told from those that a load has queued before.
const MARK: &str = "asked-while-the-file-is-gone";

/// How often a log server heard of each token, with [`MARK`] behind it if it came with such a record; a load makes
/// more requests than an upstream keeps.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, usize>>>);

impl Heard {
    async fn server(&self) -> anyhow::Result<Upstream> {
        let heard = self.clone();
        Upstream::start(move |seen| {
            let marked = String::from_utf8_lossy(&seen.body).contains(MARK);
            let token = token(seen) + if marked { MARK } else { "" };
            *heard.tokens().entry(token).or_default() += 1;
            http::Response::default()
        })
        .await
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, token: &str) -> usize {
        self.tokens().get(token).copied().unwrap_or_default()
    }

    /// Waits for one more, with requests under way. What was queued under another token may come after it.
    async fn again(&self, token: &str) -> anyhow::Result<Duration> {
        let before = self.of(token);
        eventually(&format!("a log comes with {token}"), PATIENCE, || async { self.of(token) > before }).await
    }
}

/// Asks until the log server hears of a token.
async fn logged(gateway: &Gateway, logs: &Upstream, token: &str) -> anyhow::Result<Duration> {
    eventually(&format!("the log comes with {token}"), PATIENCE, || async {
        _ = gateway.get("/demo", &[]).await;
        last_token(logs) == token
    })
    .await
}

fn log_to(logs: &Upstream, token: &str) -> Value {
    let config = json!({ "http_endpoint": format!("{}/", logs.url()), "headers": { "authorization": token },
        "queue": { "max_coalescing_delay": 0.01 } });
    json!({ "name": "http-log", "config": config })
}

async fn faults(gateway: &Gateway) -> anyhow::Result<String> {
    Ok(gateway.apply(Method::GET, "/status", &Value::Null).await?.to_string())
}

#[tokio::test]
async fn a_secret_in_a_file_is_followed_under_traffic() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |text: &str| std::fs::write(folder.path().join("token"), text);
    write("S3-first-of-the-file\n")?;
    let heard = Heard::default();
    let (upstream, logs) = (Upstream::saying("hello").await?, heard.server().await?);
    let gateway = node(folder.path()).await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let vault = json!({ "prefix": "mine", "name": "file", "config": { "ttl": 0.1 } });
    gateway.apply(Method::POST, "/vaults", &vault).await?;
    let made = assign(&gateway, "demo", &log_to(&logs, "{vault://mine/token}")).await?;
    let load = Load::start(gateway.proxy, 4, "/demo", &[], |answer| match answer.status.as_u16() {
        200 => Ok(()),
        status => Err(format!("{status} {}", answer.text())),
    });
    heard.again("S3-first-of-the-file").await?;
    write("S3-second-of-the-file")?;
    let took = heard.again("S3-second-of-the-file").await?;
    // A file that goes for a while takes nothing along.
    std::fs::remove_file(folder.path().join("token"))?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    eventually("it is still in use", PATIENCE, || async {
        _ = gateway.get(&format!("/demo/{MARK}"), &[]).await;
        heard.of(&format!("S3-second-of-the-file{MARK}")) > 0
    })
    .await?;
    write("S3-third-of-the-file")?;
    heard.again("S3-third-of-the-file").await?;
    let report = load.stop().await;
    assert!(report.failures.is_empty(), "{:?}", report.failures.first());
    println!("a secret that changed was in use after {took:?}; {} requests, 0 failed", report.good);
    let path = format!("/plugins/{}", made["id"].as_str().unwrap_or_default());
    let shown = gateway.apply(Method::GET, &path, &Value::Null).await?;
    assert_eq!(shown["config"]["headers"]["authorization"], "{vault://mine/token}");
    assert!(!gateway.log().contains("-of-the-file"), "no value in the log");
    assert!(gateway.log().contains("a secret cannot be read"), "but that it was gone");
    Ok(())
}

/// An assignment of the guest `reach`, which tells how long the secret is.
fn granted(reference: &str) -> Value {
    let secrets = json!({ "names": { "key": reference }, "reveal": ["key"] });
    let grants = json!({ "http-client": { "hosts": [] }, "metrics": {}, "secrets": secrets });
    json!({ "name": "reach", "config": { "measure": true }, "sandbox": { "grants": grants } })
}

/// A grant names a secret by way of a vault: the plugin has it, and another one after the file has changed.
#[tokio::test]
async fn a_granted_secret_stands_in_a_vault_and_is_followed_under_traffic() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("key"), "S3-short\n")?;
    let upstream = Upstream::saying("hello").await?;
    let gateway = node(folder.path()).await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    let uploaded = gateway.upload(component("tests/guests/reach")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    let vault = json!({ "prefix": "mine", "name": "file", "config": { "ttl": 0.1 } });
    gateway.apply(Method::POST, "/vaults", &vault).await?;
    for (case, reference, want) in [
        ("no such vault", "{vault://yours/key}", "there is no vault yours"),
        ("no such file", "{vault://mine/none}", "none"),
    ] {
        let refused = gateway.admin(Method::POST, "/routes/demo/plugins", &granted(reference)).await?;
        assert!(refused.status == 400 && refused.text().contains(want), "{case}: {}", refused.text());
    }
    let made = assign(&gateway, "demo", &granted("{vault://mine/key}")).await?;
    let length = |wanted: &'static str| move |answer: &Answer| answer.header("x-key-length") == wanted;
    gateway.wait_for("the plugin has it", PATIENCE, "/demo", length("8")).await?;
    let load = Load::start(gateway.proxy, 4, "/demo", &[], |answer| match answer.header("x-key-length") {
        "8" | "20" => Ok(()),
        other => Err(format!("{} {other}", answer.status)),
    });
    std::fs::write(folder.path().join("key"), "S3-of-another-length")?;
    let took = gateway.wait_for("it has the new one", PATIENCE, "/demo", length("20")).await?;
    let report = load.stop().await;
    assert!(report.failures.is_empty(), "{:?}", report.failures.first());
    println!("a granted secret that changed was in use after {took:?}; {} requests, 0 failed", report.good);
    assert_eq!(made["sandbox"]["grants"]["secrets"]["names"]["key"], "{vault://mine/key}");
    assert!(!gateway.log().contains("S3-"), "no value in the log");
    Ok(())
}

/// The vault comes with the file that names it, and none that is not in the file is asked.
#[tokio::test]
async fn a_file_brings_the_vaults_of_its_grants() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("key"), "S3-short\n")?;
    let upstream = Upstream::saying("hello").await?;
    let files = folder.path().display().to_string();
    let gateway = gateway().set("WEIR_DATABASE", "off").set("WEIR_VAULT_FILES", files).spawn()?;
    let up = || async { gateway.admin(Method::GET, "/status", &Value::Null).await.is_ok() };
    eventually("the Admin API is up", Duration::from_secs(180), up).await?;
    let uploaded = gateway.upload(component("tests/guests/reach")?).await?;
    anyhow::ensure!(uploaded.status == 201, "{}", uploaded.text());
    let file = |vaults: Value| {
        let route = json!({ "name": "demo", "paths": ["/demo"], "plugins": [granted("{vault://mine/key}")] });
        let service = json!({ "name": "demo", "url": upstream.url(), "routes": [route] });
        json!({ "_format_version": "3.0", "services": [service], "vaults": vaults })
    };
    let vault = json!({ "prefix": "mine", "name": "file", "config": { "ttl": 0.1 } });
    gateway.apply(Method::POST, "/config", &file(json!([vault]))).await?;
    let length = |answer: &Answer| answer.header("x-key-length") == "8";
    gateway.wait_for("the plugin has it", PATIENCE, "/demo", length).await?;
    let refused = gateway.admin(Method::POST, "/config", &file(json!([]))).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("there is no vault mine"), "{}", refused.text());
    Ok(())
}

#[tokio::test]
async fn a_reference_without_a_value_is_a_fault_until_it_has_one() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (upstream, logs) = (Upstream::saying("hello").await?, Upstream::saying("").await?);
    let gateway = node(folder.path()).await?;
    serve(&gateway, "demo", &upstream.url()).await?;
    for (case, token, want) in [
        ("no place", "{vault://env}", "invalid reference: a reference names something in the vault"),
        ("no vault", "{vault:///x}", "invalid reference: a reference names a vault"),
    ] {
        let refused = gateway.admin(Method::POST, "/plugins", &log_to(&logs, token)).await?;
        assert_eq!(refused.status, 400, "{case}: {}", refused.text());
        assert!(refused.text().contains(want), "{case}: {}", refused.text());
    }
    let mut wanted = log_to(&logs, "{vault://file/later/token}");
    wanted["sandbox"] = json!({ "on_failure": "closed" });
    let made = assign(&gateway, "demo", &wanted).await?;
    assert_eq!(made["config"]["headers"]["authorization"], "{vault://file/later/token}");
    let fault =
        || async { faults(&gateway).await.is_ok_and(|text| text.contains("{vault://file/later/token}")) };
    eventually("the fault is listed", PATIENCE, fault).await?;
    assert!(faults(&gateway).await?.contains("fails as its policy says"));
    std::fs::create_dir(folder.path().join("later"))?;
    std::fs::write(folder.path().join("later/token"), "S3-came-later")?;
    logged(&gateway, &logs, "S3-came-later").await?;
    let gone = || async { faults(&gateway).await.is_ok_and(|text| !text.contains("later/token")) };
    eventually("the fault is gone", PATIENCE, gone).await?;
    let path = format!("/plugins/{}", made["id"].as_str().unwrap_or_default());
    let environment = json!({ "config": { "headers": { "authorization": "{vault://env/billing-token}" } } });
    gateway.apply(Method::PATCH, &path, &environment).await?;
    logged(&gateway, &logs, "S3-out-of-the-environment").await?;
    // A file of the machine, below no allowed folder.
    let foreign = json!({ "config": { "headers": { "authorization": "{vault://file/etc/hostname}" } } });
    gateway.apply(Method::PATCH, &path, &foreign).await?;
    let fault = || async { faults(&gateway).await.is_ok_and(|text| text.contains("in an allowed place")) };
    eventually("the fault is listed", PATIENCE, fault).await?;
    assert!(faults(&gateway).await?.contains("goes on as configured before"));
    logged(&gateway, &logs, "S3-out-of-the-environment").await?;
    assert!(!gateway.log().contains("S3-"), "no value in the log");
    Ok(())
}

/// The whole of a handshake's first certificate, as clients see it.
async fn shown(gateway: &Gateway, name: &str) -> Option<Vec<u8>> {
    let tcp = TcpStream::connect(gateway.beside).await.ok()?;
    let stream = handshake(tcp, name, &usual(&["http/1.1"]).ok()?).await.ok()?;
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().map(|certificate| certificate.to_vec())
}

#[tokio::test]
async fn a_certificate_that_stands_in_files_is_shown_and_followed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = Authority::new("ca")?;
    let write = |issued: &Issued| -> anyhow::Result<Vec<u8>> {
        // The key first: a look in between finds two that do not belong together, and shows the pair before.
        std::fs::write(folder.path().join("tls.key"), &issued.key)?;
        std::fs::write(folder.path().join("tls.crt"), &issued.chain)?;
        gateway_tests::der(&issued.chain)
    };
    let first = write(&authority.issue(&["shop.example.com"])?)?;
    let gateway =
        gateway().set("WEIR_VAULT_FILES", folder.path().display().to_string()).beside("ssl").start().await?;
    let vault = json!({ "prefix": "mine", "name": "file", "config": { "ttl": 0.1 } });
    gateway.apply(Method::POST, "/vaults", &vault).await?;
    let certificate = json!({
        "cert": "{vault://mine/tls.crt}", "key": "{vault://mine/tls.key}", "snis": ["shop.example.com"],
    });
    let made = gateway.apply(Method::POST, "/certificates", &certificate).await?;
    assert_eq!(made["key"], "{vault://mine/tls.key}", "the Admin API shows the reference");
    let is_shown = async |wanted: &[u8]| {
        let shown = || async { shown(&gateway, "shop.example.com").await.as_deref() == Some(wanted) };
        eventually("the certificate is shown", PATIENCE, shown).await
    };
    is_shown(&first).await?;
    let second = write(&authority.issue(&["shop.example.com"])?)?;
    assert_ne!(first, second);
    is_shown(&second).await?;
    std::fs::remove_file(folder.path().join("tls.key"))?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    is_shown(&second).await?;
    assert!(shown(&gateway, "shop.example.com").await.as_deref() == Some(&second), "the last value is used");
    let key = std::fs::read_to_string(gateway.prefix().join("last_good/catalog.jsonl"))?;
    assert!(key.contains("{vault://mine/tls.key}") && !key.contains("PRIVATE KEY"), "the value is not saved");
    let missing = json!({ "cert": "{vault://mine/none.crt}", "key": "{vault://mine/none.key}" });
    gateway.apply(Method::POST, "/certificates", &missing).await?;
    let told = || async { faults(&gateway).await.is_ok_and(|text| text.contains("none.crt")) };
    eventually("the fault is told", PATIENCE, told).await?;
    is_shown(&second).await.map(drop)
}
