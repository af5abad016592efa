//! Uploads that must not come in: each is refused in clear words, and the gateway goes on.

use bytes::Bytes;
use gateway_tests::{Client, Gateway, request};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{component, gateway, header_edit};

/// Metadata and configuration of the contract as a component that never answers.
const NEAR_MISS: &str = r#"(component (import "weir:plugin/loging@0.1.0" (instance)))"#;
const OTHER_WORLD: &str = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)))"#;

#[tokio::test]
async fn what_is_not_a_plugin_is_refused_with_its_reason() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let good = header_edit("0.1.0")?;
    let cut = good.len() / 2;
    for (case, bytes, status, words) in [
        ("nothing", vec![], 400, "empty"),
        ("text", b"(component)".to_vec(), 400, "component"),
        ("half a component", good[..cut].to_vec(), 400, ""),
        ("a core module", wat::parse_str("(module)")?, 400, "module"),
        ("an unknown interface", wat::parse_str(OTHER_WORLD)?, 400, "wasi:sockets"),
        ("a misspelt interface", wat::parse_str(NEAR_MISS)?, 400, "logging"),
        ("an empty component", wat::parse_str("(component)")?, 400, ""),
    ] {
        let answer = gateway.upload(bytes).await?;
        let refused = answer.status == status || (status == 400 && answer.status == 422);
        assert!(refused, "{case}: {} {}", answer.status, answer.text());
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(!message.is_empty() && message.contains(words), "{case}: {message:?}");
    }
    let none = gateway.apply(Method::GET, "/custom-plugins", &json!(null)).await?;
    assert_eq!(none["data"], json!([]), "nothing of it was kept");
    let answer = gateway.upload(good).await?;
    assert_eq!(answer.status, 201, "{}", answer.text());
    Ok(())
}

/// Sends everything before it reads anything, as many clients do.
async fn post_all(gateway: &Gateway, path: &str, head: &str, body: &[u8]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(gateway.admin).await?;
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn an_answer_can_be_read_though_its_client_was_still_sending() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let wasm = "Content-Type: application/wasm\r\n";
    let large = vec![0; 40 << 20];
    let announced = format!("{wasm}Content-Length: {}", large.len());
    let chunks = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    let chunked = format!("{wasm}Transfer-Encoding: chunked");
    let json = format!("Content-Type: application/json\r\nContent-Length: {}", large.len());
    for (case, path, head, body, status) in [
        ("too large", "/custom-plugins", &announced, &large, 413),
        ("too large, in chunks", "/custom-plugins", &chunked, &chunks, 413),
        ("too large for JSON", "/services", &json, &large, 413),
        ("of a wrong type", "/services", &announced, &large, 413),
        ("for nobody", "/nothing-here", &announced, &large, 404),
    ] {
        let answer = post_all(&gateway, path, head, body).await?;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer:?}");
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let message = serde_json::from_str::<serde_json::Value>(body)?["message"].clone();
        assert!(message.is_string(), "{case}: {answer:?}");
    }
    let answer = gateway.upload(large).await?;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.text().contains("33554432 bytes"), "{}", answer.text());
    Ok(())
}

#[tokio::test]
async fn versions_are_immutable_and_an_assigned_plugin_stays() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let first = header_edit("0.1.0")?;
    assert_eq!(gateway.upload(first.clone()).await?.status, 201);
    assert_eq!(gateway.upload(first).await?.status, 200, "the same bytes again change nothing");
    let other = component("tests/guests/hostile")?;
    let uploaded = gateway.upload(other).await?;
    assert_eq!(uploaded.json()["name"], "hostile", "{}", uploaded.text());
    let unknown = gateway
        .admin(Method::POST, "/plugins", &json!({ "name": "hostile", "config": { "how": "dance" } }))
        .await?;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["code"]), (400, &json!(2)), "{}", unknown.text());
    gateway.apply(Method::POST, "/plugins", &json!({ "name": "header-edit" })).await?;
    let refused = gateway.admin(Method::DELETE, "/custom-plugins/header-edit", &json!(null)).await?;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let second = gateway.upload(header_edit("0.2.0")?).await?;
    assert_eq!(second.json()["active_version"], "0.2.0", "{}", second.text());
    let back = gateway
        .apply(Method::PATCH, "/custom-plugins/header-edit", &json!({ "active_version": "0.1.0" }))
        .await?;
    assert_eq!(back["active_version"], "0.1.0");
    Ok(())
}

#[tokio::test]
async fn admin_bodies_that_make_no_sense_are_told_so() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    let mut client = Client::connect(gateway.admin).await?;
    let json_type = [("content-type", "application/json")];
    for (case, path, headers, body, status, code) in [
        ("not JSON", "/services", &json_type[..], "{", 400, None),
        ("an array", "/services", &json_type[..], "[]", 400, None),
        ("another type", "/services", &[("content-type", "text/css")][..], "a", 415, None),
        ("a wrong type", "/services", &json_type[..], r#"{"host":1}"#, 400, Some(2)),
        ("an unknown field", "/services", &json_type[..], r#"{"host":"a","hots":"b"}"#, 400, Some(2)),
        (
            "a dangling reference",
            "/routes",
            &json_type[..],
            r#"{"paths":["/a"],"service":{"id":"00000000-0000-4000-8000-000000000000"}}"#,
            400,
            Some(4),
        ),
        ("an unknown plugin", "/plugins", &json_type[..], r#"{"name":"no-such"}"#, 400, Some(2)),
    ] {
        let answer = client.send(request(Method::POST, path, headers, Bytes::from(body))?).await?;
        assert_eq!(answer.status, status, "{case}: {}", answer.text());
        if let Some(code) = code {
            assert_eq!(answer.json()["code"], code, "{case}: {}", answer.text());
        }
    }
    Ok(())
}
