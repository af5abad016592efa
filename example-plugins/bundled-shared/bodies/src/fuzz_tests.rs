//! Bodies under fuzz: whatever clients send is read without a panic, what is taken away is gone for good, and the rest
//! is what it was.

use gateway_tests::fuzz;
use serde_json::Value;

use crate::json::Object;
use crate::{Kind, form, multipart};

/// A part as readers see it.
type Seen = (Option<String>, Vec<u8>);

fn seen(body: &[u8], boundary: &str) -> Vec<Seen> {
    multipart::parts(body, boundary).map(|part| (part.name.clone(), part.content.to_vec())).collect()
}

#[test]
fn fuzz_parts() {
    let corpus: &[&[u8]] = &[
        b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\ncontent-disposition: x; name=c\r\n\r\n2\r\n--b--\r\n",
        b"x\n--b \t\ncontent-disposition: x; filename=\"\\\"\"; name=a\nx: y\n\n1\n2\n--b--x",
        b"--b\r\n\r\n--b\r\ncontent-disposition: name=a\r\n--b",
    ];
    let words =
        ["--b", "--b--", "\r\n", "\r", "\n\n", "name=a", "; ", "\"", "\\", "content-disposition:", "--b1"];
    fuzz("parts", corpus, &words, |body| {
        let all = seen(body, "b");
        let kept = || multipart::parts(body, "b").filter(|part| !part.is_named("a"));
        let written = multipart::write(kept().map(|part| (part.headers(), part.content)), "b");
        let want: Vec<Seen> = all.into_iter().filter(|(name, _)| name.as_deref() != Some("a")).collect();
        assert_eq!(seen(&written, "b"), want);
    });
}

#[test]
fn fuzz_forms() {
    let corpus: &[&[u8]] = &[b"a=1&b=2&a=3&c", b"%61=1&a+b=%2B&=&&x=%zz", b"a&a=&b=a"];
    fuzz("forms", corpus, &["a", "%61", "%", "=", "&", "+", "a=", "%6"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let rest = form::without(text, "a");
        // As another reader sees it.
        let pairs = |form: &str| form_urlencoded::parse(form.as_bytes()).into_owned().collect::<Vec<_>>();
        let want: Vec<_> = pairs(text).into_iter().filter(|(name, _)| name != "a").collect();
        assert_eq!(pairs(&rest), want, "{text} became {rest}");
    });
}

#[test]
fn fuzz_objects() {
    let corpus: &[&[u8]] = &[
        br#"{"a":1,"b":[1,{"a":2}],"\u0061":false,"c":"x\"y"}"#,
        br#" { "b" : {"1":1,"3":2} , "a" : null , "b" : "twice" } "#,
        br#"{"a":1e400,"b":-0,"c":"\ud83d\ude00","":0}"#,
    ];
    let words = ["{", "}", "[", "]", "\"", ",", ":", "\\u0061", "\"a\"", "\"b\"", "false", "1e9", " "];
    fuzz("objects", corpus, &words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Some(mut object) = Object::read(text) else { return };
        object.remove("a");
        for value in ["7", "\"x\""] {
            let value = serde_json::value::RawValue::from_string(value.to_owned()).unwrap();
            object.append("b", value);
        }
        let written = String::from_utf8(object.write()).unwrap();
        let (Ok(mut before), Ok(mut after)) = (read(text), read(&written)) else {
            // What is read piece by piece may hold what cannot be held at once, as a number that is too large.
            assert!(read(text).is_err(), "{written}");
            return;
        };
        assert!(!after.contains_key("a") && after.contains_key("b"), "{written}");
        for fields in [&mut before, &mut after] {
            fields.retain(|name, _| name != "a" && name != "b");
        }
        assert_eq!(before, after, "{text} became {written}");
    });
}

fn read(text: &str) -> serde_json::Result<serde_json::Map<String, Value>> {
    serde_json::from_str(text)
}

#[test]
fn fuzz_types_of_bodies() {
    let corpus: &[&[u8]] = &[
        b"multipart/form-data; boundary=b",
        b"application/json; charset=utf-8",
        b"x; a=\"\\\";\"; boundary=\"b c\"; application/x-www-form-urlencoded",
    ];
    fuzz("types of bodies", corpus, &[";", "=", "\"", "\\", "boundary", "multipart/form-data"], |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Some(Kind::Multipart(boundary)) = Kind::of(text) {
            assert!((1..=70).contains(&boundary.len()), "{text}");
        }
        drop(Kind::mentioned_in(text));
    });
}
