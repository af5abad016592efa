//! Kong's rules for `response-transformer`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Headers, Host, Request, Response, Tester};
use weir_plugin_sdk::{Deliver, ResponseVerdict};

use super::ResponseTransformer;

fn transformed(config: Json, response: &Response) -> Headers {
    let mut tester = Tester::<ResponseTransformer>::new(&config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"));
    tester.response_head(&Request::get("/"), response).headers
}

#[test]
fn edits_headers_as_kong_does() {
    let response = || {
        Response::new(200).header("Server", "nginx").header("set-cookie", "a=1").header("set-cookie", "b=2")
    };
    for (case, config, name, want) in [
        ("remove", json!({"remove": {"headers": ["Server"]}}), "server", vec![]),
        ("remove what is not there", json!({"remove": {"headers": ["x-a"]}}), "server", vec!["nginx"]),
        ("rename", json!({"rename": {"headers": ["Server:X-Server"]}}), "x-server", vec!["nginx"]),
        (
            "rename takes the old one away",
            json!({"rename": {"headers": ["Server:X-Server"]}}),
            "server",
            vec![],
        ),
        ("rename all values", json!({"rename": {"headers": ["set-cookie:x-c"]}}), "x-c", vec!["a=1", "b=2"]),
        (
            "rename in another case",
            json!({"rename": {"headers": ["server:Server"]}}),
            "server",
            vec!["nginx"],
        ),
        ("replace what is there", json!({"replace": {"headers": ["server:weir"]}}), "server", vec!["weir"]),
        ("do not replace what is not", json!({"replace": {"headers": ["x-a:1"]}}), "x-a", vec![]),
        ("add what is not there", json!({"add": {"headers": ["x-a:1"]}}), "x-a", vec!["1"]),
        ("do not add what is", json!({"add": {"headers": ["server:weir"]}}), "server", vec!["nginx"]),
        (
            "append",
            json!({"append": {"headers": ["server:weir", "server:too"]}}),
            "server",
            vec!["nginx", "weir", "too"],
        ),
        ("a value with colons", json!({"add": {"headers": ["x-a:http://b:80"]}}), "x-a", vec!["http://b:80"]),
        ("no value, no edit", json!({"add": {"headers": ["x-a:"]}}), "x-a", vec![]),
        (
            "what was removed is not added again",
            json!({"remove": {"headers": ["server"]}, "add": {"headers": ["server:weir"]}}),
            "server",
            vec![],
        ),
        (
            "replace, then append",
            json!({"append": {"headers": ["server:too"]}, "replace": {"headers": ["server:weir"]}}),
            "server",
            vec!["weir", "too"],
        ),
    ] {
        assert_eq!(transformed(config, &response()).all(name), want, "{case}");
    }
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer) in [
        ("bad name", json!({"remove": {"headers": ["ok", "a b"]}}), "/remove/headers/1"),
        ("bad new name", json!({"rename": {"headers": ["a:b c"]}}), "/rename/headers/0"),
        ("two lines", json!({"append": {"headers": ["a:b\r\nc: d"]}}), "/append/headers/0"),
    ] {
        let problems = Tester::<ResponseTransformer>::new(&config).err().unwrap_or_default();
        assert_eq!(problems.first().map(|problem| problem.pointer.as_str()), Some(pointer), "{case}");
    }
}

/// Configures with rules for bodies; the body after the edits.
fn body(rules: &Json, body: &str) -> String {
    let mut tester =
        Tester::<ResponseTransformer>::new(rules).unwrap_or_else(|problems| panic!("{rules}: {problems:?}"));
    let response = Response::new(200).header("content-type", "application/json");
    assert!(is_held(&mut tester, &response), "{rules}");
    let outcome = tester.response_body(&response, body.as_bytes());
    outcome.verdict.unwrap();
    String::from_utf8(outcome.body).unwrap()
}

fn is_held(tester: &mut Tester<ResponseTransformer>, response: &Response) -> bool {
    let verdict = tester.response_head(&Request::get("/"), response).verdict.unwrap();
    let ResponseVerdict::Proceed(held) = Deliver::new().buffer(u64::MAX).into() else { return false };
    matches!(verdict, ResponseVerdict::Proceed(proceed) if proceed.body == held.body)
}

