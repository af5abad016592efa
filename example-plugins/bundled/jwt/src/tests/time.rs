//! Claims about time, and what is wrong with a configuration.

use weir_plugin_sdk::ConfigProblem;

use super::*;
use crate::Config;

fn wrong(body: &Json) -> Result<&'static str, String> {
    Err(body.to_string())
}

#[test]
fn claims_are_verified_if_asked() {
    let both = json!({ "claims_to_verify": ["nbf", "exp"] });
    let exp = json!({ "claims_to_verify": ["exp"] });
    let short = json!({ "claims_to_verify": ["exp"], "maximum_expiration": 300 });
    let number = "must be a number";
    for (case, config, claims, want) in [
        ("not asked", json!({}), json!({ "exp": 1 }), Ok("alice")),
        ("both hold", both.clone(), json!({ "nbf": NOW, "exp": NOW + 1 }), Ok("alice")),
        ("with a fraction", both.clone(), json!({ "nbf": 0.5, "exp": 1.7e9 + 0.5 }), Ok("alice")),
        ("both are missing", both.clone(), json!({}), wrong(&json!({ "nbf": number, "exp": number }))),
        ("a text", exp.clone(), json!({ "exp": "1800000000" }), wrong(&json!({ "exp": number }))),
        ("null", exp.clone(), json!({ "exp": null }), wrong(&json!({ "exp": number }))),
        ("expired now", exp.clone(), json!({ "exp": NOW }), wrong(&json!({ "exp": "token expired" }))),
        ("expired before 1970", exp.clone(), json!({ "exp": -1 }), wrong(&json!({ "exp": "token expired" }))),
        ("nbf is not asked", exp, json!({ "exp": NOW + 9, "nbf": NOW + 5 }), Ok("alice")),
        (
            "too early",
            both.clone(),
            json!({ "exp": NOW + 10, "nbf": NOW + 5 }),
            wrong(&json!({ "nbf": "token not valid yet" })),
        ),
        (
            "both are wrong",
            both,
            json!({ "exp": 1, "nbf": NOW + 5 }),
            wrong(&json!({ "nbf": "token not valid yet", "exp": "token expired" })),
        ),
        ("within the longest time", short.clone(), json!({ "exp": NOW + 300 }), Ok("alice")),
        (
            "over the longest time",
            short.clone(),
            json!({ "exp": NOW + 301 }),
            wrong(&json!({ "exp": "exceeds maximum allowed expiration" })),
        ),
        ("expired comes first", short, json!({ "exp": 1 }), wrong(&json!({ "exp": "token expired" }))),
        (
            "a longest time needs an end",
            json!({ "maximum_expiration": 300 }),
            json!({}),
            wrong(&json!({ "exp": "exceeds maximum allowed expiration" })),
        ),
        ("no longest time", json!({ "maximum_expiration": null }), json!({}), Ok("alice")),
    ] {
        known().install();
        assert_eq!(said(&tester(&config).request_head(&with(&token(&claims)))), want, "{case}");
    }
}

#[test]
fn a_forged_token_is_not_told_what_else_is_wrong() {
    known().install();
    let forged = stamped(&json!({ "alg": "HS256" }), &json!({ "iss": "alice-key", "exp": 1 }));
    let outcome = tester(&json!({ "claims_to_verify": ["exp"] })).request_head(&with(&forged));
    assert_eq!(said(&outcome), message("Invalid signature"));
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let problems = Tester::<Jwt>::new(&json!({ "realm": "a\"b" })).err().unwrap_or_default();
    let pointers: Vec<_> = problems.iter().map(|ConfigProblem { pointer, .. }| pointer.as_str()).collect();
    assert_eq!(pointers, ["/realm"]);
    let unknown = json!({ "claims_to_verify": ["iat"] });
    assert!(Tester::<Jwt>::new(&unknown).is_err(), "a claim that is not verified");
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<Config>();
    for (field, default) in [
        ("uri_param_names", json!(["jwt"])),
        ("cookie_names", json!([])),
        ("key_claim_name", json!("iss")),
        ("secret_is_base64", json!(false)),
        ("claims_to_verify", json!(null)),
        ("anonymous", json!(null)),
        ("run_on_preflight", json!(true)),
        ("maximum_expiration", json!(0)),
        ("header_names", json!(["authorization"])),
        ("realm", json!(null)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    for field in ["uri_param_names", "cookie_names", "claims_to_verify", "header_names"] {
        assert_eq!(schema["properties"][field]["uniqueItems"], json!(true), "{field} is a set");
    }
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
