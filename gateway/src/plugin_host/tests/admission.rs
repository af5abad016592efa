//! Bytes that are not a plugin are refused in words that say why.

use super::Fixture;
use super::guests::{Guest, component};
use crate::plugin_host::{AdmissionError, Phase};

#[tokio::test]
async fn each_wrong_upload_is_named() {
    let fixture = Fixture::new();
    let good = Guest::default().build();
    let cut = good[..good.len() / 2].to_vec();
    let none = Guest { world: "", ..Guest::default() };
    let nested = nested(20);
    for (case, bytes, words) in [
        ("empty", Vec::new(), "it is empty"),
        ("garbage", b"hello".to_vec(), "magic bytes"),
        ("text", b"(component)".to_vec(), "text"),
        ("ELF", b"\x7fELF\x02\x01".to_vec(), "machine code"),
        ("core module", wat::parse_str("(module)").unwrap(), "core module"),
        ("truncated", cut, "not a WebAssembly component"),
        ("nested too deeply", nested, "nested deeper"),
        ("no phase", none.build(), "none of the phases"),
        ("unknown import", importing("wasi:cli/environment@0.2.0"), "wasi:cli/environment@0.2.0"),
        ("near miss", importing("weir:plugin/loging@0.1.0"), "did you mean weir:plugin/logging@0.1.0?"),
        ("another version", importing("weir:plugin/logging@0.7.0"), "it has weir:plugin/logging@0.1.0"),
        ("the same import twice", twice("weir:plugin/logging@0.1.0"), "logging@0.1.0"),
        ("an async function", wat::parse_str("(component (type (func async)))").unwrap(), "async"),
        ("empty component", wat::parse_str("(component)").unwrap(), "weir:plugin/meta"),
    ] {
        let refused = fixture.host.admit(bytes.into()).await.expect_err(case).to_string();
        assert!(refused.contains(words), "{case}: {refused}");
    }
    let trailers =
        Guest { world: "export weir:plugin/request-trailers@0.1.0;", more: TRAILERS, ..Guest::default() };
    let admitted = fixture.plugin(trailers.build()).await;
    assert_eq!(admitted.phases(), [Phase::RequestTrailers], "one phase is enough, whichever it is");
    let large = vec![0; 33 << 20];
    assert!(
        matches!(fixture.host.admit(large.into()).await, Err(AdmissionError::TooLarge { .. })),
        "too large"
    );
}

#[tokio::test]
async fn an_admitted_component_loads_from_its_artifact() {
    let fixture = Fixture::new();
    let bytes = bytes::Bytes::from(Guest::default().build());
    let admitted = fixture.host.admit(bytes.clone()).await.unwrap();
    assert_eq!(admitted.plugin.info.name, "guest");
    assert!(admitted.plugin.cost.memory_bytes > 0 && admitted.plugin.cost.artifact_bytes > 0);
    let digest = admitted.plugin.digest.clone();
    let wrong = fixture.host.load(&"0".repeat(64), &bytes).await;
    assert!(wrong.is_err(), "the digest of other bytes");
    assert!(fixture.host.load(&digest, &bytes).await.is_ok());
}

const TRAILERS: &str = r#"(func (export "weir:plugin/request-trailers@0.1.0#on-request-trailers")
    (param i32 i32) (result i32) (i32.const 3000))"#;

fn importing(name: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (import \"{name}\" (instance)))")).unwrap()
}

fn twice(name: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (import \"{name}\" (instance)) (import \"{name}\" (instance)))"))
        .unwrap()
}

fn nested(depth: usize) -> Vec<u8> {
    wat::parse_str(format!("{}{}", "(component ".repeat(depth), ")".repeat(depth))).unwrap()
}

#[test]
fn the_fixture_can_build_other_worlds() {
    assert!(!component("(module)", "package a:b; world c {}").is_empty());
}
