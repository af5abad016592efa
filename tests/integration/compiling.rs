//! The compiler is a process with limits of its own: what costs too much ends there.

use std::path::PathBuf;
use std::time::Duration;

use gateway_tests::{Gateway, Upstream, eventually};
use http::Method;
use serde_json::json;

use crate::costly::costly;
use crate::setup::{gateway, header_edit, serve};

/// The limits and the state of the gateway's compiler process, if one runs now.
fn compiler_limits(gateway: &Gateway) -> Option<String> {
    let parent = format!("PPid:\t{}\n", gateway.pid());
    let processes = std::fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let mut children = processes.filter(|process| {
        let read = |name: &str| std::fs::read_to_string(process.join(name)).unwrap_or_default();
        read("status").contains(&parent) && read("cmdline").contains("__compile")
    });
    let child: PathBuf = children.next()?;
    let read = |name: &str| std::fs::read_to_string(child.join(name)).ok();
    Some(read("limits")? + &read("status")?)
}

/// How many filters of system calls a process is under.
fn filters(status: &str) -> u32 {
    let row = status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:"));
    row.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_component_that_is_too_expensive_to_compile_is_refused_and_requests_go_on() -> anyhow::Result<()> {
    // It has compiled the bundled plugins without this limit, and the next one finds them compiled.
    drop(gateway().start().await?);
    let gateway = gateway().set("WEIR_PLUGIN_COMPILE_TIME", "2").start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    let own = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid()))?;
    let (refused, confined) = tokio::join!(gateway.upload(costly()), async {
        let confined = eventually("the compiler confines itself", Duration::from_secs(20), || async {
            let limits = compiler_limits(&gateway).unwrap_or_default();
            let row = |name: &str, most: &str| {
                limits.lines().any(|line| line.starts_with(name) && line.contains(most))
            };
            row("Max cpu time", " 2 ")
                && row("Max address space", " 2147483648 ")
                && row("Max core file size", " 0 ")
                && row("Max file size", " 0 ")
                // Filters of its own, beside those of the gateway.
                && filters(&limits) > filters(&own)
        });
        confined.await.and(Ok(gateway.get("/a", &[]).await?.status))
    });
    assert_eq!(confined?, 200, "requests are served meanwhile");
    let refused = refused?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["reason"], "compile", "{}", refused.text());
    // Processor time, or wall time where others want the processor too.
    let words = ["hit its limits", "took longer than 4 s"];
    assert!(words.iter().any(|words| refused.text().contains(words)), "{}", refused.text());
    let kept = gateway.apply(Method::GET, "/custom-plugins", &json!(null)).await?;
    assert_eq!(kept["data"], json!([]), "nothing of it was kept");
    Ok(())
}

#[tokio::test]
async fn an_honest_component_compiles_within_the_defaults() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let uploaded = gateway.upload(header_edit("0.1.0")?).await?;
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    Ok(())
}
