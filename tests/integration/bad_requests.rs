//! Requests to the Admin API that are wrong around the body: queries, methods, types, bodies that break
//! off; and what is asked of every path: HEAD, OPTIONS, CORS. On both databases.

use anyhow::ensure;
use gateway_tests::{Answer, Client, Database, Gateway, Postgres, request};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::setup::gateway;

async fn both() -> anyhow::Result<Vec<(&'static str, Gateway)>> {
    let postgres = Database::Postgres(Postgres::shared()?.database()?);
    Ok(vec![("SQLite", gateway().start().await?), ("Postgres", gateway().database(postgres).start().await?)])
}

/// Query, status, code and message of the answer.
const QUERIES: [(&str, u16, u64, &str); 24] = [
    ("size=0", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=1001", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=-1", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=1.5", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=1e400", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=", 400, 9, "size must be a number"),
    ("size=a", 400, 9, "size must be a number"),
    ("size=nan", 400, 9, "size must be an integer between 1 and 1000"),
    ("size=1e3", 200, 0, ""),
    ("size=1000", 200, 0, ""),
    ("offset=!", 400, 7, "'!' is not a valid offset: bad base64 encoding"),
    ("offset=%00", 400, 7, "'\0' is not a valid offset: bad base64 encoding"),
    ("offset=YQ", 400, 7, "'YQ' is not a valid offset: bad json encoding"),
    ("offset=WzFd", 400, 7, "'WzFd' is not a valid offset: invalid primary key"),
    ("offset=W10", 400, 7, "'W10' is not a valid offset: invalid primary key"),
    ("tags=a,b/c", 400, 11, "invalid option (tags: invalid filter syntax)"),
    ("tags=a,", 400, 11, "invalid option (tags: invalid filter syntax)"),
    ("tags=%00", 400, 11, "invalid option (tags: invalid filter syntax)"),
    ("tags=", 400, 11, "invalid option (tags: cannot be null)"),
    ("tags=a,b,c,d,e,f", 400, 11, "invalid option (tags: cannot query more than 5 tags)"),
    ("tags=a/b/c/d/e", 200, 0, ""),
    ("tags=%C3%A4", 200, 0, ""),
    ("nobody=knows&this", 200, 0, ""),
    ("%", 200, 0, ""),
];

#[tokio::test]
async fn queries_that_are_wrong_are_told_so_in_kongs_words() -> anyhow::Result<()> {
    for (database, gateway) in both().await? {
        for (query, status, code, message) in QUERIES {
            let path = format!("/services?{query}");
            let reply = gateway.admin(Method::GET, &path, &Value::Null).await?;
            let body = reply.json();
            let found = (reply.status.as_u16(), body["code"].as_u64().unwrap_or(0));
            assert_eq!(found, (status, code), "{query} on {database}: {body}");
            assert_eq!(body["message"].as_str().unwrap_or_default(), message, "{query} on {database}");
        }
        let many: Vec<String> = (0..1001).map(|number| format!("a{number}=1")).collect();
        let path = format!("/services?{}", many.join("&"));
        let reply = gateway.admin(Method::GET, &path, &Value::Null).await?;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()),
            (400, &json!({ "message": "Too many arguments" }))
        );
    }
    Ok(())
}

#[tokio::test]
async fn methods_and_types_that_nobody_knows_are_refused() -> anyhow::Result<()> {
    let (_, gateway) = both().await?.remove(0);
    for (method, path, status) in [
        ("PURGE", "/services", 405),
        ("TRACE", "/services", 405),
        ("PATCH", "/services", 405),
        ("POST", "/status", 405),
        ("DELETE", "/", 405),
        ("POST", "/nowhere", 404),
    ] {
        let reply = gateway.admin(Method::from_bytes(method.as_bytes())?, path, &Value::Null).await?;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}");
        let text = if status == 405 { "Method not allowed" } else { "Not found" };
        assert_eq!(reply.json(), json!({ "message": text }), "{method} {path}");
        assert_eq!(!reply.header("allow").is_empty(), status == 405, "{method} {path} says what is allowed");
    }
    for (kind, status) in [
        ("text/plain", 415),
        ("application/xml", 415),
        ("application/JSON", 415),
        ("", 415),
        ("application/json; charset=latin1", 201),
        ("multipart/form-data", 400),
        ("application/x-www-form-urlencoded", 400),
    ] {
        let sent = request(Method::POST, "/services", &[("content-type", kind)], "{\"host\":\"a\"}")?;
        let reply = Client::connect(gateway.admin).await?.send(sent).await?;
        assert_eq!(reply.status.as_u16(), status, "{kind:?}: {}", reply.text());
    }
    Ok(())
}

/// A body that ends before it should, and one that was never chunked.
#[tokio::test]
async fn a_body_that_breaks_off_writes_nothing() -> anyhow::Result<()> {
    for (database, gateway) in both().await? {
        for (case, body) in [
            ("in a chunk", "20\r\n{\"host\":\"a\",\"name\":\"torn\"}"),
            ("between chunks", "1b\r\n{\"host\":\"a\",\"name\":\"torn\"}\r\n"),
            ("no chunk at all", "{\"host\":\"a\",\"name\":\"torn\"}\r\n\r\n"),
            ("a size beyond all", "ffffffffffffffffff\r\n{\"host\":\"a\"}\r\n0\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(gateway.admin).await?;
            let head = "POST /services HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.shutdown().await?;
            let mut said = String::new();
            _ = stream.read_to_string(&mut said).await;
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{case} on {database}: {said}");
        }
        let found = gateway.admin(Method::GET, "/services/torn", &Value::Null).await?;
        assert_eq!(found.status, 404, "{database}");
    }
    Ok(())
}

#[tokio::test]
async fn every_path_answers_head_and_options_and_names_its_origin() -> anyhow::Result<()> {
    let (_, gateway) = both().await?.remove(0);
    let listed = gateway.apply(Method::GET, "/endpoints", &Value::Null).await?;
    let paths: Vec<String> = listed["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|pattern| {
            pattern.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>()
        })
        .map(|parts| parts.join("/"))
        .collect();
    ensure!(paths.len() > 120, "only {} paths", paths.len());
    for path in paths {
        let options = with_origin(&gateway, "OPTIONS", &path).await?;
        assert_eq!((options.status.as_u16(), options.body.len()), (204, 0), "OPTIONS {path}");
        let allow = options.header("allow");
        assert_eq!(options.header("access-control-allow-methods"), allow, "{path}");
        assert_eq!(options.header("access-control-allow-headers"), "Content-Type", "{path}");
        let get = with_origin(&gateway, "GET", &path).await?;
        let head = with_origin(&gateway, "HEAD", &path).await?;
        assert_eq!(get.status.as_u16() == 405, !allow.contains("HEAD"), "GET {path}: {allow}");
        assert_eq!((head.status, head.body.len()), (get.status, 0), "HEAD {path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "HEAD {path}");
        for reply in [options, get, head] {
            assert_eq!(reply.header("access-control-allow-origin"), "http://127.0.0.1", "{path}");
            assert_eq!(reply.header("access-control-allow-credentials"), "true", "{path}");
            assert_eq!(reply.header("server"), "kong/3.9.3", "{path}");
        }
    }
    Ok(())
}

async fn with_origin(gateway: &Gateway, method: &str, path: &str) -> anyhow::Result<Answer> {
    let sent = request(Method::from_bytes(method.as_bytes())?, path, &[("origin", "http://127.0.0.1")], "")?;
    Client::connect(gateway.admin).await?.send(sent).await
}
