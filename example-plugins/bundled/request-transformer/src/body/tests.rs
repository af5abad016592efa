//! Kong's rules for bodies, through the whole plugin: what the head says, and what becomes of the body.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Request, Tester};
use weir_plugin_sdk::{RequestBodyVerdict, RequestVerdict};

use crate::RequestTransformer;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const PARTS: &str = "multipart/form-data; boundary=b";

fn post(content_type: &str) -> Request {
    Request::new("POST", "/?page=2").header("content-type", content_type).header("x-user", "ann")
}

fn tester(config: &Json) -> Tester<RequestTransformer> {
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

/// What is sent, or the reason why nothing is; `None` if the body is not looked into.
fn sent(config: &Json, request: &Request, body: &str) -> Option<Result<String, String>> {
    let mut tester = tester(config);
    match tester.request_head(request).verdict.unwrap() {
        RequestVerdict::Proceed(proceed) => proceed.carry.as_ref()?,
        RequestVerdict::Respond(answer) => return Some(Err(answer.reason)),
    };
    let outcome = tester.request_body(request, body.as_bytes());
    Some(match outcome.verdict.unwrap() {
        RequestBodyVerdict::Proceed(_) => Ok(String::from_utf8(outcome.body).unwrap()),
        RequestBodyVerdict::Respond(answer) => Err(answer.reason),
    })
}

/// Rows of a case, the configuration of bodies, what comes, and what is sent.
fn all(content_type: &str, rows: &[(&str, Json, &str, &str)]) {
    for (case, rules, body, want) in rows {
        let config: serde_json::Map<_, _> = rules
            .as_object()
            .unwrap()
            .iter()
            .map(|(place, pairs)| (place.clone(), json!({ "body": pairs })))
            .collect();
        let got = sent(&config.into(), &post(content_type), body);
        assert_eq!(got, Some(Ok((*want).to_owned())), "{case}");
    }
}

#[test]
fn edits_forms_as_kong_does() {
    all(
        FORM,
        &[
            ("remove", json!({"remove": ["a"]}), "a=1&b=%20&a=3", "b=%20"),
            ("remove the last", json!({"remove": ["a"]}), "a=1", ""),
            ("remove an encoded name", json!({"remove": ["a b"]}), "a+b=1&a%20b=2&c", "c"),
            ("rename", json!({"rename": ["a:c"]}), "a=%20x&b=2&c=3", "c=%20x&b=2"),
            ("rename what is not there", json!({"rename": ["a:c"]}), "c=3", "c=3"),
            ("replace", json!({"replace": ["a:9"]}), "b=2&a=1&a=3", "b=2&a=9"),
            ("replace what is not there", json!({"replace": ["z:9"]}), "a=1", "a=1"),
            ("add", json!({"add": ["z:a b&c"]}), "a=1", "a=1&z=a%20b%26c"),
            ("add what is there", json!({"add": ["a:9"]}), "a=1", "a=1"),
            ("add to an empty body", json!({"add": ["z:9"]}), "", "z=9"),
            ("append", json!({"append": ["a:8", "a:9", "z:v:1"]}), "a=1", "a=1&a=8&a=9&z=v%3A1"),
            ("append to an empty body", json!({"append": ["a:9"]}), "", "a=9"),
            (
                "in Kong's order",
                json!({
                    "append": ["c:5"], "add": ["a:4"], "replace": ["c:3"], "rename": ["b:c"], "remove": ["a"],
                }),
                "a=1&b=2",
                "c=3&a=4&c=5",
            ),
            (
                "templates",
                json!({"add": ["u:$(headers.x_user)", "f:1", "p:$(query_params.page)"], "rename": ["a:$(headers.x_user)"]}),
                "a=1",
                "ann=1&u=ann&f=1&p=2",
            ),
        ],
    );
}

#[test]
fn edits_json_as_kong_does() {
    all(
        JSON,
        &[
            ("remove", json!({"remove": ["a"]}), r#"{"b": 1.50, "a": 1}"#, r#"{"b":1.50}"#),
            ("remove what is not there", json!({"remove": ["a"]}), r#"{ "b": [] }"#, r#"{ "b": [] }"#),
            ("names are not paths", json!({"remove": ["a.b"]}), r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
            ("rename", json!({"rename": ["a:c"]}), r#"{"a":[1],"b":2}"#, r#"{"c":[1],"b":2}"#),
            ("rename what is not there", json!({"rename": ["a:c"]}), r#"{"c":1}"#, r#"{"c":1}"#),
            ("rename false", json!({"rename": ["a:c"]}), r#"{"a":false}"#, r#"{"a":false}"#),
            ("replace by a text", json!({"replace": ["a:9"]}), r#"{"a":1}"#, r#"{"a":"9"}"#),
            ("replace what is not there", json!({"replace": ["a:9"]}), r#"{"b":1}"#, r#"{"b":1}"#),
            ("add", json!({"add": ["z:\"9\""]}), r#"{"a":[]}"#, r#"{"a":[],"z":"\"9\""}"#),
            ("add what is there", json!({"add": ["a:9"]}), r#"{"a":null}"#, r#"{"a":null}"#),
            ("add to an empty body", json!({"add": ["a:9"]}), "", r#"{"a":"9"}"#),
            ("remove from an empty body", json!({"remove": ["a"]}), "", ""),
            ("append to a text", json!({"append": ["a:8", "a:9"]}), r#"{"a":"1"}"#, r#"{"a":["1","8","9"]}"#),
            ("append to a list", json!({"append": ["a:9"]}), r#"{"a":[1]}"#, r#"{"a":[1,"9"]}"#),
            ("append to nothing", json!({"append": ["a:9"]}), "{}", r#"{"a":["9"]}"#),
            ("append to a number", json!({"append": ["a:9"]}), r#"{"a":1}"#, r#"{"a":["9"]}"#),
            (
                "in Kong's order",
                json!({
                    "append": ["c:5"], "add": ["a:4"], "replace": ["c:3"], "rename": ["b:c"], "remove": ["a"],
                }),
                r#"{"a":1,"b":2}"#,
                r#"{"c":["3","5"],"a":"4"}"#,
            ),
            ("a list", json!({"add": ["a:9"]}), "[1, 2]", "[1, 2]"),
            ("broken", json!({"remove": ["a"], "add": ["b:1"]}), r#"{"a":1"#, r#"{"a":1"#),
            ("white space", json!({"add": ["b:1"]}), " ", " "),
        ],
    );
}

fn part(name: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

#[test]
fn edits_parts_as_kong_does() {
    let (a, b) = (part("a", "1"), part("b", "2"));
    let file = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\nContent-Type: a/b\r\n\r\n\r\n\r\n";
    let end = "--b--\r\n";
    let join = |parts: &[&str]| parts.concat() + end;
    for (case, rules, body, want) in [
        ("remove", json!({"remove": ["a"]}), join(&[&a, file, &a]), join(&[file])),
        ("remove the last", json!({"remove": ["a"]}), join(&[&a]), end.to_owned()),
        (
            "remove where lines end with a line feed",
            json!({"remove": ["a"]}),
            join(&[&a, &b]).replace('\r', ""),
            join(&[&b]),
        ),
        ("remove where the end is missing", json!({"remove": ["b"]}), format!("{a}{b}"), join(&[&a])),
        ("remove from what is not in parts", json!({"remove": ["a"]}), "a=1".into(), end.to_owned()),
        ("remove from an empty body", json!({"remove": ["a"]}), String::new(), String::new()),
        ("rename", json!({"rename": ["a:c"]}), join(&[&a, &b]), join(&[&b, &part("c", "1")])),
        (
            "rename over another",
            json!({"rename": ["a:b"]}),
            join(&[&b, &a, file]),
            join(&[&part("b", "1"), file]),
        ),
        ("rename a file", json!({"rename": ["f:c"]}), join(&[file]), join(&[&part("c", "\r\n")])),
        ("rename comes first", json!({"rename": ["a:c"], "remove": ["c"]}), join(&[&a, &b]), join(&[&b])),
        ("replace", json!({"replace": ["a:9"]}), join(&[&a, &b]), join(&[&b, &part("a", "9")])),
        (
            "replace what is not there",
            json!({"replace": ["z:9"]}),
            join(&[&a]) + "behind",
            join(&[&a]) + "behind",
        ),
        (
            "add",
            json!({"add": ["z\":$(headers.x_user)"]}),
            join(&[file]),
            join(&[file, &part("z%22", "ann")]),
        ),
        ("add what is there", json!({"add": ["a:9"]}), join(&[&a]), join(&[&a])),
        ("add to an empty body", json!({"add": ["z:9"]}), String::new(), join(&[&part("z", "9")])),
        ("append nothing", json!({"append": ["a:9"]}), join(&[&a]), join(&[&a])),
    ] {
        all(PARTS, &[(case, rules, &body, &want)]);
    }
}

#[test]
fn a_value_is_one_field() {
    let config = json!({"add": {"body": ["z:$(query_params.z)"]}});
    let request = Request::new("POST", "/?z=1%0D%0A--b%0D%0A").header("content-type", PARTS);
    assert_eq!(sent(&config, &request, ""), Some(Err("broken-part".to_owned())));
    let request = Request::new("POST", &format!("/?z={}", "1".repeat(5000))).header("content-type", FORM);
    assert_eq!(sent(&config, &request, ""), Some(Err("long-values".to_owned())));
    let config = json!({"add": {"body": [format!("z:{}", "1".repeat(5000))]}});
    assert!(matches!(sent(&config, &request, ""), Some(Ok(_))), "what every request has needs no room");
}

#[test]
fn bodies_are_waited_for_where_there_is_something_to_do() {
    let add = json!({"add": {"body": ["a:9"]}});
    let typed = |rules: Json| json!({"add": {"body": ["a:9"]}, "replace": {"headers": rules}});
    for (case, config, request, want) in [
        ("a type that has fields", add.clone(), post(JSON), true),
        ("a type that is mentioned", add.clone(), post("Application/JSON-patch+json"), true),
        ("another type", add.clone(), post("text/plain"), false),
        ("no type", add.clone(), Request::new("POST", "/"), false),
        ("parts without a boundary", add.clone(), post("multipart/form-data"), false),
        ("said to be compressed", add.clone(), post(JSON).header("content-encoding", "gzip"), true),
        ("not compressed", add.clone(), post(JSON).header("content-encoding", "identity"), true),
        ("the type is made another", typed(json!(["Content-Type:text/plain"])), post(JSON), false),
        (
            "the type is made one with fields",
            typed(json!(["content-type:application/json"])),
            post("a/b"),
            true,
        ),
        ("no rule for bodies", json!({"add": {"headers": ["a:9"]}}), post(JSON), false),
    ] {
        assert_eq!(sent(&config, &request, "").is_some(), want, "{case}");
    }
    let config = json!({"add": {"body": ["a:9"], "headers": ["content-type:application/json"]}});
    let sent = sent(&config, &Request::get("/"), "");
    assert_eq!(sent, Some(Ok(r#"{"a":"9"}"#.to_owned())), "a request without a body is given one");
}

#[test]
fn a_body_that_is_compressed_stays_and_one_that_is_only_said_to_be_does_not() {
    let config = json!({"remove": {"body": ["secret"]}, "add": {"body": ["a:1"]}});
    let request = post(FORM).header("content-encoding", "gzip");
    for (case, body, want) in [
        ("compressed", b"\x1f\x8b\x08\0secret=1&b=2".as_slice(), b"\x1f\x8b\x08\0secret=1&b=2".as_slice()),
        ("not compressed", b"secret=1&b=2", b"b=2&a=1"),
    ] {
        let mut tester = tester(&config);
        assert!(matches!(tester.request_head(&request).verdict, Ok(RequestVerdict::Proceed(_))));
        assert_eq!(tester.request_body(&request, body).body, want, "{case}");
    }
}
