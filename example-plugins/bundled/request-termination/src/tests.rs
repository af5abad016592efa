//! Kong's rules for `request-termination`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, RequestBodyVerdict, RequestVerdict};

use super::RequestTermination;

fn tester(config: &Json) -> Tester<RequestTermination> {
    Host::new().install();
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

fn passes(outcome: &Outcome) -> bool {
    matches!(&outcome.verdict, Ok(RequestVerdict::Proceed(_)))
}

#[test]
fn answers_with_what_the_operator_chose() {
    let json = Some("application/json; charset=utf-8");
    let page = "<h1>Service is down</h1>";
    for (case, config, status, body, kind) in [
        ("the default", json!({}), 503, Some(r#"{"message":"Service unavailable"}"#), json),
        ("401", json!({"status_code": 401}), 401, Some(r#"{"message":"Unauthorized"}"#), json),
        ("404", json!({"status_code": 404}), 404, Some(r#"{"message":"Not found"}"#), json),
        ("405", json!({"status_code": 405}), 405, Some(r#"{"message":"Method not allowed"}"#), json),
        (
            "500",
            json!({"status_code": 500}),
            500,
            Some(r#"{"message":"An unexpected error occurred"}"#),
            json,
        ),
        ("502", json!({"status_code": 502}), 502, Some(r#"{"message":"Bad Gateway"}"#), json),
        ("a status without a message", json!({"status_code": 204}), 204, None, None),
        (
            "a message of one's own",
            json!({"status_code": 406, "message": "In\"valid"}),
            406,
            Some(r#"{"message":"In\"valid"}"#),
            json,
        ),
        ("a body", json!({"body": page}), 503, Some(page), Some("text/plain; charset=UTF-8")),
        (
            "a body with its type",
            json!({"status_code": 451, "content_type": "text/html", "body": page}),
            451,
            Some(page),
            Some("text/html"),
        ),
    ] {
        let outcome = tester(&config).request_head(&Request::get("/").header("accept", "text/html"));
        let want = body.map_or(AnswerBody::None, |body| AnswerBody::Raw(body.into()));
        assert_eq!((outcome.answer().status, &outcome.answer().body), (status, &want), "{case}");
        assert_eq!(outcome.response_headers.get("content-type"), kind, "{case}");
    }
}

#[test]
fn a_grpc_client_is_told_in_its_own_way() {
    for (case, config, message) in [
        ("the default", json!({}), "Service unavailable"),
        ("a message", json!({"message": "later"}), "later"),
        ("a body", json!({"status_code": 451, "body": "x"}), ""),
        ("an echo", json!({"echo": true}), "Service unavailable"),
    ] {
        let request =
            Request::new("POST", "/hello.Hello/Say").header("content-type", "application/grpc+proto");
        let outcome = tester(&config).request_head(&request);
        assert_eq!(outcome.answer().body, AnswerBody::Message(message.into()), "{case}");
    }
}

#[test]
fn only_what_has_the_trigger_is_answered() {
    let get = Request::get;
    for (case, trigger, request, answered) in [
        ("nothing of the name", "gimme", get("/?a=1").header("other", "gimme"), false),
        ("a header", "gimme", get("/").header("Gimme", "1"), true),
        ("an empty header", "gimme", get("/").header("gimme", ""), true),
        ("a header with - for _", "Gimme_An", get("/").header("gimme-an", "1"), true),
        ("a header with _", "gimme_an", get("/").header("gimme_an", "1"), true),
        ("a query parameter", "gimme", get("/?gimme=1"), true),
        ("a query parameter without a value", "gimme", get("/?gimme"), true),
        ("a query parameter in capitals", "gimme", get("/?GIMME=1"), false),
        ("a query parameter with - for _", "gimme_an", get("/?gimme-an"), false),
    ] {
        let outcome = tester(&json!({"trigger": trigger})).request_head(&request);
        assert_eq!(!passes(&outcome), answered, "{case}");
        let outcome = tester(&json!({"trigger": trigger, "echo": true})).request_head(&request);
        assert!(passes(&outcome), "{case}: an echo waits for the body, others go on");
    }
}

#[test]
fn an_echo_waits_for_the_body_unless_it_is_long() {
    let config = json!({"echo": true, "status_code": 404});
    let mut tester = tester(&config);
    let request = Request::new("POST", "/").header("content-length", "9");
    let outcome = tester.request_head(&request);
    assert!(passes(&outcome), "{outcome:?}");
    let outcome = tester.request_body(&request, b"cool body");
    let Ok(RequestBodyVerdict::Respond(answer)) = outcome.verdict else { panic!("{outcome:?}") };
    let AnswerBody::Raw(body) = answer.body else { panic!("a body") };
    let echo: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer.status, 404);
    assert_eq!((&echo["message"], &echo["request"]["raw_body"]), (&json!("Not found"), &json!("cool body")));

    let outcome = tester.request_body(&request, &[b'x'; 8193]);
    let Ok(RequestBodyVerdict::Respond(answer)) = outcome.verdict else { panic!("{outcome:?}") };
    assert!(matches!(&answer.body, AnswerBody::Raw(body) if body.len() < 1000), "a long body is left out");

    let outcome = tester.request_head(&Request::new("POST", "/").header("content-length", "8193"));
    assert_eq!(outcome.answer().status, 404, "answered before the body has come");
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    let message = "message cannot be used with content_type or body";
    let status = "must be a status from 200 to 599";
    for (case, config, pointer, want) in [
        ("a message and a body", json!({"message": "m", "body": "b"}), "", message),
        ("a message and a type", json!({"message": "m", "content_type": "t"}), "", message),
        ("a type without a body", json!({"content_type": "t"}), "", "content_type requires a body"),
        (
            "an echo of a body",
            json!({"echo": true, "body": "b"}),
            "",
            "echo cannot be used with content_type and body",
        ),
        ("a status that ends nothing", json!({"status_code": 100}), "/status_code", status),
        ("no trigger", json!({"trigger": ""}), "/trigger", "no header name provided"),
        (
            "a trigger that is no header",
            json!({"trigger": "a b"}),
            "/trigger",
            "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'",
        ),
        (
            "a type that would break the message",
            json!({"content_type": "a\r\nb", "body": "b"}),
            "/content_type",
            "must not contain line breaks",
        ),
    ] {
        let problems = Tester::<RequestTermination>::new(&config).err().unwrap_or_default();
        let found: Vec<_> =
            problems.iter().map(|problem| (problem.pointer.as_str(), problem.message.as_str())).collect();
        assert_eq!(found, [(pointer, want)], "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("status_code", json!(503)),
        ("message", json!(null)),
        ("content_type", json!(null)),
        ("body", json!(null)),
        ("echo", json!(false)),
        ("trigger", json!(null)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    let status = &schema["properties"]["status_code"];
    assert_eq!(
        (&status["type"], &status["minimum"], &status["maximum"]),
        (&json!("integer"), &json!(100), &json!(599))
    );
}
