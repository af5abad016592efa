//! Kong's rules for `request-transformer`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Headers, Request, Tester};
use weir_plugin_sdk::{Input, RequestVerdict, TargetChange, Value};

use super::RequestTransformer;

fn transformed(config: Json, request: &Request) -> (Headers, TargetChange) {
    let mut tester = Tester::<RequestTransformer>::new(&config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"));
    let outcome = tester.request_head(request);
    let Ok(RequestVerdict::Proceed(proceed)) = outcome.verdict else {
        panic!("{config}: {:?}", outcome.verdict)
    };
    (outcome.headers, proceed.target.unwrap_or_default())
}

#[test]
fn edits_headers_as_kong_does() {
    let request = || {
        Request::get("/")
            .header("x-a", "1")
            .header("x-b", "2")
            .header("x-b", "3")
            .header("host", "example.com")
    };
    for (case, config, name, want) in [
        ("remove", json!({"remove": {"headers": ["X-A"]}}), "x-a", vec![]),
        ("host is not removed", json!({"remove": {"headers": ["Host"]}}), "host", vec!["example.com"]),
        ("rename", json!({"rename": {"headers": ["X-A:X-C"]}}), "x-c", vec!["1"]),
        ("rename takes the old one away", json!({"rename": {"headers": ["X-A:X-C"]}}), "x-a", vec![]),
        ("rename all values over others", json!({"rename": {"headers": ["x-b:x-a"]}}), "x-a", vec!["2", "3"]),
        ("rename what is not there", json!({"rename": {"headers": ["x-z:x-a"]}}), "x-a", vec!["1"]),
        ("replace", json!({"replace": {"headers": ["x-b:9"]}}), "x-b", vec!["9"]),
        ("replace what is not there", json!({"replace": {"headers": ["x-z:9"]}}), "x-z", vec![]),
        ("add", json!({"add": {"headers": ["x-z:9"]}}), "x-z", vec!["9"]),
        ("add what is there", json!({"add": {"headers": ["x-a:9"]}}), "x-a", vec!["1"]),
        ("append", json!({"append": {"headers": ["x-a:9"]}}), "x-a", vec!["1", "9"]),
        ("append what is not there", json!({"append": {"headers": ["x-z:9"]}}), "x-z", vec!["9"]),
        ("no value, no edit", json!({"add": {"headers": ["x-z:"]}}), "x-z", vec![]),
        ("host is not added to", json!({"append": {"headers": ["host:b"]}}), "host", vec!["example.com"]),
        (
            "remove, then add",
            json!({"remove": {"headers": ["x-a"]}, "add": {"headers": ["x-a:9"]}}),
            "x-a",
            vec!["9"],
        ),
        (
            "rename, then replace",
            json!({"rename": {"headers": ["x-a:x-c"]}, "replace": {"headers": ["x-c:9"]}}),
            "x-c",
            vec!["9"],
        ),
        (
            "rename, then add the old",
            json!({"rename": {"headers": ["x-a:x-c"]}, "add": {"headers": ["x-a:9"]}}),
            "x-a",
            vec!["9"],
        ),
        (
            "replace, then append",
            json!({"replace": {"headers": ["x-a:8"]}, "append": {"headers": ["x-a:9"]}}),
            "x-a",
            vec!["8", "9"],
        ),
        ("add twice adds once", json!({"add": {"headers": ["x-z:8", "x-z:9"]}}), "x-z", vec!["8"]),
    ] {
        assert_eq!(transformed(config, &request()).0.all(name), want, "{case}");
    }
}

#[test]
fn edits_the_query_as_kong_does() {
    for (case, config, query, want) in [
        ("remove", json!({"remove": {"querystring": ["a"]}}), "a=1&b=2&a=3", Some("b=2")),
        ("remove the last", json!({"remove": {"querystring": ["a"]}}), "a=1", Some("")),
        (
            "rename keeps the value as written",
            json!({"rename": {"querystring": ["a:c"]}}),
            "a=%20x&b=2",
            Some("c=%20x&b=2"),
        ),
        ("rename over another", json!({"rename": {"querystring": ["a:c"]}}), "a=1&c=2", Some("c=1")),
        ("rename what is not there", json!({"rename": {"querystring": ["a:c"]}}), "c=2", None),
        ("replace", json!({"replace": {"querystring": ["a:9"]}}), "b=2&a=1&a=3", Some("b=2&a=9")),
        ("replace what is not there", json!({"replace": {"querystring": ["z:9"]}}), "a=1", None),
        ("add", json!({"add": {"querystring": ["z:a b&c"]}}), "a=1", Some("a=1&z=a%20b%26c")),
        ("add to nothing", json!({"add": {"querystring": ["z:1"]}}), "", Some("z=1")),
        ("add what is there", json!({"add": {"querystring": ["a:9"]}}), "a=1", None),
        ("append", json!({"append": {"querystring": ["a:9"]}}), "a=1", Some("a=1&a=9")),
        ("a template", json!({"add": {"querystring": ["z:$(query_params.a)"]}}), "a=1", Some("a=1&z=1")),
        (
            "a name that is encoded",
            json!({"remove": {"querystring": ["a b"]}}),
            "a+b=1&a%20b=2&c=3",
            Some("c=3"),
        ),
    ] {
        let (_, target) = transformed(config, &Request::get(&format!("/?{query}")));
        assert_eq!(target.query.as_deref(), want, "{case}");
    }
}

#[test]
fn changes_path_method_and_host() {
    let request =
        Request::get("/users/42?a=1").fact(&Input::PathParam("id".into()), Value::Text("4 2".into()));
    let (_, target) = transformed(json!({"replace": {"uri": "/u/$(uri_captures['id'])"}}), &request);
    assert_eq!((target.path.as_deref(), target.query), (Some("/u/4%202"), None), "the query stays");
    let (_, target) = transformed(json!({"replace": {"uri": "u?x=1"}}), &request);
    assert_eq!((target.path.as_deref(), target.query.as_deref()), (Some("/u"), Some("x=1&a=1")));
    let (_, target) = transformed(json!({"http_method": "POST"}), &request);
    assert_eq!(target.method.as_deref(), Some("POST"));
    let (headers, target) =
        transformed(json!({"replace": {"headers": ["Host:$(query_params.a).internal"]}}), &request);
    assert_eq!((target.host.as_deref(), headers.get("host")), (Some("1.internal"), None));
    let (_, target) = transformed(json!({}), &request);
    assert_eq!(target, TargetChange::default(), "nothing asked, nothing changed");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer) in [
        ("a field of the body without a value", json!({"rename": {"body": ["a:1", "b"]}}), "/rename/body/1"),
        ("a parameter without a value", json!({"add": {"querystring": ["a:"]}}), "/add/querystring/0"),
        ("bad template in the body", json!({"add": {"body": ["a:$(os.exit())"]}}), "/add/body/0"),
        ("bad name", json!({"remove": {"headers": ["a b"]}}), "/remove/headers/0"),
        ("bad new name", json!({"rename": {"headers": ["a:b c"]}}), "/rename/headers/0"),
        ("two lines", json!({"append": {"headers": ["a:b\nc: d"]}}), "/append/headers/0"),
        ("bad template in the path", json!({"replace": {"uri": "/$(os.exit())"}}), "/replace/uri"),
        (
            "bad template in the query",
            json!({"append": {"querystring": ["ok:1", "a:$(x)"]}}),
            "/append/querystring/1",
        ),
    ] {
        let problems = Tester::<RequestTransformer>::new(&config).err().unwrap_or_default();
        assert_eq!(problems.first().map(|problem| problem.pointer.as_str()), Some(pointer), "{case}");
    }
}
