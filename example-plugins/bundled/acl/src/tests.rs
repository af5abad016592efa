//! Kong's rules for `acl`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Host, Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, Input, RequestVerdict, Value};

use super::Acl;

/// Whom an earlier plugin found.
#[derive(Debug, Clone, Copy)]
enum Caller {
    Nobody,
    Consumer,
    /// A consumer that stands in.
    Anonymous,
    /// A credential of no consumer.
    Credential,
}

use Caller::{Anonymous, Consumer, Credential, Nobody};

fn call(config: Json, caller: Caller, groups: &[&str]) -> Outcome {
    Host::new().groups(groups).install();
    let known = |id: &str| Value::Text(id.into());
    let request = Request::get("/").header("x-consumer-groups", "forged");
    let request = match caller {
        Nobody => request,
        Consumer => {
            request.fact(&Input::ConsumerId, known("id-1")).fact(&Input::CredentialId, known("key-1"))
        }
        Anonymous => request.fact(&Input::ConsumerId, known("id-2")),
        Credential => request.fact(&Input::CredentialId, known("token-1")),
    };
    Tester::<Acl>::new(&config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(&request)
}

const ADMIN: [&str; 1] = ["admin"];
const PRO: [&str; 2] = ["pro", "hello"];

#[test]
fn lets_in_by_group() {
    let (refused, unknown) = (Some((403, "You cannot consume this service")), Some((401, "Unauthorized")));
    let allow = |groups: &[&str]| json!({ "allow": groups });
    let deny = |groups: &[&str]| json!({ "deny": groups });
    for (case, config, caller, groups, want) in [
        ("nobody is known", allow(&ADMIN), Nobody, &[][..], unknown),
        ("nobody is known, and some are denied", deny(&ADMIN), Nobody, &[], unknown),
        ("a consumer of the group", allow(&ADMIN), Consumer, &ADMIN, None),
        ("a consumer of another group", allow(&ADMIN), Consumer, &PRO, refused),
        ("a consumer of no group", allow(&ADMIN), Consumer, &[], refused),
        ("a consumer of one of several groups", allow(&["admin", "pro"]), Consumer, &PRO, None),
        ("a consumer by its second group", allow(&["hello"]), Consumer, &PRO, None),
        ("groups are compared whole", allow(&["hell", "hello world"]), Consumer, &PRO, refused),
        ("and by case", allow(&["Admin"]), Consumer, &ADMIN, refused),
        ("a consumer of a denied group", deny(&ADMIN), Consumer, &ADMIN, refused),
        ("a consumer of one denied group among several", deny(&["admin", "hello"]), Consumer, &PRO, refused),
        ("a consumer of no denied group", deny(&ADMIN), Consumer, &PRO, None),
        ("a consumer of no group, and some are denied", deny(&ADMIN), Consumer, &[], None),
        ("an anonymous consumer of the group", allow(&["anonymous"]), Anonymous, &["anonymous"], None),
        ("an anonymous consumer of another group", allow(&ADMIN), Anonymous, &["anonymous"], refused),
        ("an anonymous consumer of no group", allow(&ADMIN), Anonymous, &[], unknown),
        ("an anonymous consumer of no group, and some are denied", deny(&ADMIN), Anonymous, &[], None),
        ("groups without a consumer", allow(&ADMIN), Nobody, &ADMIN, None),
        ("groups without a consumer, denied", deny(&ADMIN), Nobody, &ADMIN, refused),
        ("a credential with groups and no consumer", allow(&ADMIN), Credential, &ADMIN, None),
        ("a credential without groups and consumer", allow(&ADMIN), Credential, &[], refused),
        ("a credential without groups, and some are denied", deny(&ADMIN), Credential, &[], refused),
        ("a list that is empty lets nobody in", json!({"allow": [], "deny": []}), Consumer, &ADMIN, refused),
        (
            "an empty list to deny by does not count",
            json!({"allow": ["admin"], "deny": []}),
            Consumer,
            &PRO,
            refused,
        ),
    ] {
        let outcome = call(config, caller, groups);
        match want {
            None => assert!(matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_))), "{case}: {outcome:?}"),
            Some((status, message)) => {
                let answer = outcome.answer();
                assert_eq!(
                    (answer.status, &answer.body),
                    (status, &AnswerBody::Message(message.into())),
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn tells_the_upstream_the_groups() {
    let (allow, always) = (json!({ "allow": ["pro"] }), "always_use_authenticated_groups");
    let with = |field: &str| json!({ "allow": ["pro"], field: true });
    for (case, config, caller, of_consumer, named) in [
        ("of a consumer", allow.clone(), Consumer, Some("pro, hello"), None),
        ("of an anonymous consumer", allow.clone(), Anonymous, Some("pro, hello"), None),
        ("of nobody in particular", allow.clone(), Nobody, None, Some("pro, hello")),
        ("of a credential", allow, Credential, None, Some("pro, hello")),
        ("as the plugin named them", with(always), Consumer, None, Some("pro, hello")),
        ("not if they are to be hidden", with("hide_groups_header"), Consumer, None, None),
        ("nor those without a consumer", with("hide_groups_header"), Nobody, None, None),
    ] {
        let headers = call(config, caller, &PRO).headers;
        assert_eq!(headers.all("x-consumer-groups").first().copied(), of_consumer, "{case}");
        assert_eq!(headers.get("x-authenticated-groups"), named, "{case}");
    }
    let headers = call(json!({ "deny": ["pro"] }), Consumer, &[]).headers;
    assert_eq!(headers.all("x-consumer-groups"), [""], "none, and not what the caller said");
}

#[test]
fn a_group_that_no_header_can_name_is_kept_from_the_upstream() {
    let outcome = call(json!({ "allow": ["pro"] }), Consumer, &["pro", "a\r\nx: y"]);
    assert!(matches!(outcome.verdict, Ok(RequestVerdict::Proceed(_))), "{outcome:?}");
    assert_eq!(outcome.headers.get("x-consumer-groups"), None);
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for (field, default) in [
        ("allow", json!(null)),
        ("deny", json!(null)),
        ("hide_groups_header", json!(false)),
        ("always_use_authenticated_groups", json!(false)),
    ] {
        assert_eq!(schema["properties"][field]["default"], default, "{field}");
    }
    let checks = json!([{"only_one_of": ["allow", "deny"]}, {"at_least_one_of": ["allow", "deny"]}]);
    assert_eq!(schema["x-checks"], checks);
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
