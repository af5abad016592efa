//! What is particular about single kinds, as Kong answers it.

mod certificates;
mod credentials;
mod groups;
mod upstreams;

use serde_json::Value;

use super::Admin;

pub(super) const RSA_CERT: &str = include_str!("../../../../../tests/data/pem/rsa.crt");
pub(super) const RSA_KEY: &str = include_str!("../../../../../tests/data/pem/rsa.key");
pub(super) const CA: &str = include_str!("../../../../../tests/data/pem/ca.crt");
const EC_KEY: &str = include_str!("../../../../../tests/data/pem/ec.key");

/// Cases of a POST: what is said about the fields, or null if it is accepted.
async fn judge(admin: &Admin, path: &str, cases: &[(&str, Value, Value)]) {
    for (case, sent, want) in cases {
        let reply = admin.json("POST", path, sent.clone()).await;
        let status = if want.is_null() { 201 } else { 400 };
        assert_eq!((reply.status, &reply.body["fields"]), (status, want), "{case}: {}", reply.body);
    }
}
