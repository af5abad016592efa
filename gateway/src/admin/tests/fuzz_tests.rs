//! Form bodies under fuzz.

use gateway_tests::fuzz;
use serde_json::Value;

use super::super::body::arguments;
use super::super::form::decode;

#[test]
fn fuzz_form_bodies() {
    let corpus: &[&[u8]] = &[
        b"name=a&hosts[]=x&hosts[]=y&config.redis.port=1",
        b"paths[1]=%2Fa&paths[2]=/b&headers[x.y][]=1+2",
        b"a=1&a=2&=3&[=4&a[b=5&a..b=6",
    ];
    fuzz(
        "form bodies",
        corpus,
        &["[", "]", ".", "[]", "[1000]", "=", "&", "%", "%ff", "+", "a[b]"],
        |input| {
            if let Ok(pairs) = arguments(input) {
                decode(pairs.into_iter().map(|(name, value)| (name, Value::String(value))));
            }
        },
    );
}
