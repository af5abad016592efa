//! Handshakes with a real other side.

use std::sync::Arc;

use gateway_tests::{Authority, Issued, TlsUpstream, der};
use http_body_util::Empty;
use tokio::net::TcpStream;

use super::{Tls, TlsDefaults, TlsIdentity, TlsProfile, TlsRequirements, TlsRoots, TlsTo, TlsVerify};
use crate::client::Speaks;

fn roots(authority: &Authority) -> Option<TlsRoots> {
    Some(TlsRoots::from_pem([authority.pem()]).unwrap())
}

fn identity(issued: &Issued) -> Option<TlsIdentity> {
    Some(TlsIdentity::from_pem(&issued.chain, &issued.key).unwrap())
}

async fn shake(tls: &Tls, profile: &TlsProfile, name: &str, upstream: &TlsUpstream) -> Result<(), String> {
    let tcp = TcpStream::connect(upstream.address()).await.unwrap();
    let to = TlsTo { name: name.into(), profile: profile.clone() };
    let stream = tls.handshake(&to, tcp).await.map_err(|error| error.to_string())?;
    // In TLS 1.3 the tickets, and a refusal of our certificate, come after the handshake.
    let stream = crate::client::stream::Stream::Tls(Box::new(stream));
    let mut connection =
        crate::client::h1::Connection::<Empty<bytes::Bytes>>::new(stream, upstream.address());
    connection.begin(&http::Method::GET, "/", |head| head.field(&http::header::HOST, b"x"), Empty::new());
    let answered = std::future::poll_fn(|cx| connection.poll_response(cx)).await;
    answered.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_certificate_is_checked_as_far_as_is_asked() {
    let (root, other) = (Authority::new("root").unwrap(), Authority::new("other").unwrap());
    let middle = root.below("middle").unwrap();
    let direct = root.issue(&["up.test", "127.0.0.1"]).unwrap();
    let mut chained = middle.issue(&["up.test"]).unwrap();
    chained.chain.push_str(middle.pem());
    let direct = TlsUpstream::start(&direct, None).await.unwrap();
    let chained = TlsUpstream::start(&chained, None).await.unwrap();
    let (full, off) = (Some(TlsVerify::Full), Some(TlsVerify::Off));
    let of_node = |verify| TlsDefaults { roots: roots(&root), verify, ..TlsDefaults::default() };
    for (case, upstream, name, (verify, depth, own), node, want) in [
        ("nothing said", &direct, "up.test", (None, None, None), of_node(TlsVerify::Off), ""),
        ("the node checks", &direct, "up.test", (None, None, None), of_node(TlsVerify::Full), ""),
        ("off, though the node checks", &direct, "x.test", (off, None, None), of_node(TlsVerify::Full), ""),
        ("own roots", &direct, "up.test", (full, None, roots(&root)), TlsDefaults::default(), ""),
        ("a dot at the end", &direct, "up.test.", (full, None, roots(&root)), TlsDefaults::default(), ""),
        ("an address", &direct, "127.0.0.1", (full, None, roots(&root)), TlsDefaults::default(), ""),
        (
            "another address",
            &direct,
            "127.0.0.2",
            (full, None, roots(&root)),
            TlsDefaults::default(),
            "not valid for",
        ),
        (
            "another name",
            &direct,
            "x.test",
            (full, None, roots(&root)),
            TlsDefaults::default(),
            "not valid for",
        ),
        (
            "the roots of a service take the place of the node's",
            &direct,
            "up.test",
            (full, None, roots(&other)),
            of_node(TlsVerify::Full),
            "UnknownIssuer",
        ),
        ("built-in roots", &direct, "up.test", (full, None, None), TlsDefaults::default(), "UnknownIssuer"),
        ("one between", &chained, "up.test", (full, None, roots(&root)), TlsDefaults::default(), ""),
        (
            "one between, none allowed",
            &chained,
            "up.test",
            (full, Some(0), roots(&root)),
            TlsDefaults::default(),
            "MaximumPathDepthExceeded",
        ),
        (
            "trust in the one between",
            &chained,
            "up.test",
            (full, Some(0), roots(&middle)),
            TlsDefaults::default(),
            "",
        ),
    ] {
        let required = TlsRequirements { verify, depth, roots: own, ..TlsRequirements::default() };
        let shaken = shake(&Tls::new(node).unwrap(), &TlsProfile::new(required), name, upstream).await;
        match want {
            "" => assert_eq!(shaken, Ok(()), "{case}"),
            why => assert!(shaken.as_ref().is_err_and(|error| error.contains(why)), "{case}: {shaken:?}"),
        }
    }
}

#[tokio::test]
async fn the_name_and_the_certificate_are_shown_and_sessions_taken_up() {
    let (root, clients) = (Authority::new("root").unwrap(), Authority::new("clients").unwrap());
    let (own, of_node) = (clients.issue(&["own"]).unwrap(), clients.issue(&["node"]).unwrap());
    let upstream = TlsUpstream::start(&root.issue(&["up.test"]).unwrap(), Some(&clients)).await.unwrap();
    let defaults = TlsDefaults { identity: identity(&of_node), ..TlsDefaults::default() };
    let tls = Tls::new(defaults).unwrap();
    let of_service = TlsRequirements { identity: identity(&own), ..TlsRequirements::default() };
    let (of_service, plain) = (TlsProfile::new(of_service), TlsProfile::new(TlsRequirements::default()));
    for profile in [&of_service, &plain, &of_service] {
        shake(&tls, profile, "up.test", &upstream).await.unwrap();
    }
    shake(&tls, &of_service, "127.0.0.1", &upstream).await.unwrap();
    let nobody = shake(
        &Tls::new(TlsDefaults::default()).unwrap(),
        &TlsProfile::new(TlsRequirements::default()),
        "up.test",
        &upstream,
    )
    .await;
    assert!(nobody.is_err(), "a certificate is asked for");
    let seen = upstream.handshakes();
    let shown: Vec<_> = seen.iter().map(|seen| seen.certificate.clone().unwrap()).collect();
    let (own, of_node) = (der(&own.chain).unwrap(), der(&of_node.chain).unwrap());
    assert_eq!(shown, [own.clone(), of_node, own.clone(), own]);
    let resumed: Vec<_> = seen.iter().map(|seen| seen.resumed).collect();
    assert_eq!(resumed, [false, false, true, false], "of the same profile and name");
    let names: Vec<_> = seen.iter().map(|seen| seen.sni.as_deref()).collect();
    assert_eq!(names, [Some("up.test"), Some("up.test"), Some("up.test"), None]);
}

#[tokio::test]
async fn http2_is_offered_where_it_is_spoken() {
    let root = Authority::new("root").unwrap();
    let upstream = TlsUpstream::start(&root.issue(&["up.test"]).unwrap(), None).await.unwrap();
    let tls = Tls::new(TlsDefaults::default()).unwrap();
    for speaks in [Speaks::Http1, Speaks::Http2] {
        let profile = TlsProfile::new(TlsRequirements { speaks, ..TlsRequirements::default() });
        _ = shake(&tls, &profile, "up.test", &upstream).await;
    }
    let agreed: Vec<_> = upstream.handshakes().into_iter().map(|seen| seen.alpn).collect();
    assert_eq!(agreed, [None, Some("h2".to_owned())]);
}

#[test]
fn profiles_are_equal_if_they_ask_for_the_same() {
    let (one, other) = (Authority::new("one").unwrap(), Authority::new("other").unwrap());
    let issued = one.issue(&["a"]).unwrap();
    let plain = TlsRequirements::default;
    let all = [
        plain(),
        TlsRequirements { verify: Some(TlsVerify::Off), ..plain() },
        TlsRequirements { verify: Some(TlsVerify::Full), ..plain() },
        TlsRequirements { depth: Some(0), ..plain() },
        TlsRequirements { depth: Some(1), ..plain() },
        TlsRequirements { roots: roots(&one), ..plain() },
        TlsRequirements { roots: roots(&other), ..plain() },
        TlsRequirements { identity: identity(&issued), ..plain() },
        TlsRequirements { speaks: Speaks::Http2, ..plain() },
    ];
    for (at, one) in all.iter().enumerate() {
        for (beside, other) in all.iter().enumerate() {
            let same = TlsProfile::new(one.clone()) == TlsProfile::new(other.clone());
            assert_eq!(same, at == beside, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn what_is_no_certificate_or_not_its_key_is_refused() {
    let root = Authority::new("root").unwrap();
    let (one, other) = (root.issue(&["a"]).unwrap(), root.issue(&["b"]).unwrap());
    for (case, chain, key) in [
        ("another key", &one.chain, &other.key),
        ("no certificate", &one.key, &one.key),
        ("no key", &one.chain, &one.chain),
    ] {
        assert!(TlsIdentity::from_pem(chain, key).is_err(), "{case}");
    }
    assert!(TlsRoots::from_pem(["nothing"]).is_err());
    assert!(Arc::strong_count(&TlsRoots::from_pem([root.pem()]).unwrap().store()) > 0);
}
