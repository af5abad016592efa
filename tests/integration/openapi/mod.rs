//! The description of the Admin API against a running gateway: by calling every operation once, and by
//! Schemathesis, which makes up requests.

mod operations;
mod schemathesis;
mod site;

use gateway_tests::Gateway;
use http::Method;
use serde_json::Value;

/// The description that a gateway serves.
async fn description(gateway: &Gateway) -> anyhow::Result<Value> {
    gateway.apply(Method::GET, "/openapi.json", &Value::Null).await
}
