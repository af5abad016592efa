//! Uploads, versions, activation and rollback.

use serde_json::{Value, json};

use super::{Admin, AdminSettings, Reply};

fn component(version: &str, properties: Value) -> String {
    json!({"name": "greeter", "version": version, "schema": {"type": "object", "properties": properties}})
        .to_string()
}

async fn upload(admin: &Admin, path: &str, component: &str) -> Reply {
    admin.typed("POST", path, "application/wasm", component.to_owned()).await
}

fn first() -> String {
    component("1.0.0", json!({"greeting": {"type": "string", "default": "hello"}}))
}

#[tokio::test]
async fn an_upload_is_assignable_at_once() {
    let admin = Admin::new().await;
    let made = upload(&admin, "/custom-plugins", &first()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    for (field, want) in [
        ("name", json!("greeter")),
        ("version", json!("1.0.0")),
        ("active_version", json!("1.0.0")),
        ("phases", json!(["request-head"])),
        ("cost", json!({"describe_us": 12})),
    ] {
        assert_eq!(made.body[field], want, "{field}");
    }
    assert_eq!(made.body["digest"].as_str().map(str::len), Some(64));
    let again = upload(&admin, "/custom-plugins", &first()).await;
    assert_eq!(
        (again.status, &again.body),
        (200, &made.body),
        "the same component again is the same document"
    );
    let plugin = admin.json("POST", "/plugins", json!({"name": "greeter"})).await;
    assert_eq!(
        (plugin.status, &plugin.body["config"]),
        (201, &json!({"greeting": "hello"})),
        "{}",
        plugin.body
    );
    assert!(admin.get("/").await.body["plugins"]["available_on_server"].get("greeter").is_some());
    assert_eq!(admin.get("/schemas/plugins/greeter").await.status, 200);
    let refused = admin
        .json(
            "POST",
            "/schemas/plugins/validate",
            json!({"name": "greeter", "config": {"greeting": "forbidden"}}),
        )
        .await;
    assert_eq!(
        refused.body["fields"],
        json!({"config": {"greeting": "is not polite"}}),
        "the component's own problems"
    );
    assert_eq!(admin.get("/custom-plugins").await.body["data"][0]["name"], "greeter");
    assert_eq!(admin.get("/custom-plugins/greeter/versions").await.body["data"][0]["version"], "1.0.0");
    assert_eq!(admin.get("/custom-plugins/greeter/versions/1.0.0").await.status, 200);
    assert_eq!(admin.get("/custom-plugins/greeter/versions/2").await.status, 404);
}

#[tokio::test]
async fn uploads_that_cannot_be_say_why() {
    let admin = Admin::with(AdminSettings { max_component_bytes: 2000, ..AdminSettings::default() }).await;
    upload(&admin, "/custom-plugins", &first()).await;
    let other = component("1.0.0", json!({"greeting": {"type": "string", "default": "hallo"}}));
    let remote = json!({"name": "x", "schema": {"$ref": "https://example.com/x"}}).to_string();
    let bundled = json!({"name": "key-auth", "schema": {"type": "object", "properties": {}}}).to_string();
    for (case, body, status, reason) in [
        ("empty", String::new(), 400, Some("empty")),
        ("not a component", "\0asm".to_owned(), 400, Some("not_a_component")),
        ("too busy", json!({"name": "busy"}).to_string(), 503, Some("compiler_busy")),
        ("remote schema", remote, 400, Some("schema_remote_ref")),
        ("another digest", other, 409, None),
        ("name of a bundled plugin", bundled, 409, None),
        ("too large", "x".repeat(2001), 413, None),
    ] {
        let reply = upload(&admin, "/custom-plugins", &body).await;
        assert_eq!((reply.status, reply.body["reason"].as_str()), (status, reason), "{case}: {}", reply.body);
        assert!(reply.body["message"].as_str().is_some_and(|text| !text.is_empty()), "{case}");
    }
    assert_eq!(admin.typed("POST", "/custom-plugins", "text/plain", "x").await.status, 415);
    assert_eq!(upload(&admin, "/custom-plugins?activate=maybe", &first()).await.status, 400);
    assert_eq!(
        admin.get("/custom-plugins").await.body["data"].as_array().unwrap().len(),
        1,
        "nothing was kept"
    );
}

#[tokio::test]
async fn a_new_version_takes_over_its_assignments_or_stays_out() {
    let admin = Admin::new().await;
    upload(&admin, "/custom-plugins", &first()).await;
    let id = admin.make("/plugins", json!({"name": "greeter", "config": {"greeting": "ahoy"}})).await;
    let second = component(
        "2.0.0",
        json!({"greeting": {"type": "string", "default": "hello"}, "loud": {"type": "boolean", "default": true}}),
    );
    assert_eq!(upload(&admin, "/custom-plugins", &second).await.body["active_version"], "2.0.0");
    assert_eq!(
        admin.get(&format!("/plugins/{id}")).await.body["config"],
        json!({"greeting": "ahoy", "loud": true}),
        "the assignment got the new default"
    );
    let third = component(
        "3.0.0",
        json!({"greeting": {"type": "integer", "default": 1}, "loud": {"type": "boolean", "default": true}}),
    );
    let refused = upload(&admin, "/custom-plugins", &third).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body["assignments"][0],
        json!({"id": id, "instance_name": null, "fields": {"config": {"greeting": "expected an integer"}}})
    );
    assert_eq!(
        admin.get("/custom-plugins/greeter").await.body["active_version"],
        "2.0.0",
        "the old one stays active"
    );
    let kept = upload(&admin, "/custom-plugins?activate=false", &third).await;
    assert_eq!((kept.status, &kept.body["active_version"]), (201, &json!("2.0.0")));
    let patch = |version: &str| json!({ "active_version": version });
    let back = admin.json("PATCH", "/custom-plugins/greeter", patch("1.0.0")).await;
    assert_eq!(back.status, 400, "1.0.0 knows no `loud`: {}", back.body);
    assert!(back.body["message"].as_str().unwrap().contains("config.loud: unknown field"), "{}", back.body);
    assert_eq!(admin.call("DELETE", &format!("/plugins/{id}")).await.status, 204);
    assert_eq!(
        admin.json("PATCH", "/custom-plugins/greeter", patch("1.0.0")).await.body["active_version"],
        "1.0.0"
    );
    assert_eq!(
        admin.json("PATCH", "/custom-plugins/greeter", patch("9")).await.body["fields"],
        json!({"active_version": "expected one of: 1.0.0, 2.0.0, 3.0.0"})
    );
}