#[test]
fn edits_json_as_kong_does() {
    for (case, rules, json, want) in [
        ("remove", json!({"remove": {"json": ["a"]}}), r#"{"b": 1.50, "a": 1}"#, r#"{"b":1.50}"#),
        ("remove the last", json!({"remove": {"json": ["a", "b"]}}), r#"{"a":1,"b":2}"#, "{}"),
        ("nothing to remove", json!({"remove": {"json": ["a"]}}), "{ }", "{ }"),
        ("names have a case", json!({"remove": {"json": ["A"]}}), r#"{"a":1,"A":2}"#, r#"{"a":1}"#),
        ("names are not paths", json!({"remove": {"json": ["a.b"]}}), r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
        ("rename", json!({"rename": {"json": ["a:C"]}}), r#"{"a":[],"b":2}"#, r#"{"C":[],"b":2}"#),
        ("rename false", json!({"rename": {"json": ["a:c"]}}), r#"{"a":false}"#, r#"{"c":false}"#),
        ("rename what is not there", json!({"rename": {"json": ["a:c"]}}), r#"{"c":1}"#, r#"{"c":1}"#),
        ("rename to nothing", json!({"rename": {"json": ["a:", "b:c"]}}), r#"{"a":1}"#, r#"{"a":1}"#),
        ("replace", json!({"replace": {"json": ["a:/x/\"y\""]}}), r#"{"a":{}}"#, r#"{"a":"/x/\"y\""}"#),
        ("replace what is not there", json!({"replace": {"json": ["a:1"]}}), r#"{"b":1}"#, r#"{"b":1}"#),
        ("add", json!({"add": {"json": ["a:v:1"]}}), r#"{"b":[]}"#, r#"{"b":[],"a":"v:1"}"#),
        ("add what is there", json!({"add": {"json": ["a:1"]}}), r#"{"a":null}"#, r#"{"a":null}"#),
        ("append to nothing", json!({"append": {"json": ["a:1"]}}), "{}", r#"{"a":["1"]}"#),
        (
            "append to a text",
            json!({"append": {"json": ["a:1", "a:2"]}}),
            r#"{"a":"0"}"#,
            r#"{"a":["0","1","2"]}"#,
        ),
        (
            "in Kong's order",
            json!({
                "append": {"json": ["c:5"]}, "add": {"json": ["a:4"]}, "replace": {"json": ["c:3"]},
                "rename": {"json": ["b:c"]}, "remove": {"json": ["a"]},
            }),
            r#"{"a":1,"b":2}"#,
            r#"{"c":["3","5"],"a":"4"}"#,
        ),
        ("a list", json!({"add": {"json": ["a:1"]}}), "[1, 2]", "[1, 2]"),
    ] {
        assert_eq!(body(&rules, json), want, "{case}");
    }
}

#[test]
fn values_have_the_types_at_their_places() {
    for (case, value, kind, want) in [
        ("no type", "1", json!([]), r#""1""#),
        ("string", "1", json!(["string"]), r#""1""#),
        ("number", "-1", json!(["number"]), "-1"),
        ("a number beyond all", "1.50e400", json!(["number"]), ""),
        (
            "number with digits of its own",
            "12345678901234567890.10",
            json!(["number"]),
            "12345678901234567890.10",
        ),
        ("number that JSON writes otherwise", "007", json!(["number"]), "7"),
        ("no number", "one", json!(["number"]), ""),
        ("not a number", "nan", json!(["number"]), ""),
        ("true", "true", json!(["boolean"]), "true"),
        ("anything else is false", "yes", json!(["boolean"]), "false"),
        ("a type of another value", "1", json!(["string", "number"]), r#""1""#),
        ("a backslash is doubled", "a\\b", json!([]), r#""a\\\\b""#),
        ("nothing", "", json!([]), r#""null""#),
        ("no number at all", "", json!(["number"]), ""),
    ] {
        let rules = json!({"add": {"json": [format!("a:{value}"), "b:2"], "json_types": kind}});
        let b = if kind == json!(["string", "number"]) { "2" } else { "\"2\"" };
        let a = if want.is_empty() { String::new() } else { format!("\"a\":{want},") };
        assert_eq!(body(&rules, "{}"), format!("{{{a}\"b\":{b}}}"), "{case}");
    }
}

#[test]
fn what_is_no_json_stays_and_is_logged() {
    let rules = json!({"remove": {"json": ["a"]}});
    for text in ["", " ", r#"{"a":1"#, "null", "\"a\""] {
        let before = Host::log_lines().len();
        assert_eq!(body(&rules, text), text);
        assert_eq!(Host::log_lines().len(), before + 1, "{text:?}");
    }
}

#[test]
fn bodies_are_waited_for_where_there_is_something_to_do() {
    let rules = |headers: Json| json!({"add": {"json": ["a:1"]}, "replace": {"headers": headers}});
    let typed = |content_type: &str| Response::new(200).header("content-type", content_type);
    for (case, config, response, want) in [
        ("JSON", rules(json!([])), typed("application/json; charset=utf-8"), true),
        ("one of a list", rules(json!([])), typed("text/plain, Application/JSON"), true),
        ("something like JSON", rules(json!([])), typed("application/json-patch+json"), false),
        ("another type", rules(json!([])), typed("text/plain"), false),
        ("no type", rules(json!([])), Response::new(200), false),
        ("compressed", rules(json!([])), typed("application/json").header("content-encoding", "br"), false),
        ("made another type", rules(json!(["content-type:a/b"])), typed("application/json"), false),
        ("made JSON", rules(json!(["Content-Type:application/json"])), typed("a/b"), true),
        ("no rule for bodies", json!({"add": {"headers": ["a:1"]}}), typed("application/json"), false),
        ("no rule", json!({}), typed("application/json"), false),
    ] {
        let mut tester = Tester::<ResponseTransformer>::new(&config).unwrap();
        assert_eq!(is_held(&mut tester, &response), want, "{case}");
    }
}
