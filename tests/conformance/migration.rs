//! fixed-limit takes over what was written for an earlier version, or says why it does not.

use http::Method;
use serde_json::{Value, json};

use crate::language::Site;
use crate::setup::{PATIENCE, component_with};

/// Comes before other assignments of the plugin: their configurations are nothing to the earlier version.
pub(crate) async fn migration(site: &Site) -> anyhow::Result<()> {
    let name = site.name("fixed-limit");
    let plugin = format!("/custom-plugins/{name}");
    let earlier = component_with("tests/guests/earlier", &[("WEIR_EARLIER_NAME", &name)])?;
    let answer = site.gateway.upload(earlier).await?;
    assert_eq!(answer.json()["active_version"], "0.0.1", "{}", answer.text());
    let per_minute = |answer: &gateway_tests::Answer| answer.header("x-per-minute") == "3";
    site.live(("moved", "fixed-limit"), json!({ "per_minute": 3 }), per_minute).await?;
    let answer = site.assign("moved-not", "fixed-limit", json!({ "per_minute": 0 })).await?;
    let zero = format!("/plugins/{}", answer.json()["id"].as_str().unwrap_or_default());

    let activate = json!({ "active_version": "0.1.0" });
    let refused = site.gateway.admin(Method::PATCH, &plugin, &activate).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("version 0.0.1 let nothing through"), "{}", refused.text());
    site.gateway.apply(Method::DELETE, &zero, &Value::Null).await?;
    let active = site.gateway.apply(Method::PATCH, &plugin, &activate).await?;
    assert_eq!(active["migrated"][0]["before"], json!({ "per_minute": 3 }), "{active}");
    assert_eq!(active["migrated"][0]["after"], json!({ "limit": 3, "window_ms": 60_000 }), "{active}");
    let limited = |answer: &gateway_tests::Answer| answer.header("x-limit-remaining") == "2";
    site.gateway.wait_for("the limit that was taken over", PATIENCE, "/moved", limited).await?;
    Ok(())
}
