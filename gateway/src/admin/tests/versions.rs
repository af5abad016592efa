//! Candidates, migrations, signatures, and the steps of an upload on more than one node.

use serde_json::{Value, json};

use super::{Admin, Reply};
use crate::admin::custom_plugins;

/// A signature in base64, of nothing.
fn signature(byte: u8) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([byte; 64])
}

fn component(version: &str, fields: &[&str], migrates: bool) -> String {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|name| ((*name).to_owned(), json!({"type": ["string", "null"]}))).collect();
    json!({
        "name": "greeter", "version": version, "migrates": migrates,
        "schema": {"type": "object", "properties": properties},
    })
    .to_string()
}

async fn upload(admin: &Admin, query: &str, component: String) -> Reply {
    admin.typed("POST", &format!("/custom-plugins{query}"), "application/wasm", component).await
}

/// Version 1 with one assignment, and version 2 beside it; gives the assignment's id.
async fn two_versions(admin: &Admin, greeting: &str) -> String {
    upload(admin, "", component("1", &["greeting"], false)).await;
    let id = admin.make("/plugins", json!({"name": "greeter", "config": {"greeting": greeting}})).await;
    let second = upload(admin, "?activate=false", component("2", &["words", "from"], true)).await;
    assert_eq!(second.status, 201, "{}", second.body);
    id
}

#[tokio::test]
async fn a_version_turns_configurations_into_its_own_and_shows_them_first() {
    let admin = Admin::new().await;
    let id = two_versions(&admin, "ahoy").await;
    let activate = json!({"active_version": "2"});
    let shown = admin.json("PATCH", "/custom-plugins/greeter?dry_run=true", activate.clone()).await;
    let migrated = json!([{
        "id": id, "instance_name": null,
        "before": {"greeting": "ahoy"}, "after": {"words": "ahoy", "from": "1"},
    }]);
    assert_eq!((shown.status, &shown.body["migrated"]), (200, &migrated), "{}", shown.body);
    assert_eq!((&shown.body["dry_run"], &shown.body["active_version"]), (&json!(true), &json!("2")));
    assert_eq!(admin.get("/custom-plugins/greeter").await.body["active_version"], "1", "nothing was written");
    let config = |reply: Reply| reply.body["config"].clone();
    assert_eq!(config(admin.get(&format!("/plugins/{id}")).await), json!({"greeting": "ahoy"}));
    let done = admin.json("PATCH", "/custom-plugins/greeter", activate).await;
    assert_eq!((&done.body["migrated"], done.body.get("dry_run")), (&migrated, None));
    assert_eq!(config(admin.get(&format!("/plugins/{id}")).await), json!({"words": "ahoy", "from": "1"}));
}

#[tokio::test]
async fn a_configuration_that_is_not_migrated_keeps_the_version_out() {
    let admin = Admin::new().await;
    let id = two_versions(&admin, "lost").await;
    for query in ["", "?dry_run=true"] {
        let path = format!("/custom-plugins/greeter{query}");
        let refused = admin.json("PATCH", &path, json!({"active_version": "2"})).await;
        assert_eq!((refused.status, &refused.body["assignments"][0]["id"]), (400, &json!(id)), "{query}");
        let fields = &refused.body["assignments"][0]["fields"];
        assert_eq!(fields["@migration"], "it has no words", "{}", refused.body);
    }
    assert_eq!(admin.get("/custom-plugins/greeter").await.body["active_version"], "1");
}

#[tokio::test]
async fn a_candidate_is_tried_out_and_held_on_to() {
    let admin = Admin::new().await;
    two_versions(&admin, "ahoy").await;
    let patch = |body: Value| admin.json("PATCH", "/custom-plugins/greeter", body);
    let begun = patch(json!({"canary": {"version": "2", "percent": 20}})).await;
    let want =
        json!({"version": "2", "percent": 20, "by": "random", "max_failure_percent": 5, "min_calls": 100});
    assert_eq!((begun.status, &begun.body["canary"]), (200, &want), "{}", begun.body);
    assert_eq!(patch(json!({"canary": {"by": "consumer"}})).await.body["canary"]["percent"], 20, "one field");
    assert_eq!(admin.get("/custom-plugins/greeter/versions/2").await.body["role"], "candidate");
    assert_eq!(admin.get("/custom-plugins/greeter/versions/1").await.body["role"], "active");
    let refused = admin.call("DELETE", "/custom-plugins/greeter/versions/2").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body["message"].as_str().unwrap().contains("is being tried out"), "{}", refused.body);
    for (case, body, field) in [
        ("no such version", json!({"canary": {"version": "9"}}), "canary"),
        ("more than all", json!({"canary": {"percent": 101}}), "canary"),
        ("by nothing known", json!({"canary": {"by": "moon"}}), "canary"),
        ("a rollback of one's own", json!({"rollback": {"version": "2"}}), "rollback"),
    ] {
        let refused = patch(body).await;
        assert_eq!(refused.status, 400, "{case}: {}", refused.body);
        assert!(refused.body["fields"].get(field).is_some(), "{case}: {}", refused.body);
    }
    let active = patch(json!({"active_version": "2"})).await;
    assert_eq!((&active.body["active_version"], &active.body["canary"]), (&json!("2"), &Value::Null));
}

