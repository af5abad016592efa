//! The Admin API of a running gateway, on both databases: every kind, every path, and bad input.

use bytes::Bytes;
use gateway_tests::{Answer, Client, Database, Gateway, Postgres, request};
use http::Method;
use serde_json::{Value, json};

use crate::setup::{gateway, root};

const ID: &str = "11111111-1111-4111-8111-111111111111";

/// A gateway on each database.
async fn both() -> anyhow::Result<Vec<(&'static str, Gateway)>> {
    let postgres = Database::Postgres(Postgres::shared()?.database()?);
    Ok(vec![("SQLite", gateway().start().await?), ("Postgres", gateway().database(postgres).start().await?)])
}

/// One kind: its collection, what makes one, a change, and the key that stands for the id.
struct Case {
    path: &'static str,
    make: Value,
    change: Value,
    key: Option<&'static str>,
}

fn case(path: &'static str, make: Value, change: Value, key: Option<&'static str>) -> Case {
    Case { path, make, change, key }
}

fn cases() -> anyhow::Result<Vec<Case>> {
    let pem = |name: &str| std::fs::read_to_string(root().join("tests/data/pem").join(name));
    let owner = |mut body: Value| {
        body["consumer"] = json!({ "username": "owner" });
        body
    };
    let tags = || json!({ "tags": ["changed"] });
    let certificate = json!({ "cert": pem("rsa.crt")?, "key": pem("rsa.key")?, "snis": ["c.test"] });
    let jwk = json!({ "kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    Ok(vec![
        case("/services", json!({ "name": "s", "url": "http://a.test" }), json!({ "port": 81 }), Some("s")),
        case("/routes", json!({ "name": "r", "paths": ["/r"] }), json!({ "strip_path": false }), Some("r")),
        case("/consumers", json!({ "username": "c" }), json!({ "custom_id": "x" }), Some("c")),
        case(
            "/plugins",
            json!({ "name": "key-auth", "instance_name": "i" }),
            json!({ "enabled": false }),
            Some("i"),
        ),
        case("/upstreams", json!({ "name": "u.test" }), json!({ "slots": 100 }), Some("u.test")),
        case(
            "/upstreams/pool/targets",
            json!({ "target": "a.test:80" }),
            json!({ "weight": 1 }),
            Some("a.test:80"),
        ),
        case("/certificates", certificate, tags(), Some("c.test")),
        case("/ca_certificates", json!({ "cert": pem("ca.crt")? }), tags(), None),
        case(
            "/vaults",
            json!({ "name": "env", "prefix": "my-env" }),
            json!({ "description": "d" }),
            Some("my-env"),
        ),
        case("/key-sets", json!({ "name": "ks" }), tags(), Some("ks")),
        case("/keys", json!({ "name": "k", "kid": "1", "jwk": jwk.to_string() }), tags(), Some("k")),
        case("/acls", owner(json!({ "group": "g" })), tags(), None),
        case("/basic-auths", owner(json!({ "username": "b", "password": "p" })), tags(), Some("b")),
        case("/hmac-auths", owner(json!({ "username": "h" })), tags(), Some("h")),
        case("/jwts", owner(json!({ "key": "j" })), tags(), Some("j")),
        case("/key-auths", owner(json!({ "key": "ka" })), tags(), Some("ka")),
        case("/oauth2", owner(json!({ "name": "o", "client_id": "oid" })), tags(), Some("oid")),
        case(
            "/oauth2_tokens",
            json!({ "credential": { "client_id": "app" }, "expires_in": 1, "access_token": "t" }),
            json!({ "scope": "s" }),
            Some("t"),
        ),
        case("/consumer_groups", json!({ "name": "cg" }), tags(), Some("cg")),
    ])
}

/// What other cases refer to.
async fn prepare(gateway: &Gateway) -> anyhow::Result<()> {
    gateway.apply(Method::POST, "/consumers", &json!({ "username": "owner" })).await?;
    gateway.apply(Method::POST, "/upstreams", &json!({ "name": "pool" })).await?;
    let app = json!({ "name": "app", "client_id": "app" });
    gateway.apply(Method::POST, "/consumers/owner/oauth2", &app).await?;
    Ok(())
}

#[tokio::test]
async fn every_kind_lives_on_both_databases() -> anyhow::Result<()> {
    for (database, gateway) in both().await? {
        prepare(&gateway).await?;
        for case in cases()? {
            lives(&gateway, &case)
                .await
                .map_err(|error| error.context(format!("{} on {database}", case.path)))?;
        }
    }
    Ok(())
}

