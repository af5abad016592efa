//! fixed-limit: what is left, and what happens when nothing is.

use serde_json::json;

use crate::language::Site;

pub(crate) async fn fixed_limit(site: &Site) -> anyhow::Result<()> {
    // A window of a day: no test runs into its end but one at midnight, which then has two.
    let config = json!({ "limit": 5, "window_ms": 86_400_000 });
    let has = |answer: &gateway_tests::Answer| !answer.header("x-limit-remaining").is_empty();
    site.live(("limit", "fixed-limit"), config, has).await?;
    let mut left = Vec::new();
    let refused = loop {
        let answer = site.gateway.get("/limit", &[("x-case", "limit")]).await?;
        if answer.status != 200 {
            break answer;
        }
        left.push(answer.header("x-limit-remaining").parse::<u64>()?);
        anyhow::ensure!(left.len() <= 10, "no end: {left:?}");
    };
    assert_eq!(left, (0..left.len() as u64).rev().collect::<Vec<_>>(), "counted down to 0");
    assert!(left.len() >= 3, "{left:?}");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["message"], "Too many requests", "{}", refused.text());
    assert_eq!(refused.header("x-limit-remaining"), "");
    let wait = refused.header("retry-after").parse::<u64>()?;
    assert!((1..=86_400).contains(&wait), "whole seconds: {wait}");
    for config in
        [json!({}), json!({ "limit": 0 }), json!({ "limit": 1, "window_ms": 0 }), json!({ "limit": "1" })]
    {
        let answer = site.assign("limit-wrong", "fixed-limit", config.clone()).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
    }
    Ok(())
}
