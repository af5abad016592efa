//! Who may do what, and attempts to do more.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{Admin, AdminSettings, Reply};
use crate::config::{AccessSettings, Proofs};
use crate::model::REDACTED;

const ROOT: &str = "a-token-of-the-settings";

/// An Admin API that asks for tokens.
async fn guarded() -> Admin {
    let proofs = Proofs { token: true, certificate: false };
    let access = AccessSettings { proofs, token: Some(ROOT.into()), ..AccessSettings::default() };
    Admin::with(AdminSettings { access, ..AdminSettings::default() }).await
}

impl Admin {
    /// A call with a token.
    async fn by(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        let request = Request::builder().method(method).uri(path).header("kong-admin-token", token);
        let (request, body) = if body.is_null() {
            (request, Body::empty())
        } else {
            (request.header("content-type", "application/json"), Body::from(body.to_string()))
        };
        self.send(request.body(body).unwrap()).await
    }

    async fn by_root(&self, method: &str, path: &str, body: Value) -> Reply {
        let reply = self.by(ROOT, method, path, body).await;
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.body);
        reply
    }

    async fn token(&self, body: Value) -> String {
        self.by_root("POST", "/admin-tokens", body).await.body["token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn strangers_are_told_how_to_come_in() {
    let admin = guarded().await;
    for (case, name, value) in [
        ("nothing", "x-nothing", "x"),
        ("a wrong token", "authorization", "Bearer weir_nope"),
        ("another scheme", "authorization", "Basic YTpi"),
        ("Kong's header", "kong-admin-token", "nope"),
    ] {
        for path in ["/", "/status", "/services", "/nowhere", "/admin-tokens"] {
            let request = Request::builder().uri(path).header(name, value).body(Body::empty()).unwrap();
            let reply = admin.send(request).await;
            assert_eq!(
                (reply.status, &reply.body),
                (401, &json!({"message": "Unauthorized"})),
                "{case} {path}"
            );
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    let bearer = format!("Bearer {ROOT}");
    let request = Request::builder().uri("/").header("authorization", bearer).body(Body::empty()).unwrap();
    assert_eq!(admin.send(request).await.status, 200);
    assert_eq!(admin.call("OPTIONS", "/services").await.status, 204, "a preflight carries no token");
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked_at_once() {
    let admin = guarded().await;
    let made = admin.by_root("POST", "/admin-tokens", json!({"name": "ci", "role": "operator"})).await;
    assert_eq!(made.status, 201);
    let token = made.body["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("weir_"), "{token}");
    for path in ["/admin-tokens", "/admin-tokens/ci"] {
        let shown = admin.by_root("GET", path, Value::Null).await;
        let text = String::from_utf8_lossy(&shown.bytes).into_owned();
        assert!(text.contains("\"ci\"") && !text.contains("digest") && !text.contains(&token), "{text}");
    }
    assert_eq!(admin.by(&token, "POST", "/services", json!({"host": "a.test"})).await.status, 201);
    assert_eq!(admin.by_root("DELETE", "/admin-tokens/ci", Value::Null).await.status, 204);
    assert_eq!(admin.by(&token, "GET", "/services", Value::Null).await.status, 401);
    for (case, body) in [
        ("no role", json!({"name": "x"})),
        ("no such role", json!({"name": "x", "role": "god"})),
        ("a digest of one's own", json!({"name": "x", "role": "admin", "digest": "0"})),
        ("no name", json!({"role": "admin"})),
    ] {
        assert_eq!(admin.by(ROOT, "POST", "/admin-tokens", body).await.body["code"], 2, "{case}");
    }
}

#[tokio::test]
async fn no_role_lifts_itself() {
    let admin = guarded().await;
    for role in ["read-only", "plugin-author", "operator"] {
        let token = admin.token(json!({"name": role, "role": role})).await;
        for (method, path) in [
            ("POST", "/admin-tokens"),
            ("GET", "/admin-tokens"),
            ("GET", "/default/admin-tokens"),
            ("GET", "/admin-tokens/"),
            ("HEAD", "/admin-tokens"),
            ("DELETE", "/admin-tokens/operator"),
            ("GET", "/audit/requests"),
            ("GET", "/audit/objects"),
        ] {
            let reply = admin.by(&token, method, path, json!({"name": "x", "role": "admin"})).await;
            assert_eq!(reply.status, 403, "{role}: {method} {path}: {}", reply.body);
        }
        for path in ["/admin_tokens", "/admin%2Dtokens"] {
            assert_eq!(admin.by(&token, "GET", path, Value::Null).await.status, 404, "{role}: {path}");
        }
    }
    let scoped = admin.token(json!({"name": "s", "role": "admin", "scope": ["a"]})).await;
    let more = json!({"name": "more", "role": "admin"});
    assert_eq!(admin.by(&scoped, "POST", "/admin-tokens", more).await.status, 403, "a scope is never left");
}

#[tokio::test]
async fn a_reader_sees_everything_but_secrets() {
    let admin = guarded().await;
    admin.by_root("POST", "/consumers", json!({"username": "c"})).await;
    let key = json!({"key": "s3cret-key", "consumer": {"username": "c"}});
    let key = admin.by_root("POST", "/key-auths", key).await.body["id"].clone();
    admin.by_root("POST", "/consumers/c/basic-auth", json!({"username": "u", "password": "s3cret"})).await;
    admin.by_root("POST", "/consumers/c/jwt", json!({"key": "iss", "secret": "s3cret-jwt"})).await;
    let config = json!({"minute": 5, "redis": {"host": "h", "port": 1}});
    admin.by_root("POST", "/plugins", json!({"name": "rate-limiting", "config": config})).await;
    let reader = admin.token(json!({"name": "r", "role": "read-only"})).await;
    let by_id = format!("/key-auths/{}", key.as_str().unwrap());
    for path in [
        "/key-auths",
        by_id.as_str(),
        "/key-auths/s3cret-key",
        "/consumers/c/key-auth",
        "/consumers/c/key-auth/s3cret-key",
        "/basic-auths",
        "/consumers/c/basic-auth/u",
        "/jwts",
        "/jwts/iss",
    ] {
        let reply = admin.by(&reader, "GET", path, Value::Null).await;
        let text = String::from_utf8_lossy(&reply.bytes).into_owned();
        assert!(reply.status == 200 && text.contains(REDACTED), "{path}: {text}");
        assert!(!text.contains("s3cret"), "{path}: {text}");
    }
    let plugins = admin.by(&reader, "GET", "/plugins", Value::Null).await.body;
    assert_eq!(plugins["data"][0]["config"]["minute"], 5, "what is no secret is shown: {plugins}");
    for (method, path) in [
        ("POST", "/services"),
        ("PATCH", "/consumers/c"),
        ("PUT", "/consumers/c"),
        ("DELETE", "/consumers/c"),
        ("DELETE", "/cache"),
        ("POST", "/schemas/services/validate"),
        ("GET", "/config"),
        ("POST", "/config"),
    ] {
        assert_eq!(admin.by(&reader, method, path, json!({})).await.status, 403, "{method} {path}");
    }
}

/// Two teams, `a` with a token of its own and `b`, and what belongs to nobody.
async fn teams() -> (Admin, String) {
    let admin = guarded().await;
    for (path, body) in [
        ("/services", json!({"name": "sa", "host": "a.test", "tags": ["a"]})),
        ("/services", json!({"name": "sb", "host": "b.test", "tags": ["b"]})),
        ("/services", json!({"name": "s0", "host": "0.test"})),
        ("/routes", json!({"name": "ra", "paths": ["/a"], "service": {"name": "sa"}, "tags": ["a"]})),
        ("/routes", json!({"name": "rb", "paths": ["/b"], "service": {"name": "sb"}, "tags": ["b"]})),
        ("/consumers", json!({"username": "ca", "tags": ["a"]})),
        ("/consumers", json!({"username": "cb", "custom_id": "cb", "tags": ["b"]})),
        ("/consumers/ca/key-auth", json!({"key": "untagged-key"})),
        ("/consumers/cb/key-auth", json!({"key": "key-of-b", "tags": ["b"]})),
        ("/consumer_groups", json!({"name": "ga", "tags": ["a"]})),
        ("/consumer_groups", json!({"name": "gb", "tags": ["b"]})),
        ("/upstreams", json!({"name": "ub", "tags": ["b"]})),
        ("/upstreams/ub/targets", json!({"target": "t.test:80", "tags": ["b"]})),
        ("/vaults", json!({"name": "env", "prefix": "my-env", "tags": ["a"]})),
    ] {
        admin.by_root("POST", path, body).await;
    }
    let token = admin.token(json!({"name": "team-a", "role": "operator", "scope": ["a"]})).await;
    (admin, token)
}

#[tokio::test]
async fn what_is_out_of_scope_is_not_there() {
    let (admin, token) = teams().await;
    for path in [
        "/services/sb",
        "/services/s0",
        "/routes/rb/service",
        "/services/sb/routes",
        "/services/sb/routes/rb",
        "/consumers/cb/key-auth",
        "/key-auths/key-of-b",
        "/key-auths/key-of-b/consumer",
        "/key-auths/untagged-key",
        "/consumers/ca/key-auth/untagged-key",
        "/consumer_groups/gb",
        "/consumer_groups/gb/consumers",
        "/upstreams/ub/targets",
        "/upstreams/ub/health",
        "/upstreams/ub/targets/all",
        "/default/services/sb",
    ] {
        assert_eq!(admin.by(&token, "GET", path, Value::Null).await.status, 404, "{path}");
    }
    for path in [
        "/services",
        "/services?tags=b",
        "/services?tags=a/b",
        "/services?tags=a,b",
        "/services?size=1",
        "/routes",
        "/consumers",
        "/consumers?custom_id=cb",
        "/key-auths",
        "/consumer_groups",
        "/upstreams",
        "/targets",
        "/tags",
        "/tags/b",
        "/services/sa/routes",
        "/consumers/ca/key-auth",
        "/consumers/ca/consumer_groups",
        "/plugins",
    ] {
        let text =
            String::from_utf8_lossy(&admin.by(&token, "GET", path, Value::Null).await.bytes).into_owned();
        let foreign = ["\"b\"", "sb", "rb", "\"cb\"", "key-of-b", "untagged-key", "s0", "gb", "ub"];
        assert!(!foreign.iter().any(|word| text.contains(word)), "{path}: {text}");
    }
    let own = admin.by(&token, "GET", "/services", Value::Null).await.body;
    assert_eq!((own["data"].as_array().unwrap().len(), &own["next"]), (1, &Value::Null), "{own}");
    // An offset that was made for somebody else leads nowhere else.
    let offset = admin.by_root("GET", "/services?size=1", Value::Null).await.body["offset"].clone();
    let page =
        admin.by(&token, "GET", &format!("/services?offset={}", offset.as_str().unwrap()), Value::Null).await;
    assert!(!String::from_utf8_lossy(&page.bytes).contains("sb"), "{}", page.body);
}

/// An attempt, its method, path and body, and how it is answered.
type Attempt = (&'static str, &'static str, String, Value, u16);

/// Ways to change what belongs to team `b`, or to nobody; `a` and `b` are ids of services.
#[expect(clippy::too_many_lines, reason = "a list of attempts")]
fn attempts(a: &str, b: &str) -> Vec<Attempt> {
    let host = json!({"host": "evil.test", "tags": ["a"]});
    let named = json!({"name": "sb", "host": "evil.test", "tags": ["a"]});
    vec![
        ("PATCH of another's", "PATCH", "/services/sb".to_owned(), host.clone(), 404),
        ("PATCH by id", "PATCH", format!("/services/{b}"), host.clone(), 404),
        ("PUT over another's", "PUT", "/services/sb".into(), host.clone(), 403),
        ("PUT over another's id", "PUT", format!("/services/{b}"), host.clone(), 403),
        ("PUT with another's name", "PUT", format!("/services/{a}"), named.clone(), 409),
        (
            "POST with another's id",
            "POST",
            "/services".into(),
            json!({"id": b, "host": "e.test", "tags": ["a"]}),
            400,
        ),
        ("POST with another's name", "POST", "/services".into(), named, 409),
        ("POST without a tag", "POST", "/services".into(), json!({"host": "e.test"}), 403),
        (
            "POST with another's tag",
            "POST",
            "/services".into(),
            json!({"host": "e.test", "tags": ["b"]}),
            403,
        ),
        ("the tag goes", "PATCH", "/services/sa".into(), json!({"tags": ["b"]}), 403),
        ("all tags go", "PATCH", "/services/sa".into(), json!({"tags": null}), 403),
        ("the tag goes by PUT", "PUT", "/services/sa".into(), json!({"host": "e.test"}), 403),
        ("a nested POST", "POST", "/services/sb/routes".into(), json!({"paths": ["/x"], "tags": ["a"]}), 404),
        (
            "a nested PUT",
            "PUT",
            "/services/sb/routes/rb".into(),
            json!({"paths": ["/x"], "tags": ["a"]}),
            404,
        ),
        ("a nested DELETE", "DELETE", "/services/sb/routes/rb".into(), Value::Null, 404),
        ("a parent", "PATCH", "/routes/rb/service".into(), host.clone(), 404),
        (
            "a reference by id",
            "POST",
            "/routes".into(),
            json!({"paths": ["/x"], "service": {"id": b}, "tags": ["a"]}),
            400,
        ),
        (
            "a reference by name",
            "POST",
            "/routes".into(),
            json!({"paths": ["/x"], "service": {"name": "sb"}, "tags": ["a"]}),
            400,
        ),
        ("a reference that moves", "PATCH", "/routes/ra".into(), json!({"service": {"id": b}}), 400),
        (
            "a plugin for another's",
            "POST",
            "/plugins".into(),
            json!({"name": "key-auth", "service": {"id": b}, "tags": ["a"]}),
            400,
        ),
        (
            "a plugin for everybody",
            "POST",
            "/plugins".into(),
            json!({"name": "key-auth", "tags": ["a"]}),
            403,
        ),
        (
            "a credential for another's",
            "POST",
            "/key-auths".into(),
            json!({"consumer": {"username": "cb"}, "tags": ["a"]}),
            400,
        ),
        ("a vault", "POST", "/vaults".into(), json!({"name": "env", "prefix": "x-env", "tags": ["a"]}), 403),
        ("a tagged vault", "PATCH", "/vaults/my-env".into(), json!({"description": "x"}), 403),
        ("a tagged vault goes", "DELETE", "/vaults/my-env".into(), Value::Null, 403),
        (
            "a reference into the environment",
            "POST",
            "/consumers/ca/jwt".into(),
            json!({"secret": "{vault://env/pg-password}", "tags": ["a"]}),
            403,
        ),
        ("a cascade over what is not tagged", "DELETE", "/consumers/ca".into(), Value::Null, 403),
        ("another's group", "POST", "/consumers/ca/consumer_groups".into(), json!({"group": "gb"}), 404),
        (
            "another's consumer",
            "POST",
            "/consumer_groups/ga/consumers".into(),
            json!({"consumer": "cb"}),
            404,
        ),
        ("everything", "POST", "/config".into(), json!({"_format_version": "3.0"}), 403),
        ("the cache", "DELETE", "/cache".into(), Value::Null, 403),
        ("DELETE of another's", "DELETE", "/services/sb".into(), Value::Null, 204),
        ("DELETE by id", "DELETE", format!("/services/{b}"), Value::Null, 204),
    ]
}

#[tokio::test]
async fn nothing_out_of_scope_is_changed() {
    let (admin, token) = teams().await;
    let id = |body: &Value| body["id"].as_str().unwrap().to_owned();
    let b = id(&admin.by_root("GET", "/services/sb", Value::Null).await.body);
    let a = id(&admin.by_root("GET", "/services/sa", Value::Null).await.body);
    let before = admin.by_root("GET", "/tags", Value::Null).await.body;
    for (case, method, path, body, want) in attempts(&a, &b) {
        let reply = admin.by(&token, method, &path, body).await;
        assert_eq!(reply.status, want, "{case}: {}", reply.body);
    }
    assert_eq!(admin.by_root("GET", "/tags", Value::Null).await.body, before);
    assert_eq!(admin.by_root("GET", "/services/sb", Value::Null).await.body["host"], "b.test");
    let memberships = admin.by_root("GET", "/consumers/cb/consumer_groups", Value::Null).await.body;
    assert_eq!(memberships["consumer_groups"], json!([]));
}

#[tokio::test]
async fn a_team_works_with_what_is_its_own() {
    let (admin, token) = teams().await;
    for (method, path, body, want) in [
        ("POST", "/services", json!({"name": "s2", "host": "a.test", "tags": ["a", "x"]}), 201),
        ("PATCH", "/services/s2", json!({"host": "a2.test"}), 200),
        ("PUT", "/services/s3", json!({"host": "a3.test", "tags": ["a"]}), 200),
        ("POST", "/services/s2/routes", json!({"name": "r2", "paths": ["/2"], "tags": ["a"]}), 201),
        ("POST", "/services/s2/plugins", json!({"name": "key-auth", "tags": ["a"]}), 201),
        ("POST", "/consumer_groups/ga/consumers", json!({"consumer": "ca"}), 201),
        ("DELETE", "/consumer_groups/ga/consumers/ca", Value::Null, 204),
        ("POST", "/consumers", json!({"username": "c2", "tags": ["a"]}), 201),
        ("POST", "/consumers/c2/key-auth", json!({"key": "k2", "tags": ["a"]}), 201),
        ("DELETE", "/consumers/c2", Value::Null, 204),
        ("DELETE", "/routes/r2", Value::Null, 204),
        ("DELETE", "/services/s2", Value::Null, 204),
        ("GET", "/", Value::Null, 200),
        ("GET", "/schemas/services", Value::Null, 200),
    ] {
        let reply = admin.by(&token, method, path, body).await;
        assert_eq!(reply.status, want, "{method} {path}: {}", reply.body);
    }
    // Above them all, an entity with a secret reference of an administrator's stays writable.
    let jwt = json!({"key": "i", "secret": "{vault://env/x}", "tags": ["a"]});
    admin.by_root("POST", "/consumers/ca/jwt", jwt).await;
    let kept = admin.by(&token, "PATCH", "/consumers/ca/jwt/i", json!({"tags": ["a", "b"]})).await;
    assert_eq!(kept.status, 200, "{}", kept.body);
}
