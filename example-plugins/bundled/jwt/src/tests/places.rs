//! Where tokens are looked for.

use super::*;

/// A request with a cookie.
fn with_cookie(name: &str, value: Value) -> Request {
    Request::get("/").fact(&Input::Cookie(name.into()), value)
}

fn several(values: &[&str]) -> Value {
    let header = |value: &&str| weir_plugin_sdk::Header { name: "x".into(), value: (*value).into() };
    Value::Headers(values.iter().map(header).collect())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_token_may_be_in_parameters_cookies_and_headers() {
    let token = token(&json!({}));
    let bearer = format!("Bearer {token}");
    let cookies = json!({ "cookie_names": ["silly", "crumble"] });
    for (case, config, request, found) in [
        ("in a header", json!({}), with(&token), true),
        (
            "written small",
            json!({}),
            Request::get("/").header("authorization", format!("bearer {token}")),
            true,
        ),
        ("no scheme", json!({}), Request::get("/").header("authorization", token.as_str()), false),
        (
            "another scheme",
            json!({}),
            Request::get("/").header("authorization", format!("Basic {token}")),
            false,
        ),
        ("in the query", json!({}), Request::get(&format!("/?jwt={token}")), true),
        ("another parameter", json!({}), Request::get(&format!("/?token={token}")), false),
        (
            "a parameter of one's own",
            json!({ "uri_param_names": ["token", "jwt"] }),
            Request::get(&format!("/?token={token}")),
            true,
        ),
        ("no parameters", json!({ "uri_param_names": [] }), Request::get(&format!("/?jwt={token}")), false),
        (
            "nothing is null",
            json!({ "uri_param_names": null }),
            Request::get(&format!("/?jwt={token}")),
            false,
        ),
        ("in a cookie", cookies.clone(), with_cookie("crumble", Value::Bytes(token.clone().into())), true),
        (
            "no cookies by default",
            json!({}),
            with_cookie("crumble", Value::Bytes(token.clone().into())),
            false,
        ),
        ("a header beside cookies", cookies, with(&token), true),
        (
            "a header of one's own",
            json!({ "header_names": ["CustomAuthorization"] }),
            Request::get("/").header("customauthorization", bearer.as_str()),
            true,
        ),
        ("in place of the usual", json!({ "header_names": ["CustomAuthorization"] }), with(&token), false),
        (
            "underscore means hyphen in headers",
            json!({ "header_names": ["x_token"] }),
            Request::get("/").header("x-token", bearer.as_str()),
            true,
        ),
        ("no headers", json!({ "header_names": [] }), with(&token), false),
        ("an empty parameter", json!({}), Request::get("/?jwt="), false),
    ] {
        known().install();
        let want = if found { Ok("alice") } else { message("Unauthorized") };
        assert_eq!(said(&tester(&config).request_head(&request)), want, "{case}");
    }
}

#[test]
fn of_different_tokens_none_is_taken() {
    let (one, other) = (token(&json!({})), token(&json!({ "sub": "x" })));
    let query = |tokens: [&str; 2]| Request::get(&format!("/?jwt={}&jwt={}", tokens[0], tokens[1]));
    let both = |first: &str, second: &str| {
        Request::get(&format!("/?jwt={first}")).header("authorization", format!("Bearer {second}"))
    };
    let twice = |first: &str, second: &str| with(first).header("authorization", format!("Bearer {second}"));
    let in_cookies = |values: &[&str]| with_cookie("c", several(values));
    let config = json!({ "cookie_names": ["c"] });
    for (case, request, good) in [
        ("the same in several places", both(&one, &one), true),
        ("different ones in two places", both(&one, &other), false),
        ("a good one behind a bad one", both("x", &one), false),
        ("the same parameter twice", query([&one, &one]), true),
        ("different parameters", query([&one, &other]), false),
        ("an empty one counts for nothing", query(["", &one]), true),
        ("the same cookie twice", in_cookies(&[&one, &one]), true),
        ("different cookies", in_cookies(&[&one, &other]), false),
        ("the same header twice", twice(&one, &one), true),
        ("different headers", twice(&one, &other), false),
        ("another scheme beside it", with(&one).header("authorization", "Basic eA=="), true),
    ] {
        known().install();
        let want = if good { Ok("alice") } else { message("Multiple tokens provided") };
        assert_eq!(said(&tester(&config).request_head(&request)), want, "{case}");
    }
}

#[test]
fn bytes_that_are_no_text_are_no_token() {
    known().install();
    let request = Request::get("/").header("authorization", b"Bearer \xff\xfe.\x80.".to_vec());
    assert_eq!(said(&tester(&json!({})).request_head(&request)), message("Bad token; invalid JSON"));
}
