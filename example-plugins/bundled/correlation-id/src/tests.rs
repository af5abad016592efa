//! Kong's rules for `correlation-id`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Host, Request, Response, Tester};
use weir_plugin_sdk::{Input, RequestVerdict, Value};

use super::CorrelationId;

fn tester(config: &Json) -> Tester<CorrelationId> {
    Host::new().install();
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn made(tester: &mut Tester<CorrelationId>, request: &Request) -> String {
    tester.request_head(request).headers.get("kong-request-id").unwrap().to_owned()
}

/// A random UUID in its usual form.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let digits = text.chars().all(|letter| letter == '-' || matches!(letter, '0'..='9' | 'a'..='f'));
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    digits
        && lengths == [8, 4, 4, 4, 12]
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

#[test]
fn uuids_are_new_for_each_request() {
    let mut tester = tester(&json!({"generator": "uuid"}));
    let ids = [(); 3].map(|()| made(&mut tester, &Request::get("/")));
    assert!(ids.iter().all(|id| is_uuid(id)), "{ids:?}");
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn counted_ids_go_up_from_one_behind_the_same_uuid() {
    let mut tester = tester(&json!({}));
    let ids = [(); 3].map(|()| made(&mut tester, &Request::get("/")));
    let parts = ids.each_ref().map(|id| id.split_once('#').unwrap());
    assert!(is_uuid(parts[0].0), "{ids:?}");
    assert_eq!(parts.map(|(_, number)| number), ["1", "2", "3"]);
    assert!(parts.iter().all(|(uuid, _)| *uuid == parts[0].0), "{ids:?}");
    let mut other = Tester::<CorrelationId>::new(&json!({})).unwrap();
    assert!(!made(&mut other, &Request::get("/")).starts_with(parts[0].0), "each instance has its own");
}

#[test]
fn trackers_have_kongs_six_parts() {
    let mut tester = tester(&json!({"generator": "tracker"}));
    let request = Request::get("/")
        .fact(&Input::ClientPort, Value::Number(40_123))
        .fact(&Input::StartedAtUnixMs, Value::Number(1_700_000_000_007));
    let ids = [(); 2].map(|()| made(&mut tester, &request));
    let parts = ids.each_ref().map(|id| id.split('-').collect::<Vec<_>>());
    assert_eq!(parts[0].len(), 6, "{ids:?}");
    assert_eq!((parts[0][0], parts[0][1], parts[0][5]), ("192.0.2.1", "40123", "1700000000.007"));
    assert!(parts[0][2].parse::<u32>().is_ok_and(|process| process < 1 << 22), "{ids:?}");
    assert_eq!((parts[0][2], parts[0][3], parts[1][3]), (parts[1][2], "1", "2"), "{ids:?}");
}

#[test]
fn an_id_of_the_client_is_kept() {
    for (case, sent, kept) in [
        ("one", vec!["foobar"], Some("foobar")),
        ("several: the first counts", vec!["a", "b"], Some("a")),
        ("an empty one is none", vec![""], None),
        ("none", vec![], None),
    ] {
        let mut tester = tester(&json!({"echo_downstream": true}));
        let request =
            sent.iter().fold(Request::get("/"), |request, id| request.header("Kong-Request-ID", *id));
        let outcome = tester.request_head(&request);
        let all = outcome.headers.all("kong-request-id");
        if let Some(kept) = kept {
            assert_eq!(all, sent, "{case}: the upstream sees what was sent");
            assert_eq!(outcome.response_headers.get("kong-request-id"), Some(kept), "{case}");
            assert_eq!(Host::attribute("correlation_id").as_deref(), Some(kept), "{case}");
        } else {
            assert_eq!(all.len(), 1, "{case}: {all:?}");
            assert!(all[0].ends_with("#1"), "{case}: {all:?}");
        }
    }
}

#[test]
fn the_same_id_is_told_to_all() {
    for (case, config, header, echoed) in [
        ("the client is not told", json!({}), "kong-request-id", false),
        ("the client is told", json!({"echo_downstream": true}), "kong-request-id", true),
        ("another header", json!({"header_name": "Foo-Bar-Id", "echo_downstream": true}), "foo-bar-id", true),
        ("no name is Kong's name", json!({"header_name": null}), "kong-request-id", false),
    ] {
        let outcome = tester(&config).request_head(&Request::get("/"));
        let id = outcome.headers.get(header).unwrap();
        assert_eq!(outcome.response_headers.get(header), echoed.then_some(id), "{case}");
        assert_eq!(Host::attribute("correlation_id").as_deref(), Some(id), "{case}: the log");
        let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{case}") };
        assert!(!proceed.response, "{case}: one call is enough");
    }
}

#[test]
fn a_request_that_was_answered_before_is_told_an_id_too() {
    let answer = Response::new(418).header("kong-request-id", "the upstream's");
    let mut tester = tester(&json!({"generator": "uuid", "echo_downstream": true}));
    let outcome = tester.response_head(&Request::get("/"), &answer);
    assert!(is_uuid(outcome.headers.get("kong-request-id").unwrap()), "{outcome:?}");
    let sent = Request::get("/").header("kong-request-id", "my very personal id");
    let outcome = tester.response_head(&sent, &answer);
    assert_eq!(outcome.headers.all("kong-request-id"), ["my very personal id"]);
}

#[test]
fn bytes_that_are_no_text_pass_as_they_are() {
    let request = Request::get("/").header("kong-request-id", b"caf\xe9".to_vec());
    let outcome = tester(&json!({"echo_downstream": true})).request_head(&request);
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    assert!(proceed.edits.is_empty(), "{outcome:?}");
    assert_eq!(Host::attribute("correlation_id").as_deref(), Some("caf\u{fffd}"));
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for name in ["", "a b", "a:", "a\r\nb", "caf\u{e9}"] {
        let problems = Tester::<CorrelationId>::new(&json!({"header_name": name})).err().unwrap_or_default();
        let found: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(found, ["/header_name"], "{name:?}");
    }
    assert!(Tester::<CorrelationId>::new(&json!({"generator": "serial"})).is_err());
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("header_name", json!("Kong-Request-ID")),
        ("generator", json!("uuid#counter")),
        ("echo_downstream", json!(false)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    assert_eq!(schema["properties"]["generator"]["enum"], json!(["uuid", "uuid#counter", "tracker"]));
}
