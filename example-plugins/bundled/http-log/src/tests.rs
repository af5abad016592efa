//! Kong's rules for `http-log`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::http::{HttpError, Response};
use weir_plugin_sdk::testing::{self, Host, Tester};
use weir_plugin_sdk::{Input, Value};

use super::HttpLog;

fn exchange(record: &str) -> (testing::Request, testing::Response) {
    let request = testing::Request::get("/").fact(&Input::LogRecord, Value::Text(record.into()));
    (request, testing::Response::new(200))
}

fn answered(status: u16) -> Result<Response, HttpError> {
    Ok(Response { status, headers: vec![], body: vec![] })
}

fn tester(config: Json) -> Tester<HttpLog> {
    Tester::new(&config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn bodies() -> Vec<String> {
    Host::sent_requests().iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect()
}

#[test]
fn one_record_is_an_object_and_batches_are_arrays() {
    for (case, size, want) in [
        ("batches of one", 1, vec!["{\"a\":1}", "{\"b\":2}"]),
        ("larger batches", 10, vec!["[{\"a\":1},{\"b\":2}]"]),
    ] {
        Host::new().http_answers(answered(200)).http_answers(answered(204)).install();
        let config = json!({"http_endpoint": "http://logs/in", "queue": {"max_batch_size": size}});
        assert_eq!(tester(config).log(&[exchange("{\"a\":1}"), exchange("{\"b\":2}")]), Ok(()), "{case}");
        assert_eq!(bodies(), want, "{case}");
    }
    Host::new().http_answers(answered(200)).install();
    let config = json!({"http_endpoint": "http://logs/in", "queue": {"max_batch_size": 10}});
    assert_eq!(tester(config).log(&[exchange("{}")]), Ok(()));
    assert_eq!(bodies(), ["[{}]"], "an array even of one, where batches may be larger");
}

#[test]
fn anything_but_success_is_tried_again() {
    for (case, answer, fails, retryable) in [
        ("200", answered(200), false, false),
        ("299", answered(299), false, false),
        ("a redirect", answered(302), true, true),
        ("an error", answered(500), true, true),
        ("no connection", Err(HttpError::Connect), true, true),
        ("not granted", Err(HttpError::Denied), true, false),
    ] {
        Host::new().http_answers(answer).install();
        let outcome = tester(json!({"http_endpoint": "http://logs/in"})).log(&[exchange("{}")]);
        assert_eq!(outcome.is_err(), fails, "{case}");
        assert_eq!(outcome.is_err_and(|failure| failure.retryable), retryable, "{case}");
    }
}

#[test]
fn headers_of_the_plugin_win() {
    Host::new().http_answers(answered(200)).install();
    let config = json!({
        "http_endpoint": "http://a:b@logs/in",
        "method": "PUT",
        "content_type": "application/json; charset=utf-8",
        "timeout": 1500,
        "headers": {"X-Team": "blue", "Authorization": "mine"},
    });
    assert_eq!(tester(config).log(&[exchange("{}")]), Ok(()));
    let sent = Host::sent_requests();
    let request = sent.first().expect("a request");
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|header| (header.name.as_str(), String::from_utf8_lossy(&header.value)))
        .collect();
    let want = [
        ("authorization", "Basic YTpi"),
        ("content-type", "application/json; charset=utf-8"),
        ("x-team", "blue"),
    ];
    let mut sorted: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, want);
    assert_eq!(
        (request.method.as_str(), request.url.as_str(), request.timeout_ms),
        ("PUT", "http://logs/in", 1500)
    );
}

#[test]
fn the_queue_is_the_hosts_with_kongs_settings() {
    let batch = |config: Json| tester(config).log_batch().cloned().expect("a batch");
    let shipped = batch(json!({"http_endpoint": "http://logs"}));
    assert_eq!((shipped.max_entries, shipped.max_delay_ms, shipped.max_queued), (1, 1000, 10_000));
    assert_eq!(
        (shipped.max_retry_ms, shipped.initial_retry_delay_ms, shipped.max_retry_delay_ms),
        (60_000, 10, 60_000)
    );
    let queue =
        json!({"max_batch_size": 50, "max_coalescing_delay": 0.25, "max_entries": 7, "max_bytes": 99});
    let set = batch(json!({"http_endpoint": "http://logs", "queue": queue}));
    assert_eq!(
        (set.max_entries, set.max_delay_ms, set.max_queued, set.max_queued_bytes),
        (50, 250, 7, Some(99))
    );
    let old = batch(json!({"http_endpoint": "http://logs", "queue_size": 20, "flush_timeout": 5}));
    assert_eq!((old.max_entries, old.max_delay_ms), (20, 5000), "the old names still count");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer) in [
        ("no url", json!({"http_endpoint": "logs"}), "/http_endpoint"),
        (
            "reserved header",
            json!({"http_endpoint": "http://logs", "headers": {"content-type": "x"}}),
            "/headers",
        ),
        ("bad header", json!({"http_endpoint": "http://logs", "headers": {"a b": "x"}}), "/headers"),
        (
            "lua",
            json!({"http_endpoint": "http://logs", "custom_fields_by_lua": {"a": "b"}}),
            "/custom_fields_by_lua",
        ),
    ] {
        let problems = Tester::<HttpLog>::new(&config).err().unwrap_or_default();
        assert_eq!(problems.first().map(|problem| problem.pointer.as_str()), Some(pointer), "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("method", json!("POST")),
        ("content_type", json!("application/json")),
        ("timeout", json!(10000)),
        ("keepalive", json!(60000)),
        ("headers", json!(null)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    let queue = &schema["properties"]["queue"]["properties"];
    for (field, default) in [
        ("max_batch_size", json!(1)),
        ("max_coalescing_delay", json!(1)),
        ("max_entries", json!(10_000)),
        ("max_bytes", json!(null)),
        ("max_retry_time", json!(60)),
        ("initial_retry_delay", json!(0.01)),
        ("max_retry_delay", json!(60)),
        ("concurrency_limit", json!(1)),
    ] {
        assert_eq!(queue[field]["default"], default, "queue.{field}");
    }
}