async fn lives(gateway: &Gateway, case: &Case) -> anyhow::Result<()> {
    let made = gateway.apply(Method::POST, case.path, &case.make).await?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    let by_id = format!("{}/{id}", case.path);
    let by_key = format!("{}/{}", case.path, case.key.unwrap_or(&id));
    // A group is shown with its members beside it; an assignment may be for one.
    let group = |answer: &Value| answer.get("consumer_group").filter(|group| group.is_object()).cloned();
    let shown = |answer: &Value| group(answer).unwrap_or_else(|| answer.clone());
    assert_eq!(shown(&gateway.apply(Method::GET, &by_id, &Value::Null).await?), made);
    assert_eq!(shown(&gateway.apply(Method::GET, &by_key, &Value::Null).await?), made, "by its key");
    let again = gateway.admin(Method::POST, case.path, &with(&case.make, &json!({ "id": id }))).await?;
    assert!([400, 409].contains(&again.status.as_u16()), "made twice: {}", again.text());
    let changed = gateway.apply(Method::PATCH, &by_key, &case.change).await?;
    assert_eq!(with(&changed, &case.change), changed, "the change is there");
    let put = gateway.apply(Method::PUT, &by_id, &case.make).await?;
    assert_eq!(put["id"], made["id"]);
    let listed = gateway.apply(Method::GET, &format!("{}?size=1000", case.path), &Value::Null).await?;
    let found = listed["data"].as_array().into_iter().flatten().any(|found| found["id"] == made["id"]);
    assert!(found, "it is listed: {listed}");
    assert_eq!(gateway.admin(Method::DELETE, &by_key, &Value::Null).await?.status, 204);
    assert_eq!(gateway.admin(Method::GET, &by_id, &Value::Null).await?.status, 404);
    Ok(())
}

/// `body` with the fields of `more` laid over it.
fn with(body: &Value, more: &Value) -> Value {
    let mut body = body.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// Each path of Kong's is answered, or the page on compatibility names it.
#[tokio::test]
async fn every_path_of_kong_is_served_or_explained() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let page = std::fs::read_to_string(root().join("docs/kong-compatibility.md"))?;
    let (_, unserved) = page.split_once("## Paths that are not served").unwrap_or_default();
    let (unserved, _) = unserved.split_once("\n## ").unwrap_or_default();
    let paths = std::fs::read_to_string(root().join("tests/data/kong-3.9.3-endpoints.tsv"))?;
    let mut asked = 0;
    let mut faults = Vec::new();
    for line in paths.lines().skip(1) {
        let mut columns = line.split('\t');
        let (path, methods) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let is_part = |part: &str| part.starts_with('{');
        let real: Vec<&str> = path.split('/').map(|part| if is_part(part) { ID } else { part }).collect();
        let real = real.join("/");
        let options = gateway.admin(Method::OPTIONS, &real, &Value::Null).await?;
        let is_explained = unserved.contains(&format!("`{path}`"));
        if (options.status == 404) != is_explained {
            faults.push(format!("{path}: {}, and explained: {is_explained}", options.status));
        }
        if options.status == 404 {
            continue;
        }
        asked += 1;
        let allow = options.header("allow").to_owned();
        faults.extend(ask(&gateway, (path, &real), methods, &allow).await?);
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(asked > 120, "{asked} paths were asked");
    Ok(())
}

/// Sends each of the methods, and says what is wrong with the answers.
async fn ask(
    gateway: &Gateway,
    (path, real): (&str, &str),
    methods: &str,
    allow: &str,
) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for method in methods.split(' ') {
        let answer = gateway.admin(Method::from_bytes(method.as_bytes())?, real, &Value::Null).await?;
        if !allow.split(", ").any(|known| known == method) || !is_an_answer(path, method, &answer) {
            faults.push(format!("{method} {path} ({allow}): {} {}", answer.status, answer.text()));
        }
    }
    Ok(faults)
}

/// Not a failure of ours, not a method that is not there, and in the form that clients read.
fn is_an_answer(path: &str, method: &str, answer: &Answer) -> bool {
    // A parent is only deleted where nothing refers to it.
    let may_refuse = method == "DELETE";
    let status = answer.status.as_u16();
    let form = match path {
        "/metrics" => !answer.body.is_empty(),
        _ => status == 204 || answer.json().is_object(),
    };
    form && (status < 500 || path == "/status/dns") && (status != 405 || may_refuse)
}

