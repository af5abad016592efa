//! The whole Admin API at once: every operation that would change something leaves its record, whoever asks and
//! however it ends, and nothing lets strangers in that nobody gave them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_tests::{Client, Gateway, free_port, request};
use http::Method;
use serde_json::{Value, json};

use crate::admin_access::{call, refused, weir};
use crate::setup::gateway;

const ROOT: &str = "a-token-for-the-tests-only";
const AS_ROOT: (&str, &str) = ("kong-admin-token", ROOT);

/// A call that was made.
#[derive(Debug)]
struct Made {
    actor: String,
    method: String,
    path: String,
    status: u16,
}

/// Every operation that the description names and that is more than a look, with a name that nobody has.
async fn operations(gateway: &Gateway) -> anyhow::Result<Vec<(Method, String)>> {
    let description = call(gateway, &[AS_ROOT], Method::GET, "/openapi.json", &Value::Null).await?.json();
    let mut found = Vec::new();
    for (template, operations) in description["paths"].as_object().into_iter().flatten() {
        let path = template.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if operations.get(method.as_str().to_lowercase()).is_some() {
                found.push((method, path.clone()));
            }
        }
    }
    Ok(found)
}

/// Makes a call and notes it by the id that it was given.
async fn note(
    gateway: &Gateway,
    (actor, headers): (&str, &[(&str, &str)]),
    (method, path): (&Method, &str),
    made: &mut BTreeMap<String, Made>,
) -> anyhow::Result<u16> {
    let answer = call(gateway, headers, method.clone(), path, &json!({})).await?;
    let status = answer.status.as_u16();
    let (method, path) = (method.to_string(), path.to_owned());
    let call = Made { actor: actor.to_owned(), method, path, status };
    made.insert(answer.header("x-kong-admin-request-id").to_owned(), call);
    Ok(status)
}

/// All records, by the id of their call.
async fn records(gateway: &Gateway, headers: &[(&str, &str)]) -> anyhow::Result<BTreeMap<String, Value>> {
    let (mut path, mut all) = ("/audit/requests?size=1000".to_owned(), BTreeMap::new());
    loop {
        let page = call(gateway, headers, Method::GET, &path, &Value::Null).await?.json();
        for row in page["data"].as_array().into_iter().flatten() {
            all.insert(row["request_id"].as_str().unwrap_or_default().to_owned(), row.clone());
        }
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return Ok(all),
        }
    }
}

fn check(made: &BTreeMap<String, Made>, records: &BTreeMap<String, Value>) {
    for (id, call) in made {
        let record = records.get(id).unwrap_or(&Value::Null);
        assert!(record.is_object(), "nothing is written down of {call:?}");
        let Made { actor, method, path, status } = call;
        assert_eq!(
            (&record["actor"], &record["client_ip"], &record["method"], &record["status"]),
            (&json!(actor), &json!("127.0.0.1"), &json!(method), &json!(status)),
            "{call:?}"
        );
        let shown = record["path"].as_str().unwrap_or_default();
        assert!(
            shown == path.trim_end_matches('/') || shown == path || shown.contains("[redacted]"),
            "{call:?}: {shown}"
        );
        assert_eq!(record["digest"].as_str().map(str::len), Some(64), "{call:?}");
    }
}

#[tokio::test]
async fn no_operation_passes_the_audit_log_by() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_ADMIN_TOKEN", ROOT).start().await?;
    let created = weir(&gateway, None, &["token", "create", "looker", "--role", "read-only"])?;
    let token = String::from_utf8_lossy(&created.stdout).trim().to_owned();
    let looker = [("kong-admin-token", token.as_str())];
    let operations = operations(&gateway).await?;
    assert!(operations.len() > 100, "{}", operations.len());
    let mut made = BTreeMap::new();
    for (method, path) in &operations {
        let status = note(&gateway, ("token:looker", &looker), (method, path), &mut made).await?;
        assert!(status == 403, "{method} {path} of one who may only read: {status}");
    }
    for (method, path) in &operations {
        note(&gateway, ("root", &[AS_ROOT]), (method, path), &mut made).await?;
    }
    for (method, path) in operations.iter().take(3) {
        let status = note(&gateway, ("anonymous", &[]), (method, path), &mut made).await?;
        assert_eq!(status, 401, "{method} {path} of a stranger");
    }
    let refused = made.values().filter(|call| call.status >= 400).count();
    println!("{} calls, {refused} of them refused: all are written down", made.len());
    assert_eq!(made.len(), 2 * operations.len() + 3);
    check(&made, &records(&gateway, &[AS_ROOT]).await?);
    Ok(())
}

