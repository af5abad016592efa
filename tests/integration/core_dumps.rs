//! What a gateway has in its memory stays there: no core dump is written, and nobody else of its user reads it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use gateway_tests::{Client, Gateway};
use http::Method;
use serde_json::{Value, json};

use crate::sealing::load;
use crate::setup::gateway;

/// Anonymous memory alone: it holds all that the gateway was told, and a dump of it is small.
const ANONYMOUS: &str = "0x1";
/// Bytes of a dump. Each memory that a plugin had would add 4 GiB, and all nineteen that are bundled have had one.
const LARGEST: u64 = 4 << 30;
/// A user without rights, for tests that root runs.
const NOBODY: &str = "65534";

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether the kernel writes core dumps into the working folder, rather than hand them to a program.
fn dumps_into_folder() -> bool {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    !pattern.starts_with(['|', '/'])
}

fn core_in(folder: &Path) -> Option<PathBuf> {
    let mut files = std::fs::read_dir(folder).ok()?.flatten();
    files.find(|file| file.file_name().to_string_lossy().starts_with("core")).map(|file| file.path())
}

/// How many of the secrets are in a file that is too large to be read at once.
fn found_in(file: &Path, secrets: &BTreeMap<String, String>) -> anyhow::Result<usize> {
    let mut command = Command::new("grep");
    command.args(["-a", "-o", "-F"]);
    for secret in secrets.values() {
        command.arg("-e").arg(secret);
    }
    let said = command.arg(file).output().context("grep")?.stdout;
    let text = String::from_utf8_lossy(&said).into_owned();
    Ok(secrets.values().filter(|secret| text.lines().any(|line| line == secret.as_str())).count())
}

/// The limit of core dumps of a process, soft and hard.
fn core_limit(gateway: &Gateway) -> anyhow::Result<[String; 2]> {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.pid()))?;
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).context("a limit")?;
    let mut words = line.split_whitespace().skip(4);
    let mut word = || words.next().map(str::to_owned).context("two limits");
    Ok([word()?, word()?])
}

/// Two secrets that a gateway has in its memory for certain, since it was asked for them.
async fn two(gateway: &Gateway) -> anyhow::Result<BTreeMap<String, String>> {
    gateway.apply(Method::PUT, "/consumers/joe", &json!({})).await?;
    let mut secrets = BTreeMap::new();
    for key in ["S3-in-a-dump-000001", "S3-in-a-dump-000002"] {
        gateway.apply(Method::POST, "/consumers/joe/key-auth", &json!({ "key": key })).await?;
        gateway.apply(Method::GET, &format!("/key-auths/{key}"), &Value::Null).await?;
        secrets.insert(key.to_owned(), key.to_owned());
    }
    Ok(secrets)
}

/// What is left of a gateway that a signal ended: the core dump, if there is one, and what was in its memory.
async fn crashed(core_dumps: &str, signal: &str) -> anyhow::Result<(Gateway, BTreeMap<String, String>)> {
    // Where the user may, so that nothing else stands in the way of a dump.
    let builder = if is_root() { gateway().under(&["prlimit", "--core=unlimited"]) } else { gateway() };
    let mut gateway = builder.set("WEIR_CORE_DUMPS", core_dumps).start().await?;
    let secrets = if core_dumps == "off" { load(&gateway).await? } else { two(&gateway).await? };
    _ = std::fs::write(format!("/proc/{}/coredump_filter", gateway.pid()), ANONYMOUS);
    let limit = core_limit(&gateway)?;
    if core_dumps == "off" {
        assert_eq!(limit, ["0", "0"], "the limit is shut");
    } else if is_root() {
        assert_eq!(limit, ["unlimited", "unlimited"]);
    }
    for _ in 0..100 {
        gateway.signal(signal)?;
        // The first SIGSEGV that no memory access has caused only takes a handler away.
        if let Ok(status) = gateway.ended(Duration::from_secs(1)).await {
            assert!(!status.success(), "{status}");
            return Ok((gateway, secrets));
        }
    }
    anyhow::bail!("{signal} does not end it")
}

#[tokio::test]
async fn a_crash_leaves_no_secret_behind() -> anyhow::Result<()> {
    for signal in ["SEGV", "ABRT"] {
        let (gateway, _) = crashed("off", signal).await?;
        assert_eq!(core_in(gateway.prefix()), None, "{signal}");
    }
    let (gateway, secrets) = crashed("on", "ABRT").await?;
    if !is_root() || !dumps_into_folder() {
        println!(
            "left out: whether there is a dump where it is allowed, since this machine keeps none in a folder"
        );
        return Ok(());
    }
    let core = core_in(gateway.prefix()).context("a core dump, as it was asked for")?;
    let size = std::fs::metadata(&core)?.len();
    assert!(size < LARGEST, "what is reserved for plugins is left out: {size} bytes");
    let found = found_in(&core, &secrets)?;
    println!("where it is allowed, a core dump holds {found} of {} secrets", secrets.len());
    assert_eq!(found, secrets.len(), "the search finds what is there");
    Ok(())
}

/// Runs a program as the user of a gateway that root has started as nobody.
fn as_its_user(words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    }
    Ok(command.args(words).output()?)
}

#[tokio::test]
async fn others_of_its_user_read_nothing_of_a_gateway() -> anyhow::Result<()> {
    // Root may read everything, so root has it run as somebody else from the first moment.
    let nobody = format!(
        "chown -R {NOBODY}:{NOBODY} . && exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups \"$@\""
    );
    for (core_dumps, want) in [("off", false), ("on", true)] {
        let builder = if is_root() { gateway().under(&["sh", "-c", &nobody, "sh"]) } else { gateway() };
        let gateway = builder.set("WEIR_CORE_DUMPS", core_dumps).start().await?;
        // Of `mem` the kernel may let nobody know in any case.
        let files = ["environ", "maps", "fd/0", "mem"];
        for file in files.iter().take(if want { 3 } else { 4 }) {
            let path = format!("/proc/{}/{file}", gateway.pid());
            let read = as_its_user(&["dd", &format!("if={path}"), "bs=1", "count=0", "status=none"])?;
            let said = String::from_utf8_lossy(&read.stderr);
            assert_eq!(read.status.success(), want, "core_dumps={core_dumps}: {file}: {said}");
            assert!(want || said.contains("ermission denied"), "{said}");
        }
        // It reads about itself what it needs to know.
        let metrics = Client::connect(gateway.status).await?.get("/metrics", &[]).await?.text();
        for name in ["process_resident_memory_bytes", "process_open_fds"] {
            let figure = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            ensure!(figure.is_some_and(|figure| figure > 0.0), "{name} is {figure:?}");
        }
    }
    Ok(())
}
