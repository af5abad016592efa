//! Kong's rules for `response-transformer`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Headers, Request, Response, Tester};

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
        ("body", json!({"add": {"json": ["a:1"]}}), "/add/json"),
        ("bad name", json!({"remove": {"headers": ["ok", "a b"]}}), "/remove/headers/1"),
        ("bad new name", json!({"rename": {"headers": ["a:b c"]}}), "/rename/headers/0"),
        ("two lines", json!({"append": {"headers": ["a:b\r\nc: d"]}}), "/append/headers/0"),
    ] {
        let problems = Tester::<ResponseTransformer>::new(&config).err().unwrap_or_default();
        assert_eq!(problems.first().map(|problem| problem.pointer.as_str()), Some(pointer), "{case}");
    }
}
