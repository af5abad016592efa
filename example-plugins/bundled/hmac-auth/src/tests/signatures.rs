//! What a signature has to cover, and which ones hold.

use super::*;

#[test]
fn lets_signed_requests_in_as_kong_does() {
    let post = |target: &str| Request::new("POST", target).header("date", NOW).header("content-md5", "md5");
    let line = |line: &str| format!("date: {NOW}\ncontent-md5: md5\n{line}");
    let names = "date content-md5 request-line";
    let sha = |name: &str, digest| signed("bob", "secret", (name, digest), ("date", &format!("date: {NOW}")));
    for (case, request, value) in [
        ("the date alone", get(), dated()),
        ("several headers", post("/"), bobs("date content-md5", &format!("date: {NOW}\ncontent-md5: md5"))),
        ("the request line", post("/request"), bobs(names, &line("POST /request HTTP/1.1"))),
        ("of HTTP/1.0", post("/request"), bobs(names, &line("POST /request HTTP/1.0"))),
        ("of HTTP/2", post("/request"), bobs(names, &line("POST /request HTTP/2.0"))),
        ("with its query", post("/a%20b?x=1&y"), bobs(names, &line("POST /a%20b?x=1&y HTTP/1.1"))),
        ("with an empty query", post("/a?"), bobs(names, &line("POST /a? HTTP/1.1"))),
        (
            "the request target",
            post("/request?x=1"),
            bobs("date @request-target", &format!("date: {NOW}\n@request-target: post /request?x=1")),
        ),
        ("a header that is not there", get(), bobs("date x-none", &format!("date: {NOW}\nx-none:"))),
        ("a name in capitals", get(), bobs("Date", &format!("Date: {NOW}"))),
        ("a value beyond ASCII", get().header("x-a", "\u{e9}"), bobs("x-a", "x-a: \u{e9}")),
        ("SHA-256", get(), sha("hmac-sha256", Digest::Sha256)),
        ("SHA-384", get(), sha("hmac-sha384", Digest::Sha384)),
        ("SHA-512", get(), sha("hmac-sha512", Digest::Sha512)),
        ("without padding", get(), format!("{}\"", dated().trim_end_matches(['=', '"']))),
    ] {
        for header in ["authorization", "proxy-authorization"] {
            let outcome = call(json!({}), &request.clone().header(header, value.as_str()));
            assert_eq!(outcome.headers.get("x-consumer-username"), Some("bob"), "{case}: {value}");
        }
    }
}