#[tokio::test]
async fn a_candidate_that_fits_no_assignment_is_refused() {
    let admin = Admin::new().await;
    let id = two_versions(&admin, "lost").await;
    let refused = admin.json("PATCH", "/custom-plugins/greeter", json!({"canary": {"version": "2"}})).await;
    assert_eq!(
        (refused.status, &refused.body["assignments"][0]["id"]),
        (400, &json!(id)),
        "{}",
        refused.body
    );
    assert_eq!(admin.get("/custom-plugins/greeter").await.body["canary"], Value::Null);
}

#[tokio::test]
async fn signatures_come_beside_a_component_and_may_come_later() {
    let admin = Admin::new().await;
    let first = component("1", &["greeting"], false);
    let made = upload(&admin, "", first.clone()).await;
    assert_eq!(made.body["signatures"], json!([]));
    let form = |signature: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"component\"\r\n\r\n{first}\r\n--b\r\n\
             Content-Disposition: form-data; name=\"signature\"\r\n\r\n{signature}\r\n--b--\r\n"
        )
    };
    let media = "multipart/form-data; boundary=b";
    for (case, signature, want) in [
        ("a later signature", signature(1), json!([signature(1)])),
        ("the same again", signature(1), json!([signature(1)])),
        ("another key's", signature(2), json!([signature(1), signature(2)])),
    ] {
        let signed = admin.typed("POST", "/custom-plugins", media, form(&signature)).await;
        assert_eq!((signed.status, &signed.body["signatures"]), (200, &want), "{case}: {}", signed.body);
    }
    let refused = admin.typed("POST", "/custom-plugins", media, form("short")).await;
    assert_eq!((refused.status, refused.body["fields"].get("signature").is_some()), (400, true));
    let packages = admin.get("/custom-plugins/greeter/versions/1/packages").await;
    assert_eq!(packages.body["packages"], json!(["serde"]));
}

#[tokio::test]
async fn a_reference_is_pulled_or_the_answer_says_why_not() {
    let admin = Admin::new().await;
    let failed = admin.json("POST", "/custom-plugins", json!({"reference": "r/p@sha256:0"})).await;
    assert_eq!((failed.status, &failed.body["reason"]), (503, &json!("not_pulled")), "{}", failed.body);
    for (case, body, field) in [
        ("none", json!({}), "reference"),
        ("not a text", json!({"reference": 1}), "reference"),
        ("unknown", json!({"reference": "r/p@sha256:0", "tag": "x"}), "tag"),
    ] {
        let refused = admin.json("POST", "/custom-plugins", body).await;
        assert_eq!(refused.status, 400, "{case}");
        assert!(refused.body["fields"].get(field).is_some(), "{case}: {}", refused.body);
    }
}

#[tokio::test]
async fn a_plugin_that_breaks_off_while_it_is_configured_is_told_by_field() {
    let admin = Admin::new().await;
    upload(&admin, "", component("1", &["greeting"], false)).await;
    let broke = json!({"name": "greeter", "config": {"greeting": "breaks"}});
    let refused = admin.json("POST", "/plugins", broke).await;
    let text = "the plugin failed while it was configured: the plugin trapped: unreachable";
    assert_eq!((refused.status, &refused.body["fields"]), (400, &json!({"config": text})));
}

#[tokio::test]
async fn what_is_assigned_is_named_when_its_deletion_is_refused() {
    let admin = Admin::new().await;
    let id = two_versions(&admin, "ahoy").await;
    let refused = admin.call("DELETE", "/custom-plugins/greeter").await;
    let fields = &refused.body["fields"];
    assert_eq!((refused.status, &fields["@referenced_by"]), (400, &json!("plugins")));
    assert_eq!(fields["assignments"], json!([{"id": id, "instance_name": null}]));
}

#[tokio::test]
async fn an_announced_version_is_active_only_once_it_is_activated() {
    let admin = Admin::new().await;
    upload(&admin, "", component("1", &["greeting"], false)).await;
    let steps =
        custom_plugins::steps(&admin.state, component("2", &["greeting", "loud"], false)).await.unwrap();
    let active: Vec<_> = steps.iter().map(|step| step["active_version"].clone()).collect();
    assert_eq!(active, ["1", "2"], "announced, then activated");
    assert_eq!(steps[0]["versions"].as_array().map(Vec::len), Some(2), "the others hear of it in time");
    let first = custom_plugins::steps(&admin.state, component("3", &[], false)).await.unwrap();
    assert_eq!(first[0]["active_version"], "2");
}