#[tokio::test]
async fn what_is_used_cannot_be_deleted() {
    let admin = Admin::new().await;
    upload(&admin, "/custom-plugins", &first()).await;
    let id = admin.make("/plugins", json!({"name": "greeter"})).await;
    let refused = admin.call("DELETE", "/custom-plugins/greeter").await;
    assert_eq!(
        (refused.status, &refused.body["code"], &refused.body["message"]),
        (400, &json!(4), &json!("an existing 'plugins' entity references this 'custom_plugins' entity"))
    );
    let active = admin.call("DELETE", "/custom-plugins/greeter/versions/1.0.0").await;
    assert_eq!(
        (active.status, &active.body["message"]),
        (400, &json!("version 1.0.0 is active; make another version active first"))
    );
    let second = component("2.0.0", json!({}));
    upload(&admin, "/custom-plugins?activate=false", &second).await;
    assert_eq!(admin.call("DELETE", "/custom-plugins/greeter/versions/2.0.0").await.status, 204);
    assert_eq!(admin.get("/custom-plugins/greeter/versions").await.body["data"].as_array().unwrap().len(), 1);
    admin.call("DELETE", &format!("/plugins/{id}")).await;
    assert_eq!(admin.call("DELETE", "/custom-plugins/greeter").await.status, 204);
    assert_eq!(admin.json("POST", "/plugins", json!({"name": "greeter"})).await.status, 400);
}

#[tokio::test]
async fn a_form_carries_grants_and_limits() {
    let admin = Admin::new().await;
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let form = |fields: &[(&str, &str)]| {
        let parts: String = fields.iter().map(|(name, value)| part(name, value)).collect();
        format!("{parts}--b--\r\n")
    };
    let component = first();
    let good = form(&[
        ("component", &component),
        ("grants", r#"{"http-client":{"hosts":["a.test"]}}"#),
        ("limits.memory_mib", "16"),
        ("on_failure", "open"),
        ("tags[]", "t"),
    ]);
    let made = admin.typed("POST", "/custom-plugins", "multipart/form-data; boundary=b", good).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["grants"], json!({"http-client": {"hosts": ["a.test"]}}));
    assert_eq!(
        (&made.body["limits"]["memory_mib"], &made.body["on_failure"], &made.body["tags"]),
        (&json!(16), &json!("open"), &json!(["t"]))
    );
    for (case, fields, want) in [
        (
            "unknown",
            vec![("component", component.as_str()), ("grant", "x")],
            json!({"grant": "unknown field"}),
        ),
        (
            "range",
            vec![("component", &component), ("limits.memory_mib", "0")],
            json!({"limits": {"memory_mib": "value should be between 1 and 4096"}}),
        ),
    ] {
        let admin = Admin::new().await;
        let reply =
            admin.typed("POST", "/custom-plugins", "multipart/form-data; boundary=b", form(&fields)).await;
        assert_eq!((reply.status, &reply.body["fields"]), (400, &want), "{case}");
    }
    let patched =
        admin.json("PATCH", "/custom-plugins/greeter", json!({"on_failure": "closed", "name": "x"})).await;
    assert_eq!(patched.body["fields"], json!({"name": "immutable field cannot be updated"}));
    let patched =
        admin.json("PATCH", "/custom-plugins/greeter", json!({"on_failure": "closed", "grants": {}})).await;
    assert_eq!((&patched.body["on_failure"], &patched.body["grants"]), (&json!("closed"), &json!({})));
}

#[tokio::test]
async fn capabilities_must_be_granted_and_stay_so() {
    let admin = Admin::new().await;
    upload(&admin, "/custom-plugins", &first()).await;
    let wanted = json!({"name": "greeter", "config": {"greeting": "fetch"}});
    let text = "the plugin needs capabilities that are not granted: http-client";
    let refused = admin.json("POST", "/plugins", wanted.clone()).await;
    assert_eq!((refused.status, &refused.body["fields"]), (400, &json!({"sandbox": {"grants": text}})));
    let granted = json!({"grants": {"http-client": {"hosts": ["a.test"]}}});
    assert_eq!(admin.json("PATCH", "/custom-plugins/greeter", granted).await.status, 200);
    let id = admin.make("/plugins", wanted).await;
    let taken = admin.json("PATCH", "/custom-plugins/greeter", json!({"grants": {}})).await;
    assert_eq!(
        (taken.status, &taken.body["assignments"][0]["id"]),
        (400, &json!(id)),
        "an assignment needs the grant"
    );
    let own = json!({"sandbox": {"grants": {"http-client": {}}, "on_failure": "open"}});
    assert_eq!(admin.json("PATCH", &format!("/plugins/{id}"), own).await.status, 200);
    assert_eq!(admin.json("PATCH", "/custom-plugins/greeter", json!({"grants": {}})).await.status, 200);
}