#[test]
fn refuses_others_in_kongs_words() {
    let own = |value: &str| get().header("authorization", value);
    let over = |names: &str, message: &str| own(&bobs(names, message));
    let by = |username: &str, secret: &str| {
        own(&signed(username, secret, ("hmac-sha1", Digest::Sha1), ("date", &format!("date: {NOW}"))))
    };
    let sha =
        |name: &str, digest| own(&signed("bob", "secret", (name, digest), ("date", &format!("date: {NOW}"))));
    for (case, request, message) in [
        ("no header", get(), "Unauthorized"),
        ("no header and no date", Request::get("/"), "Unauthorized"),
        ("no date", Request::get("/").header("authorization", "hello"), NOT_DATED),
        ("not a signature", own("hello"), NOT_VALID),
        ("not a signature in the proxy's", get().header("proxy-authorization", "hello"), NOT_VALID),
        ("not UTF-8", get().header("authorization", b"hmac \xff".to_vec()), NOT_VALID),
        ("twice", own(&dated()).header("authorization", dated()), NOT_VALID),
        (
            "the other header twice",
            own(&dated()).header("proxy-authorization", "a").header("proxy-authorization", "b"),
            NOT_VALID,
        ),
        ("nobody of this name", by("eve", "secret"), NOT_VALID),
        ("an unknown algorithm", sha("hmac-md5", Digest::Md5), NOT_VALID),
        ("another secret", by("bob", "other"), NOT_SAME),
        ("no secret at all", by("empty", ""), NOT_SAME),
        ("another algorithm than said", sha("hmac-sha256", Digest::Sha512), NOT_SAME),
        (
            "not base64",
            own(r#"hmac username="bob",algorithm="hmac-sha1",headers="date",signature="!!!""#),
            NOT_SAME,
        ),
        (
            "padding alone",
            own(r#"hmac username="bob",algorithm="hmac-sha1",headers="date",signature="=""#),
            NOT_SAME,
        ),
        ("another date", over("date", "date: Tue, 14 Nov 2023 22:13:21 GMT"), NOT_SAME),
        ("another method", over("request-line", "POST / HTTP/1.1"), NOT_SAME),
        ("another query", over("request-line", "GET /?x HTTP/1.1"), NOT_SAME),
        ("another order", over("date x-none", &format!("x-none:\ndate: {NOW}")), NOT_SAME),
        ("a line more", over("date", &format!("date: {NOW}\n")), NOT_SAME),
        (
            "a header of that name is no request line",
            over("request-line", "request-line: GET / HTTP/1.1").header("request-line", "GET / HTTP/1.1"),
            NOT_SAME,
        ),
        ("a signed header twice", over("x-a", "x-a: 1").header("x-a", "1").header("x-a", "2"), NOT_SAME),
        ("as if it were not there", over("x-a", "x-a:").header("x-a", "1").header("x-a", "2"), NOT_SAME),
    ] {
        let outcome = call(json!({}), &request);
        assert_eq!(answered(outcome.answer()), (401, message), "{case}");
        assert_eq!(outcome.response_headers.get("www-authenticate"), Some("hmac"), "{case}");
    }
}

#[test]
fn the_proxys_header_goes_first_if_it_holds_a_signature() {
    let anns = signed("ann", "other", ("hmac-sha1", Digest::Sha1), ("date", &format!("date: {NOW}")));
    for (case, proxy, own, want) in [
        ("both hold one", anns.clone(), dated(), Some("ann")),
        ("the proxy's does not", "hmac username".into(), dated(), Some("bob")),
        ("the other does not", anns.clone(), "hello".into(), Some("ann")),
        ("the proxy's is wrong", anns.replace("signature=\"", "signature=\"A"), dated(), None),
    ] {
        let request = get().header("proxy-authorization", proxy).header("authorization", own);
        let outcome = call(json!({}), &request);
        assert_eq!(outcome.headers.get("x-consumer-username"), want, "{case}");
    }
}

#[test]
fn one_of_the_dates_is_recent() {
    let signed_name = bobs("x-signed", "x-signed: 1");
    for (case, date, x_date, skew, passes) in [
        ("now", NOW, "", 300.0, true),
        ("in X-Date", "", NOW, 300.0, true),
        ("at the end of the skew", "Tue, 14 Nov 2023 22:18:20 GMT", "", 300.0, true),
        ("a second behind it", "Tue, 14 Nov 2023 22:18:21 GMT", "", 300.0, false),
        ("as early", "Tue, 14 Nov 2023 22:08:20 GMT", "", 300.0, true),
        ("too early", "Tue, 14 Nov 2023 22:08:19 GMT", "", 300.0, false),
        ("less than a second allowed", NOW, "", 0.5, true),
        ("a second off then", "Tue, 14 Nov 2023 22:13:21 GMT", "", 0.5, false),
        ("X-Date is broken, Date is not", NOW, "wrong date", 300.0, true),
        ("Date is broken, X-Date is not", "wrong date", NOW, 300.0, true),
        ("X-Date is old, Date is not", NOW, "Tue, 14 Nov 2022 22:13:20 GMT", 300.0, true),
        ("both broken", "wrong date", "wrong date", 300.0, false),
    ] {
        let mut request =
            Request::get("/").header("x-signed", "1").header("authorization", signed_name.as_str());
        for (name, value) in [("date", date), ("x-date", x_date)] {
            request = if value.is_empty() { request } else { request.header(name, value) };
        }
        let outcome = call(json!({"clock_skew": skew}), &request);
        let want = passes.then_some("bob");
        assert_eq!(outcome.headers.get("x-consumer-username"), want, "{case}");
        if !passes {
            assert_eq!(answered(outcome.answer()), (401, NOT_DATED), "{case}");
        }
    }
    let twice = get().header("date", NOW).header("x-signed", "1").header("authorization", signed_name);
    assert_eq!(answered(call(json!({}), &twice).answer()), (401, NOT_DATED), "a date twice is none");
}

#[test]
fn enforced_headers_have_to_be_signed() {
    let message = format!("date: {NOW}\nGET / HTTP/1.1");
    let whole = bobs("date request-line", &message);
    for (case, enforced, value, want) in [
        ("both are", json!(["date", "request-line"]), &whole, Ok("bob")),
        ("more than enforced", json!(["request-line"]), &whole, Ok("bob")),
        ("one is missing", json!(["date", "request-line"]), &dated(), Err(NOT_VALID)),
        ("none are enforced", json!([]), &dated(), Ok("bob")),
        ("unset", json!(null), &dated(), Ok("bob")),
    ] {
        let outcome =
            call(json!({"enforce_headers": enforced}), &get().header("authorization", value.as_str()));
        match want {
            Ok(username) => assert_eq!(outcome.headers.get("x-consumer-username"), Some(username), "{case}"),
            Err(message) => assert_eq!(answered(outcome.answer()), (401, message), "{case}"),
        }
    }
}

#[test]
fn only_the_algorithms_of_the_configuration_count() {
    for (case, algorithms, passes) in [
        ("listed", json!(["hmac-sha1"]), true),
        ("not listed", json!(["hmac-sha256", "hmac-sha512"]), false),
        ("none listed", json!([]), false),
        ("unset", json!(null), true),
    ] {
        let outcome = call(json!({"algorithms": algorithms}), &get().header("authorization", dated()));
        assert_eq!(outcome.headers.get("x-consumer-username").is_some(), passes, "{case}");
        if !passes {
            assert_eq!(answered(outcome.answer()), (401, NOT_VALID), "{case}");
        }
    }
}