#[tokio::test]
async fn refusals_before_a_handler_are_written_down_and_changes_say_what_was_there() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let mut ids = Vec::new();
    for (case, headers, body, want) in [
        (
            "a page of another site",
            vec![("host", "localhost"), ("origin", "https://evil.example")],
            "name=x",
            403,
        ),
        (
            "one that hides where it is from",
            vec![("host", "localhost"), ("sec-fetch-site", "cross-site")],
            "name=x",
            403,
        ),
        ("a name that leads here", vec![("host", "rebound.example")], "name=x", 421),
        (
            "half of an object",
            vec![("host", "localhost"), ("content-type", "application/json")],
            "{\"a\":",
            400,
        ),
        ("a type that is none", vec![("host", "localhost"), ("content-type", "text/plain")], "name=x", 415),
    ] {
        let sent = request(Method::POST, "/services", &headers, body)?;
        let answer = Client::connect(gateway.admin).await?.send(sent).await?;
        // What Kong does not understand it takes for an empty form.
        let status = answer.status.as_u16();
        assert!(status == want || want == 415 && status == 400, "{case}: {status} {}", answer.text());
        ids.push((case, answer.header("x-kong-admin-request-id").to_owned(), status));
    }
    for (method, body) in
        [(Method::POST, json!({"name": "s", "host": "a.test"})), (Method::PATCH, json!({"host": "b.test"}))]
    {
        let path = if method == Method::POST { "/services" } else { "/services/s" };
        let answer = call(&gateway, &[], method, path, &body).await?;
        ids.push(("a change", answer.header("x-kong-admin-request-id").to_owned(), answer.status.as_u16()));
    }
    let records = records(&gateway, &[]).await?;
    for (case, id, status) in &ids {
        let record = records.get(id).unwrap_or(&Value::Null);
        assert_eq!(
            (&record["status"], &record["client_ip"]),
            (&json!(status), &json!("127.0.0.1")),
            "{case}: {record}"
        );
    }
    let digests: Vec<_> = ids.iter().rev().take(2).map(|(_, id, _)| &records[id]["objects_digest"]).collect();
    assert!(
        digests.iter().all(|digest| digest.as_str().is_some_and(|digest| digest.len() == 64)),
        "{digests:?}"
    );
    assert_ne!(digests[0], digests[1], "it covers what was there before and after");
    let objects = call(&gateway, &[], Method::GET, "/audit/objects", &Value::Null).await?.json();
    let hosts = |at: usize| {
        [&objects["data"][at]["before"]["host"], &objects["data"][at]["after"]["host"]].map(Clone::clone)
    };
    assert_eq!(hosts(0), [json!("a.test"), json!("b.test")], "{objects}");
    assert_eq!(hosts(1), [Value::Null, json!("a.test")], "{objects}");
    Ok(())
}

/// Credentials that other gateways were shipped with, or that people try first.
const TRIED: [&str; 6] = [
    "admin",
    "password",
    "kong",
    "edd1c9f034335f136f87ad84b625c8f1",
    "352d20ee67be67f6340b4c0605b044b7",
    "weir",
];

#[tokio::test]
async fn nobody_is_known_by_default() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_ADMIN_AUTH", "token").start().await?;
    let mut headers: Vec<(&str, String)> = Vec::new();
    for secret in TRIED {
        headers.push(("kong-admin-token", secret.to_owned()));
        headers.push(("authorization", format!("Bearer {secret}")));
        headers.push(("x-api-key", secret.to_owned()));
        headers.push(("authorization", format!("Basic {}", STANDARD.encode(format!("admin:{secret}")))));
    }
    headers.push(("kong-admin-token", String::new()));
    for (name, value) in &headers {
        let answer =
            call(&gateway, &[(name, value.as_str())], Method::GET, "/services", &Value::Null).await?;
        assert!([401, 429].contains(&answer.status.as_u16()), "{name}: {value}: {}", answer.status);
    }
    let listed = weir(&gateway, None, &["token", "list"])?;
    assert!(
        listed.status.success() && listed.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&listed.stdout)
    );
    Ok(())
}

/// Every way to say "from elsewhere too".
#[tokio::test]
async fn no_address_that_others_reach_is_listened_on_unprotected() -> anyhow::Result<()> {
    let port = free_port()?.port();
    for address in ["0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]"] {
        for (settings, missing) in [
            (vec![], "without TLS and without asking who calls"),
            (vec![("WEIR_ADMIN_TOKEN", ROOT)], "without TLS"),
        ] {
            let listen = format!("127.0.0.1:{port}, {address}:{port}");
            let builder = settings.iter().fold(gateway(), |builder, (name, value)| builder.set(name, *value));
            let log = refused(builder.set("WEIR_ADMIN_LISTEN", listen)).await?;
            assert!(
                log.contains(missing)
                    && log.contains(address.trim_start_matches("[::ffff:").trim_end_matches(']')),
                "{address}: {log}"
            );
        }
        let with_tls = format!("{address}:{port} ssl");
        let log = refused(gateway().set("WEIR_ADMIN_LISTEN", with_tls)).await?;
        assert!(log.contains("without asking who calls"), "{address}: {log}");
    }
    Ok(())
}
