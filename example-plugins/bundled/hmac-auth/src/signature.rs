//! The signature that a request carries, in the value of `Authorization`.

use weir_plugin_sdk::auth;

/// Names in one signature. More than a request has headers would only cost time.
const MOST_NAMES: usize = 100;

/// What a client says of its signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signature<'a> {
    pub(crate) username: &'a str,
    pub(crate) algorithm: &'a str,
    /// What was signed, in order, as the client writes it.
    pub(crate) names: Vec<&'a str>,
    /// In base64.
    pub(crate) value: &'a str,
}

impl<'a> Signature<'a> {
    /// Reads `hmac username="..", algorithm="..", headers="..", signature=".."`, in this order as Kong does.
    /// A name that occurs twice is refused: it would sign nothing new and let a short list grow long.
    pub(crate) fn read(value: &'a str) -> Option<Self> {
        let mut rest = auth::after_scheme("hmac", value)?;
        let username = field("username", &mut rest)?;
        let algorithm = next_field("algorithm", &mut rest)?;
        let headers = next_field("headers", &mut rest)?;
        let value = next_field("signature", &mut rest)?;
        let names: Vec<_> = headers.split(' ').take(MOST_NAMES + 1).collect();
        let repeats =
            names.iter().enumerate().any(|(at, name)| names.iter().skip(at + 1).any(|later| later == name));
        let fits = rest.is_empty() && !repeats && names.len() <= MOST_NAMES;
        fits.then_some(Self { username, algorithm, names, value })
    }
}

/// Takes `, name=".."` off the front.
fn next_field<'a>(name: &str, rest: &mut &'a str) -> Option<&'a str> {
    *rest = rest.strip_prefix(',')?.trim_start();
    field(name, rest)
}

/// Takes `name=".."` off the front; the value may not be empty.
fn field<'a>(name: &str, rest: &mut &'a str) -> Option<&'a str> {
    let (value, after) = rest.strip_prefix(name)?.strip_prefix("=\"")?.split_once('"')?;
    *rest = after;
    Some(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_four_fields_in_order() {
        let want = Signature {
            username: "bob",
            algorithm: "hmac-sha1",
            names: vec!["date", "request-line"],
            value: "c2ln=",
        };
        for (case, value) in [
            (
                "with spaces",
                r#"hmac username="bob", algorithm="hmac-sha1", headers="date request-line", signature="c2ln=""#,
            ),
            (
                "without",
                r#"Hmac username="bob",algorithm="hmac-sha1",headers="date request-line",signature="c2ln=""#,
            ),
            (
                "more spaces",
                r#"  hmac   username="bob",  algorithm="hmac-sha1",  headers="date request-line",   signature="c2ln=" "#,
            ),
        ] {
            assert_eq!(Signature::read(value).as_ref(), Some(&want), "{case}");
        }
    }

    #[test]
    fn refuses_what_is_not_plain() {
        for (case, value) in [
            ("nothing", ""),
            ("the scheme alone", "hmac"),
            ("a name alone", "hmac username"),
            ("no values", "hmac username=,algorithm,headers,dXNlcm5hbWU6cGFzc3dvcmQ="),
            ("another scheme", r#"basic username="b",algorithm="a",headers="d",signature="s""#),
            ("no username", r#"hmac algorithm="a",headers="d",signature="s""#),
            ("an empty username", r#"hmac username="",algorithm="a",headers="d",signature="s""#),
            ("another name for headers", r#"hmac username="b",algorithm="a",wrong="d",signature="s""#),
            ("another name for the signature", r#"hmac username="b",algorithm="a",headers="d",wrong="s""#),
            ("no comma", r#"hmac username="b",algorithm="a" headers="d",signature="s""#),
            ("another order", r#"hmac algorithm="a",username="b",headers="d",signature="s""#),
            ("a quote that does not end", r#"hmac username="b",algorithm="a",headers="d",signature="s"#),
            ("a quote too many", r#"hmac username="b",algorithm="a",headers="d",signature="s"""#),
            (
                "a second username",
                r#"hmac username="b",algorithm="a",headers="d",signature="s",username="c""#,
            ),
            ("a name twice", r#"hmac username="b",algorithm="a",headers="d e d",signature="s""#),
        ] {
            assert_eq!(Signature::read(value), None, "{case}");
        }
        let names = |count: usize| (0..count).map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
        let value =
            |count| format!(r#"hmac username="b",algorithm="a",headers="{}",signature="s""#, names(count));
        assert!(Signature::read(&value(100)).is_some());
        assert_eq!(Signature::read(&value(101)), None);
    }
}