/// Sends bytes as they are.
async fn send(
    gateway: &Gateway,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> anyhow::Result<Answer> {
    let json = [("content-type", "application/json")];
    Client::connect(gateway.admin).await?.send(request(method, path, &json, body)?).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn bad_input_is_answered_and_breaks_nothing() -> anyhow::Result<()> {
    let deep =
        |open: &str, close: &str| format!("{{\"host\":{}{}}}", open.repeat(10_000), close.repeat(10_000));
    let long = "x".repeat(9 << 20);
    let many: Vec<String> = (0..1000).map(|number| format!("t{number}")).collect();
    let parse = "Cannot parse JSON body";
    for (database, gateway) in both().await? {
        for (case, path, body, status, message) in [
            ("depth", "/services", deep("[", "]"), 400, parse),
            ("depth of records", "/services", deep("{\"a\":", "}"), 400, parse),
            ("half a body", "/services", "{\"host\":".to_owned(), 400, parse),
            ("a number beyond all", "/services", "{\"port\":1e999}".to_owned(), 400, parse),
            (
                "a number beyond 2^53",
                "/services",
                "{\"host\":\"a\",\"port\":9007199254740993}".to_owned(),
                400,
                "schema violation (port: expected an integer)",
            ),
            (
                "a number beyond 64 bits",
                "/services",
                "{\"host\":\"a\",\"port\":18446744073709551616}".to_owned(),
                400,
                "schema violation (port: expected an integer)",
            ),
            (
                "NUL in a name",
                "/services",
                "{\"host\":\"a\",\"name\":\"a\\u0000\"}".to_owned(),
                400,
                "schema violation (name: invalid value 'a\0': the only accepted ascii characters are alphanumerics or ., -, _, and ~)",
            ),
            (
                "NUL in a tag",
                "/services",
                "{\"host\":\"a\",\"tags\":[\"\\u0000\"]}".to_owned(),
                400,
                "schema violation (tags.1: invalid tag '\0': expected printable ascii (except `,` and `/`) or valid utf-8 sequences)",
            ),
            ("half a surrogate", "/services", "{\"host\":\"\\ud800\"}".to_owned(), 400, parse),
            ("not allowed there", "/consumers", format!("{{\"id\":\"{long}\"}}"), 400, ""),
        ] {
            let reply = send(&gateway, Method::POST, path, body).await?;
            let said = reply.json()["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!(reply.status, status, "{case} on {database}: {}", said.get(..300).unwrap_or(&said));
            assert!(message.is_empty() || said == message, "{case} on {database}: {said}");
        }
        let utf8 = send(&gateway, Method::POST, "/services", &b"{\"host\":\"\xff\xfe\"}"[..]).await?;
        assert_eq!((utf8.status.as_u16(), utf8.json()["message"].as_str()), (400, Some(parse)), "{database}");
        let large = send(&gateway, Method::POST, "/consumers", vec![b' '; (10 << 20) + 1]).await?;
        assert_eq!(large.status, 413, "{database}");

        // What is odd, and yet allowed, is kept and found again.
        let twice = send(&gateway, Method::POST, "/services", "{\"host\":\"a\",\"host\":\"b\"}").await?;
        assert_eq!(twice.json()["host"], "b", "the last of two keys counts, on {database}");
        let body = json!({ "username": long, "tags": many });
        let huge = gateway.apply(Method::POST, "/consumers", &body).await?;
        assert_eq!(huge["tags"].as_array().map(Vec::len), Some(1000), "{database}");
        let clash = gateway.admin(Method::POST, "/consumers", &body).await?;
        assert_eq!(clash.status, 409, "{database}");
        let nul = gateway.apply(Method::POST, "/consumers", &json!({ "username": "n\0l" })).await?;
        let found = gateway.apply(Method::GET, "/consumers/n%00l", &Value::Null).await?;
        assert_eq!(found["id"], nul["id"], "{database}");
        for (name, path) in [("ä/ö", "%C3%A4%2F%C3%B6"), ("a b", "a%20b"), ("%41", "%2541"), ("..", "%2E%2E")]
        {
            let made = gateway.apply(Method::POST, "/consumers", &json!({ "username": name })).await?;
            let found = gateway.apply(Method::GET, &format!("/consumers/{path}"), &Value::Null).await?;
            assert_eq!(found["id"], made["id"], "{name} on {database}");
        }
        // A name like an id is an id in a path.
        let named = gateway.apply(Method::POST, "/services", &json!({ "host": "a", "name": ID })).await?;
        let found = gateway.admin(Method::GET, &format!("/services/{ID}"), &Value::Null).await?;
        assert_eq!(found.status, 404, "{database}: {named}");
        for path in ["/consumers/%ff", "/consumers/%zz", "/consumers//", "/services/a%00b"] {
            let reply = gateway.admin(Method::GET, path, &Value::Null).await?;
            assert!([400, 404].contains(&reply.status.as_u16()), "{path} on {database}: {}", reply.status);
        }
        assert_eq!(gateway.admin(Method::GET, "/status", &Value::Null).await?.status, 200, "{database}");
        assert!(!gateway.log().contains("panicked"), "{database}: {}", gateway.log());
    }
    Ok(())
}
