//! Functions of `wasi:http`, built from real source.

use bytes::Bytes;
use gateway_tests::named;

use super::{Fixture, spec};
use crate::plugin_host::{AdmissionError, Phase};

/// The guest, built from its source.
fn guest() -> Vec<u8> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built =
        weir_plugin_build::build_packages(&root, &["function"], &weir_plugin_build::Options::default());
    named(&std::fs::read(&built.unwrap()[0].path).unwrap(), "function", "0.1.0")
}

#[tokio::test]
async fn a_function_is_taken_only_where_the_operator_wants_them() {
    let guest = Bytes::from(guest());
    let closed = Fixture::new();
    let refused = closed.host.admit(guest.clone()).await.unwrap_err();
    assert!(
        matches!(&refused, AdmissionError::Contract(text) if text.contains("wasi_http_functions = on")),
        "{refused}"
    );
    let open = Fixture::with_functions();
    let plugin = open.host.admit(guest).await.unwrap().plugin;
    assert_eq!((plugin.info.name.as_str(), plugin.phases()), ("function", vec![Phase::Function]));
    open.host.assign(&plugin, &spec()).await.unwrap();
}
