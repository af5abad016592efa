//! log-line: a line for each exchange, in the gateway's log, with what the exchange was.

use serde_json::json;

use crate::language::Site;
use crate::setup::PATIENCE;

pub(crate) async fn log_line(site: &Site) -> anyhow::Result<()> {
    let config = json!({ "message": "seen by the plugin" });
    let answer = site.assign("log", "log-line", config).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let lines = |path: &str| {
        let needle = format!("(\"path\", \"{path}\")");
        // In a JSON log quotes have backslashes.
        let log = site.gateway.log().replace('\\', "");
        log.lines().filter(|line| line.contains(&needle)).map(str::to_owned).collect::<Vec<_>>()
    };
    gateway_tests::eventually("the assignment is live", PATIENCE, || async {
        _ = site.gateway.get("/log/first", &[]).await;
        !lines("/log/first").is_empty()
    })
    .await?;
    // More than one batch.
    for at in 0..25 {
        let answer = site.gateway.get(&format!("/log/{at}?q=1"), &[]).await?;
        assert_eq!(answer.status, 200);
    }
    gateway_tests::eventually("every exchange has its line", PATIENCE, || async {
        (0..25).all(|at| lines(&format!("/log/{at}")).len() == 1)
    })
    .await?;
    let line = lines("/log/7").concat();
    for words in [
        "seen by the plugin",
        "(\"method\", \"GET\")",
        "(\"status\", \"200\")",
        "(\"request_id\", \"",
        &site.name("log-line"),
    ] {
        assert!(line.contains(words), "{words}: {line}");
    }
    let id = line.split("(\"request_id\", \"").nth(1).unwrap_or_default();
    assert!(!id.starts_with('"'), "an id: {line}");
    let answer = site.assign("log-wrong", "log-line", json!({ "message": 1 })).await?;
    assert_eq!(answer.status, 400, "{}", answer.text());
    Ok(())
}
