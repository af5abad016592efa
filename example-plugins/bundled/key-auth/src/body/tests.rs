//! Fields of bodies, found and taken out.

use super::*;

fn found(kind: &Kind, body: &str, name: &str) -> Result<Option<String>, ()> {
    match values(kind, body.as_bytes(), name) {
        Values::None => Ok(None),
        Values::One(key) => Ok(Some(key.into_owned())),
        Values::Several => Err(()),
    }
}

const PARTS: &str = "before\r\n--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b-12\r\nstill\r\n--b-1\r\n\
    content-type: text/plain\r\ncontent-disposition: form-data; name=apikey\r\n\r\nk\r\nk\r\n--b-1--\r\nbehind";

#[test]
fn keys_are_found() {
    let parts = Kind::Multipart("b-1".into());
    for (case, kind, body, want) in [
        ("form", &Kind::Form, "a=1&apikey=k%20k", Ok(Some("k k"))),
        ("encoded name", &Kind::Form, "api%6bey=k", Ok(Some("k"))),
        ("twice", &Kind::Form, "apikey=k&apikey=l", Err(())),
        ("no value", &Kind::Form, "apikey", Ok(None)),
        ("another name", &Kind::Form, "apikeys=k", Ok(None)),
        ("json", &Kind::Json, r#"{"apikey": "k\u0020k", "a": [1]}"#, Ok(Some("k k"))),
        ("list", &Kind::Json, r#"{"apikey": ["k"]}"#, Err(())),
        ("number", &Kind::Json, r#"{"apikey": 1}"#, Ok(None)),
        ("null", &Kind::Json, r#"{"apikey": null}"#, Ok(None)),
        ("list of objects", &Kind::Json, r#"[{"apikey": "k"}]"#, Ok(None)),
        ("deeper", &Kind::Json, r#"{"a": {"apikey": "k"}}"#, Ok(None)),
        ("broken", &Kind::Json, r#"{"apikey": "k""#, Ok(None)),
        ("nothing", &Kind::Json, "", Ok(None)),
        ("parts", &parts, PARTS, Ok(Some("k\r\nk"))),
        ("parts that do not end", &parts, "--b-1\r\ncontent-disposition: a; name=apikey\r\n\r\nk", Ok(None)),
        ("no parts", &parts, "apikey=k", Ok(None)),
    ] {
        assert_eq!(found(kind, body, "apikey"), want.map(|key| key.map(str::to_owned)), "{case}");
    }
    assert_eq!(
        found(&parts, PARTS, "a"),
        Ok(Some("1\r\n--b-12\r\nstill".to_owned())),
        "a boundary that goes on"
    );
}

#[test]
fn keys_are_taken_out_and_nothing_else() {
    let parts = Kind::Multipart("b-1".into());
    let rest =
        "--b-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b-12\r\nstill\r\n--b-1--\r\n";
    for (case, kind, body, want) in [
        ("form", &Kind::Form, "a=1&apikey=k&b=+", Some("a=1&b=+")),
        ("none in a form", &Kind::Form, "a=1&b=+", None),
        ("json", &Kind::Json, r#"{"a": 1e400, "apikey": "k", "b": [ 1 ]}"#, Some(r#"{"a":1e400,"b":[ 1 ]}"#)),
        ("none in json", &Kind::Json, r#"{"a": 1}"#, None),
        ("parts", &parts, PARTS, Some(rest)),
    ] {
        let got = without(kind, body.as_bytes(), "apikey").map(|rest| String::from_utf8(rest).unwrap());
        assert_eq!(got.as_deref(), want, "{case}");
    }
}
