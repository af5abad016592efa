//! Templates through the whole plugin's eyes: compile, then render for a request.

use serde_json::json;
use weir_plugin_sdk::testing::{Request, Tester};
use weir_plugin_sdk::{Input, Value};

use crate::RequestTransformer;

#[test]
fn renders_what_kong_documents() {
    let text = |text: &str| Value::Text(text.into());
    let request = Request::get("/?page=2&empty=")
        .header("x-user-id", "7")
        .header("x_team", "blue")
        .fact(&Input::PathParam("id".into()), text("42"))
        .fact(&Input::PathParam("1".into()), text("first"))
        .fact(&Input::Attribute("tenant".into()), text("acme"));
    for (case, template, want) in [
        ("plain", "value", "value"),
        ("a dollar sign alone", "5$ (net)", "5$ (net)"),
        ("header", "$(headers.x_user_id)", "7"),
        ("header by index", "$(headers['X-User-Id'])", "7"),
        ("header with an underscore", "$(headers.x_team)", "blue"),
        ("query", "page $(query_params.page)!", "page 2!"),
        ("query with an empty value", "[$(query_params.empty)]", "[]"),
        ("named capture", "$(uri_captures.id)", "42"),
        ("named capture by index", "$(uri_captures[\"id\"])", "42"),
        ("numbered capture", "$(uri_captures[1])", "first"),
        ("shared", "$(shared.tenant)", "acme"),
        ("not there", "[$(headers.nothing)]", "[]"),
        ("or, first", "$(headers['x-user-id'] or 'none')", "7"),
        ("or, second", "$(headers['x-nothing'] or 'none')", "none"),
        ("or, third", "$(headers.a or query_params.b or \"c\")", "c"),
        ("joined", "$('id-' .. uri_captures.id)", "id-42"),
        ("a parenthesis in quotes", "$(headers.a or ')')", ")"),
        ("two", "$(headers.x_user_id)/$(query_params.page)", "7/2"),
    ] {
        let config = json!({"add": {"headers": [format!("x-out:{template}")]}});
        let mut tester = Tester::<RequestTransformer>::new(&config)
            .unwrap_or_else(|problems| panic!("{case}: {problems:?}"));
        assert_eq!(tester.request_head(&request).headers.get("x-out"), Some(want), "{case}");
    }
}

#[test]
fn refuses_what_it_does_not_understand() {
    for (case, template) in [
        ("a call", "$(headers.x:upper())"),
        ("a function", "$(os.time())"),
        ("another table", "$(kong.version)"),
        ("no end", "$(headers.x"),
        ("nothing", "$()"),
        ("no key", "$(headers)"),
        ("a number to add", "$(headers.x + 1)"),
        ("or without a second", "$(headers.x or )"),
        ("a word that begins with or", "$(headers.x order)"),
    ] {
        let config = json!({"add": {"headers": [format!("x-out:{template}")]}});
        let problems = Tester::<RequestTransformer>::new(&config).err().unwrap_or_default();
        assert_eq!(
            problems.first().map(|problem| problem.pointer.as_str()),
            Some("/add/headers/0"),
            "{case}"
        );
    }
}
