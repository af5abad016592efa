//! Kong's rules for `request-size-limiting`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Request, Tester};
use weir_plugin_sdk::{AnswerBody, RequestBodyVerdict, RequestVerdict};

use super::RequestSizeLimiting;

const MB: u64 = 1 << 20;

fn tester(config: &Json) -> Tester<RequestSizeLimiting> {
    Tester::new(config).unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
}

/// The status of a refusal, or what becomes of the body.
fn verdict(config: &Json, request: &Request) -> String {
    let outcome = tester(config).request_head(request);
    match &outcome.verdict {
        Ok(RequestVerdict::Proceed(proceed)) => format!("{:?}", proceed.body).replace("BodyMode::", ""),
        Ok(RequestVerdict::Respond(answer)) => {
            let message = match answer.status {
                411 => "A valid Content-Length header is required",
                _ => "Request size limit exceeded",
            };
            assert_eq!(answer.body, AnswerBody::Message(message.into()), "{config}");
            answer.status.to_string()
        }
        Err(failure) => panic!("{config}: {failure:?}"),
    }
}

fn post() -> Request {
    Request::new("POST", "/")
}

fn long(length: impl ToString) -> Request {
    post().header("content-length", length.to_string())
}

#[test]
fn the_length_that_a_request_names_counts() {
    let asks = |length: u64| long(length).header("expect", " 100-Continue");
    let (two, one_kb) =
        (json!({"allowed_payload_size": 2}), json!({"allowed_payload_size": 1, "size_unit": "kilobytes"}));
    let ten = json!({"allowed_payload_size": 10, "size_unit": "bytes"});
    let null = json!({"allowed_payload_size": null});
    for (case, config, request, want) in [
        ("as long as allowed", two.clone(), long(2 * MB), "Pass"),
        ("a byte longer", two.clone(), long(2 * MB + 1), "413"),
        ("as long as allowed, asked first", two.clone(), asks(2 * MB), "Pass"),
        ("a byte longer, asked first", two.clone(), asks(2 * MB + 1), "417"),
        ("another expectation", two.clone(), long(2 * MB + 1).header("expect", "miracles"), "413"),
        ("kilobytes", one_kb.clone(), long(1024), "Pass"),
        ("more than kilobytes", one_kb, long(1025), "413"),
        ("bytes", ten.clone(), long(10), "Pass"),
        ("more than bytes", ten.clone(), long(11), "413"),
        ("Kong's default", json!({}), long(128 * MB), "Pass"),
        ("more than Kong's default", json!({}), long(128 * MB + 1), "413"),
        ("no size", null, long(128 * MB + 1), "413"),
        ("a number that is too large for anybody", two, long("99999999999999999999999"), "413"),
        ("an empty body", json!({"allowed_payload_size": 0}), long(0), "Pass"),
        ("nothing is short enough", json!({"allowed_payload_size": -1}), long(0), "413"),
        ("nothing, of any length", json!({"allowed_payload_size": -1}), Request::get("/"), "413"),
        ("a limit beyond counting", json!({"allowed_payload_size": i64::MAX}), long(u64::MAX), "Pass"),
        ("of any method", ten, Request::get("/").header("content-length", "11"), "413"),
    ] {
        assert_eq!(verdict(&config, &request), want, "{case}");
    }
}

#[test]
fn a_length_can_be_required() {
    let config = json!({"allowed_payload_size": 1, "require_content_length": true});
    for (case, request, want) in [
        ("named", long(10), "Pass"),
        ("named too long", long(MB + 1), "413"),
        ("not named", post(), "411"),
        ("chunks", post().header("transfer-encoding", "chunked"), "Buffer(1048576)"),
        ("another encoding", post().header("transfer-encoding", "gzip"), "411"),
        ("no number", long("ten"), "411"),
        ("no number either", long("-1"), "411"),
        ("empty", long(""), "411"),
        ("of any method", Request::get("/"), "411"),
    ] {
        assert_eq!(verdict(&config, &request), want, "{case}");
    }
}

#[test]
fn a_body_of_unknown_length_is_held_or_counted() {
    let chunked = |request: Request| request.header("transfer-encoding", "chunked");
    let grpc = || post().header("content-type", "application/grpc+proto");
    let (one, two, ten) = (
        json!({"allowed_payload_size": 1}),
        json!({"allowed_payload_size": 2}),
        json!({"allowed_payload_size": 10, "size_unit": "bytes"}),
    );
    for (case, config, request, want) in [
        ("short", ten.clone(), chunked(post()), "Buffer(10)"),
        ("short, over HTTP/2", ten.clone(), post(), "Buffer(10)"),
        ("as much as can be held", one, chunked(post()), "Buffer(1048576)"),
        ("more", two.clone(), chunked(post()), "Stream"),
        ("more, over HTTP/2", two.clone(), post(), "Stream"),
        ("in chunks, with any method", two.clone(), chunked(Request::get("/")), "Stream"),
        ("probably none", two.clone(), Request::get("/"), "Buffer(1048576)"),
        ("gRPC is never held", ten.clone(), grpc(), "Stream"),
        ("chunks go before a length", ten, chunked(long(1)), "Buffer(10)"),
        ("no number", two, long("1,1"), "Stream"),
    ] {
        assert_eq!(verdict(&config, &request).replace("BodyMode::", ""), want, "{case}");
    }
    let held = tester(&json!({})).request_body(&post(), b"body");
    assert!(matches!(held.verdict, Ok(RequestBodyVerdict::Proceed(_))), "{held:?}");
    assert_eq!(held.body, b"body");
}

#[test]
fn a_body_that_becomes_too_long_is_broken_off() {
    let chunked = post().header("content-type", "application/grpc");
    let mut tester = tester(&json!({"allowed_payload_size": 10, "size_unit": "bytes"}));
    let too_long = Err("Request size limit exceeded".to_owned());
    for (case, chunks, want) in [
        ("as long as allowed", [b"01234".as_slice(), b"56789", b""], Ok(b"0123456789".to_vec())),
        ("a byte longer", [b"01234", b"56789", b"0"], too_long.clone()),
        ("at once", [b"0123456789a", b"", b""], too_long),
        ("the next one begins anew", [b"01234567", b"89", b""], Ok(b"0123456789".to_vec())),
    ] {
        assert!(tester.request_head(&chunked).verdict.is_ok(), "{case}");
        assert_eq!(tester.request_chunks(&chunks), want, "{case}");
    }
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("allowed_payload_size", json!(128)),
        ("size_unit", json!("megabytes")),
        ("require_content_length", json!(false)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    assert_eq!(schema["properties"]["size_unit"]["enum"], json!(["megabytes", "kilobytes", "bytes"]));
    assert_eq!(schema["properties"]["allowed_payload_size"]["type"], json!(["integer", "null"]));
    let unknown = json!({"size_unit": "gigabytes"});
    assert!(Tester::<RequestSizeLimiting>::new(&unknown).is_err(), "another unit");
}
