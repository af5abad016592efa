//! Kong's rules for `key-auth`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::credentials::{Consumer, Found};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, ConfigProblem, Input, RequestBodyVerdict, RequestVerdict, Value};

use super::{KIND, KeyAuth};

fn consumer(id: &str, username: &str) -> Consumer {
    Consumer { id: id.into(), username: Some(username.into()), custom_id: None }
}

fn call(config: Json, request: &Request) -> Outcome {
    install();
    Tester::<KeyAuth>::new(&config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(request)
}

fn install() {
    let found = |id: &str, username: &str| Found {
        consumer: id.into(),
        credential: format!("credential-of-{username}"),
        groups: vec![],
    };
    Host::new()
        .consumer(consumer("id-1", "alice"))
        .consumer(consumer("id-2", "bob"))
        .credential(KIND, "secret", found("id-1", "alice"))
        .credential(KIND, "other", found("id-2", "bob"))
        .consumer(consumer("id-3", "nobody"))
        .install();
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn finds_the_key_or_says_what_is_wrong() {
    let get = Request::get;
    let cases = [
        ("in a header", json!({}), get("/").header("apikey", "secret"), Ok("alice")),
        ("in a header written otherwise", json!({}), get("/").header("ApiKey", "secret"), Ok("alice")),
        ("in the query", json!({}), get("/?apikey=secret"), Ok("alice")),
        (
            "the header wins over the query",
            json!({}),
            get("/?apikey=other").header("apikey", "secret"),
            Ok("alice"),
        ),
        ("names in order", json!({"key_names": ["b", "a"]}), get("/?a=secret&b=other"), Ok("bob")),
        (
            "underscore means hyphen in headers",
            json!({"key_names": ["api_key"]}),
            get("/").header("api-key", "secret"),
            Ok("alice"),
        ),
        ("none", json!({}), get("/"), Err("No API key found in request")),
        ("empty", json!({}), get("/?apikey=other").header("apikey", ""), Err("No API key found in request")),
        ("unknown", json!({}), get("/?apikey=x"), Err("Unauthorized")),
        (
            "twice in the query",
            json!({}),
            get("/?apikey=secret&apikey=secret"),
            Err("Duplicate API key found"),
        ),
        (
            "twice in headers",
            json!({}),
            get("/").header("apikey", "secret").header("apikey", "secret"),
            Err("Duplicate API key found"),
        ),
        (
            "headers not looked at",
            json!({"key_in_header": false}),
            get("/").header("apikey", "secret"),
            Err("No API key found in request"),
        ),
        (
            "query not looked at",
            json!({"key_in_query": false}),
            get("/?apikey=secret"),
            Err("No API key found in request"),
        ),
    ];
    for (case, config, request, want) in cases {
        let outcome = call(config, &request);
        match want {
            Ok(username) => assert_eq!(outcome.headers.get("x-consumer-username"), Some(username), "{case}"),
            Err(message) => {
                let answer = outcome.answer();
                assert_eq!(
                    (answer.status, &answer.body),
                    (401, &AnswerBody::Message(message.into())),
                    "{case}"
                );
                assert_eq!(outcome.response_headers.get("www-authenticate"), Some("Key"), "{case}");
            }
        }
    }
}

/// What a request with a body leads to: the user or the message, and the body that is sent.
fn call_with_body(config: Json, request: &Request, body: &str) -> (Result<String, String>, String) {
    install();
    let mut tester = Tester::<KeyAuth>::new(&config).unwrap();
    let head = tester.request_head(request);
    let Ok(RequestVerdict::Proceed(proceed)) = &head.verdict else {
        return (Err(message(&head.answer().body)), body.to_owned());
    };
    if proceed.carry.is_none() {
        let user = head.headers.get("x-consumer-username").unwrap_or_default().to_owned();
        return (Ok(user), body.to_owned());
    }
    let outcome = tester.request_body(request, body.as_bytes());
    let sent = String::from_utf8(outcome.body).unwrap();
    match outcome.verdict.unwrap() {
        RequestBodyVerdict::Respond(answer) => (Err(message(&answer.body)), sent),
        RequestBodyVerdict::Proceed(_) => {
            (Ok(outcome.headers.get("x-consumer-username").unwrap_or_default().to_owned()), sent)
        }
    }
}

fn message(body: &AnswerBody) -> String {
    match body {
        AnswerBody::Message(text) => text.clone(),
        AnswerBody::None | AnswerBody::Raw(_) => String::new(),
    }
}

#[test]
fn keys_in_bodies() {
    let form = |target: &str| {
        Request::new("POST", target).header("content-type", "application/x-www-form-urlencoded")
    };
    let json_body = Request::new("POST", "/").header("content-type", "application/json");
    let text = Request::new("POST", "/").header("content-type", "text/plain");
    let long = form(&format!("/?apikey={}", "x".repeat(5000)));
    let packed = form("/").header("content-encoding", "gzip");
    let (plain, hides) =
        (json!({"key_in_body": true}), json!({"key_in_body": true, "hide_credentials": true}));
    let two = json!({"key_in_body": true, "key_names": ["a", "b"]});
    let guest = json!({"key_in_body": true, "anonymous": "nobody"});
    let missing = || Err("No API key found in request".to_owned());
    for (case, config, request, body, want, sent) in [
        ("form", &plain, &form("/"), "apikey=secret", Ok("alice".to_owned()), None),
        ("JSON", &plain, &json_body, r#"{"apikey":"other"}"#, Ok("bob".to_owned()), None),
        ("unknown", &plain, &form("/"), "apikey=x", Err("Unauthorized".to_owned()), None),
        ("none", &plain, &form("/"), "a=1", missing(), None),
        ("empty", &plain, &form("/"), "apikey=", missing(), None),
        (
            "twice",
            &plain,
            &form("/"),
            "apikey=secret&apikey=x",
            Err("Duplicate API key found".to_owned()),
            None,
        ),
        ("another type", &plain, &text, "apikey=secret", missing(), None),
        ("compressed", &plain, &packed, "apikey=secret", missing(), None),
        ("not looked at", &json!({}), &form("/"), "apikey=secret", missing(), None),
        ("the query wins", &plain, &form("/?apikey=other"), "apikey=secret", Ok("bob".to_owned()), None),
        ("an earlier name wins", &two, &form("/?b=other"), "a=secret", Ok("alice".to_owned()), None),
        ("a later name", &two, &form("/"), "b=other", Ok("bob".to_owned()), None),
        ("what the query has", &two, &form("/?b=other"), "c=1", Ok("bob".to_owned()), None),
        ("hidden", &hides, &form("/"), "a=1&apikey=secret", Ok("alice".to_owned()), Some("a=1")),
        (
            "hidden in both",
            &hides,
            &form("/?apikey=other"),
            "a=1&apikey=x",
            Ok("bob".to_owned()),
            Some("a=1"),
        ),
        ("too long to be one", &hides, &long, "a=1", Err("Unauthorized".to_owned()), None),
        ("nobody", &guest, &form("/"), "a=1", Ok("nobody".to_owned()), None),
    ] {
        let got = call_with_body(config.clone(), request, body);
        assert_eq!(got, (want, sent.unwrap_or(body).to_owned()), "{case}");
    }
}

#[test]
fn the_realm_is_in_the_challenge() {
    let outcome = call(json!({"realm": "acme"}), &Request::get("/"));
    assert_eq!(outcome.response_headers.get("www-authenticate"), Some("Key realm=\"acme\""));
}

#[test]
fn tells_the_upstream_who_it_is_and_believes_no_such_header_of_the_caller() {
    let request = Request::get("/?apikey=secret")
        .header("x-consumer-custom-id", "forged")
        .header("x-anonymous-consumer", "true");
    let outcome = call(json!({}), &request);
    let get = |name| outcome.headers.get(name);
    assert_eq!(get("x-consumer-id"), Some("id-1"));
    assert_eq!(get("x-consumer-custom-id"), None, "an absent value is removed");
    assert_eq!(get("x-credential-identifier"), Some("credential-of-alice"));
    assert_eq!(get("x-anonymous-consumer"), None);
    let Ok(RequestVerdict::Proceed(proceed)) = &outcome.verdict else { panic!("{outcome:?}") };
    let identity = proceed.identity.as_ref().expect("an identity");
    assert_eq!(
        (identity.consumer.as_deref(), identity.credential.as_deref()),
        (Some("id-1"), Some("credential-of-alice"))
    );
}

#[test]
fn hides_the_key_only_if_asked() {
    let request = Request::get("/?a=1&apikey=secret&b=2").header("other", "x");
    for (case, config, query) in
        [("hidden", json!({"hide_credentials": true}), Some("a=1&b=2")), ("shown", json!({}), None)]
    {
        let Ok(RequestVerdict::Proceed(proceed)) = call(config, &request).verdict else { panic!("{case}") };
        assert_eq!(proceed.target.and_then(|target| target.query).as_deref(), query, "{case}");
    }
    let outcome = call(json!({"hide_credentials": true}), &Request::get("/").header("apikey", "secret"));
    assert_eq!(outcome.headers.get("apikey"), None);
}

#[test]
fn anonymous_stands_in_for_a_failure() {
    for (case, name) in [("by username", "nobody"), ("by id", "id-3")] {
        let outcome =
            call(json!({"anonymous": name}), &Request::get("/").header("x-credential-identifier", "forged"));
        assert_eq!(outcome.headers.get("x-consumer-username"), Some("nobody"), "{case}");
        assert_eq!(outcome.headers.get("x-anonymous-consumer"), Some("true"), "{case}");
        assert_eq!(outcome.headers.get("x-credential-identifier"), None, "{case}");
    }
    let outcome = call(json!({"anonymous": "ghost"}), &Request::get("/"));
    let message = "anonymous consumer ghost is configured but doesn't exist";
    assert_eq!(
        (outcome.answer().status, &outcome.answer().body),
        (500, &AnswerBody::Message(message.into()))
    );
}

#[test]
fn an_earlier_plugin_authenticated_the_request() {
    let request = Request::get("/").fact(&Input::CredentialId, Value::Text("jwt-1".into()));
    let outcome = call(json!({"anonymous": "nobody"}), &request);
    assert!(
        matches!(&outcome.verdict, Ok(RequestVerdict::Proceed(proceed)) if proceed.identity.is_none()),
        "{outcome:?}"
    );
    let outcome = call(json!({}), &request);
    assert_eq!(outcome.answer().status, 401, "without anonymous every plugin must succeed");
}

#[test]
fn preflight_passes_only_if_asked() {
    let request = Request::new("OPTIONS", "/");
    let outcome = call(json!({"run_on_preflight": false}), &request);
    assert!(matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_))), "{outcome:?}");
    assert_eq!(call(json!({}), &request).answer().status, 401);
}

#[test]
fn a_store_that_is_away_is_a_failure_and_no_verdict() {
    Host::new().credentials_fail("the store is away").install();
    let outcome = Tester::<KeyAuth>::new(&json!({})).unwrap().request_head(&Request::get("/?apikey=secret"));
    assert!(outcome.verdict.as_ref().is_err_and(|failure| failure.retryable), "{outcome:?}");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer) in [
        ("a name that is no header", json!({"key_names": ["ok", "a b"]}), "/key_names/1"),
        ("no name", json!({"key_names": [""]}), "/key_names/0"),
        ("a realm that would break the header", json!({"realm": "a\"b"}), "/realm"),
    ] {
        let problems = Tester::<KeyAuth>::new(&config).err().unwrap_or_default();
        let pointers: Vec<_> =
            problems.iter().map(|ConfigProblem { pointer, .. }| pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("key_names", json!(["apikey"])),
        ("hide_credentials", json!(false)),
        ("anonymous", json!(null)),
        ("key_in_header", json!(true)),
        ("key_in_query", json!(true)),
        ("key_in_body", json!(false)),
        ("run_on_preflight", json!(true)),
        ("realm", json!(null)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
}
