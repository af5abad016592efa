//! One path, one meaning: no disguise of a path leads an upstream out of what the route allows.

use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Gateway, Upstream};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::setup::{PATIENCE, gateway};

/// Ways to write `..`.
const DOTS: &[&str] = &[
    "..",
    "%2e%2e",
    ".%2E",
    "%252e%252e",
    "%25252e%25252e",
    "..;",
    "..;x=y",
    "..%3b",
    "..%00",
    "..%20",
    "..%09",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%u002e%u002e",
    "%ef%bc%8e%ef%bc%8e",
    "%e2%80%a5",
    ".%0a.",
];

/// Ways to write `/`.
const SLASHES: &[&str] =
    &["/", "%2f", "%252f", "\\", "%5c", "%255c", "%c0%af", "%e0%80%af", "%c1%9c", "%ef%bc%8f", "%u002f"];

/// Paths that have nothing to hide, and how the upstream sees them.
const HARMLESS: &[(&str, &str)] = &[
    ("/pub/a", "/pub/a"),
    ("/pub/a%2Fb", "/pub/a%2Fb"),
    ("/pub/.well-known/x", "/pub/.well-known/x"),
    ("/pub/...", "/pub/..."),
    ("/pub/%C3%A9t%C3%A9", "/pub/%C3%A9t%C3%A9"),
    ("/pub/1%EF%BC%8E5", "/pub/1%EF%BC%8E5"),
    ("/pub/a;v=1.2/b", "/pub/a;v=1.2/b"),
    ("/pub/a/../b", "/pub/b"),
    ("/pub//a", "/pub/a"),
];

/// `/pub` as it is, and `/strip` with its prefix replaced by `/base`.
async fn site() -> anyhow::Result<(Gateway, Upstream)> {
    let upstream = Upstream::start(|_| Response::new(Full::new(Bytes::from_static(b"ok")))).await?;
    let gateway = gateway().start().await?;
    for (name, base, strip) in [("pub", "", false), ("strip", "/base", true)] {
        let service = json!({"url": format!("{}{base}", upstream.url())});
        gateway.apply(Method::PUT, &format!("/services/{name}"), &service).await?;
        let route = json!({"paths": [format!("/{name}")], "strip_path": strip, "service": {"name": name}});
        gateway.apply(Method::PUT, &format!("/routes/{name}"), &route).await?;
    }
    for path in ["/pub/live", "/strip/live"] {
        gateway.wait_for("the route is live", PATIENCE, path, |answer| answer.status == 200).await?;
    }
    Ok((gateway, upstream))
}

/// The status of a GET whose target is sent as it stands.
async fn status_of(gateway: &Gateway, target: &str) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(gateway.proxy).await?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await??;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.get(9..12).unwrap_or_default().parse()?)
}

#[tokio::test]
async fn disguised_dot_segments_never_reach_the_upstream() -> anyhow::Result<()> {
    let (gateway, upstream) = site().await?;
    let both = |(dots, slash)| {
        ["/pub", "/strip"].into_iter().flat_map(move |prefix| {
            let far = format!("{prefix}/x{slash}{dots}{slash}{dots}{slash}priv");
            [format!("{prefix}{slash}{dots}{slash}priv/secret"), far]
        })
    };
    let disguises = DOTS.iter().flat_map(|dots| SLASHES.iter().map(move |slash| (dots, slash)));
    for target in disguises.flat_map(both) {
        let before = upstream.seen().len();
        let status = status_of(&gateway, &target).await?;
        assert!([400, 404].contains(&status), "{target}: {status}");
        assert_eq!(upstream.seen().len(), before, "{target} reached the upstream");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_cut_leaves_stays_below_the_service() -> anyhow::Result<()> {
    let (gateway, upstream) = site().await?;
    for (target, want) in [
        ("/strip../priv/secret", "/base/priv/secret"),
        ("/strip%2e%2e/priv/secret", "/base/priv/secret"),
        ("/strip./../priv", ""),
        ("/strip..%2fpriv", ""),
        ("/strip..;/priv", ""),
        ("/strip//priv/secret", "/base/priv/secret"),
        ("/strip/a", "/base/a"),
    ] {
        let before = upstream.seen().len();
        let status = status_of(&gateway, target).await?;
        let seen = upstream.seen().get(before).map(|seen| seen.target.clone());
        assert_eq!(seen.unwrap_or_default(), want, "{target}");
        assert_eq!(status == 200, !want.is_empty(), "{target}: {status}");
    }
    Ok(())
}

#[tokio::test]
async fn paths_with_nothing_to_hide_pass() -> anyhow::Result<()> {
    let (gateway, upstream) = site().await?;
    for (target, want) in HARMLESS {
        assert_eq!(status_of(&gateway, target).await?, 200, "{target}");
        assert_eq!(upstream.seen().pop().map(|seen| seen.target).as_deref(), Some(*want), "{target}");
    }
    Ok(())
}
