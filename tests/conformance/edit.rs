//! head-edit: edits in their order, on both ways.

use gateway_tests::Client;
use serde_json::{Value, json};

use crate::language::{Site, text};

pub(crate) async fn head_edit(site: &Site) -> anyhow::Result<()> {
    let config = json!({
        "remove": ["x-gone", "x-both"],
        "set": { "x-set": "new", "x-both": "set" },
        "append": { "x-more": "2", "x-both": "appended" },
        "response_set": { "x-answer": "yes", "content-type": "text/x" },
        "path_prefix": "/before",
    });
    let live = |answer: &gateway_tests::Answer| answer.header("x-answer") == "yes";
    site.live(("edit", "head-edit"), config, live).await?;
    let sent = [("x-case", "edit"), ("x-gone", "1"), ("x-set", "old"), ("x-more", "1"), ("x-both", "old")];
    let answer = site.gateway.get("/edit/a?b=c", &sent).await?;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "upstream"));
    assert_eq!((answer.header("x-answer"), answer.header("content-type")), ("yes", "text/x"));
    let seen = site.seen("edit").expect("the request");
    for (name, want) in [("x-gone", ""), ("x-set", "new"), ("x-more", "1,2"), ("x-both", "set,appended")] {
        assert_eq!(text(&seen, name), want, "{name}");
    }
    // The route's path is stripped after the plugin has spoken, unless what it said no longer has it.
    assert!(seen.target.starts_with("/before/") && seen.target.ends_with("/a?b=c"), "{}", seen.target);
    repeated(site).await?;
    request_alone(site).await?;
    names(site).await
}

/// The same request again gets its verdict without a call, and the same edits.
async fn repeated(site: &Site) -> anyhow::Result<()> {
    // Enough for each worker to have been asked before.
    for number in 0..20 {
        let case = format!("again-{number}");
        let answer = site.gateway.get("/edit/again", &[("x-case", &case), ("x-gone", "1")]).await?;
        assert_eq!((answer.status.as_u16(), answer.header("x-answer")), (200, "yes"), "{case}");
        let seen = site.seen(&case).expect("the request");
        assert_eq!(
            (text(&seen, "x-gone"), text(&seen, "x-set")),
            (String::new(), "new".to_owned()),
            "{case}"
        );
        assert!(seen.target.starts_with("/before/"), "{case}: {}", seen.target);
    }
    let page = Client::connect(site.gateway.status).await?.get("/metrics", &[]).await?.text();
    let name = format!(r#"plugin="{}""#, site.name("head-edit"));
    let repeated = page.lines().find(|line| {
        line.starts_with("weir_plugin_calls_total{")
            && [name.as_str(), r#"outcome="repeated""#].iter().all(|part| line.contains(part))
    });
    let count = repeated.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= 10), "{repeated:?}");
    Ok(())
}

/// Without a header for responses the phase is not there, and nothing changes on the way back.
async fn request_alone(site: &Site) -> anyhow::Result<()> {
    site.live(("edit-request", "head-edit"), json!({ "set": { "x-only": "é\t~" } }), |_| true).await?;
    gateway_tests::eventually("the edit is live", crate::setup::PATIENCE, || async {
        // What is sent before the assignment is live is not edited.
        _ = site.gateway.get("/edit-request", &[("x-case", "request")]).await;
        site.seen("request").is_some_and(|seen| text(&seen, "x-only") == "é\t~")
    })
    .await?;
    let answer = site.gateway.get("/edit-request", &[("x-case", "request")]).await?;
    assert_eq!(answer.header("x-answer"), "");
    assert_eq!(answer.status, 200);
    Ok(())
}

/// A schema cannot say it, so `configure` does: with a pointer to the name.
async fn names(site: &Site) -> anyhow::Result<()> {
    for (config, name) in [
        (json!({ "set": { "Bad": "1", "good": "2" } }), "Bad"),
        (json!({ "append": { "a b": "1" } }), "a b"),
        (json!({ "response_set": { "UP": "1" } }), "UP"),
        (json!({ "set": { "": "1" } }), ""),
    ] {
        let answer = site.assign("edit-wrong", "head-edit", config.clone()).await?;
        assert_eq!(answer.status, 400, "{config}: {}", answer.text());
        let field = config.as_object().and_then(|fields| fields.keys().next().cloned()).unwrap_or_default();
        let fields = &answer.json()["fields"]["config"][&field];
        assert!(
            fields[name].is_string() || name.is_empty() && *fields != Value::Null,
            "{config}: {}",
            answer.text()
        );
    }
    let answer = site.assign("edit-wrong", "head-edit", json!({ "remove": ["Bad"] })).await?;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let answer = site.assign("edit-wrong", "head-edit", json!({ "unknown": 1 })).await?;
    assert_eq!(answer.status, 400, "{}", answer.text());
    Ok(())
}
