//! Certificates, their names, and authorities, as Kong answers for them.

use serde_json::{Value, json};

use super::{CA, EC_KEY, RSA_CERT, RSA_KEY, judge};
use crate::admin::tests::Admin;

const RSA_PKCS1: &str = include_str!("../../../../../tests/data/pem/rsa-pkcs1.key");
const EC_CERT: &str = include_str!("../../../../../tests/data/pem/ec.crt");
const EC_SEC1: &str = include_str!("../../../../../tests/data/pem/ec-sec1.key");
const EXPIRED: &str = include_str!("../../../../../tests/data/pem/expired-ca.crt");

#[tokio::test]
async fn certificates_and_their_names_are_written_together() {
    let admin = Admin::new().await;
    let sent = json!({"cert": RSA_CERT, "key": RSA_KEY, "snis": ["b.test", "a.test"]});
    let made = admin.json("POST", "/certificates", sent.clone()).await;
    assert_eq!((made.status, &made.body["snis"]), (201, &json!(["a.test", "b.test"])), "{}", made.body);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(admin.get("/certificates").await.body["data"][0]["snis"], json!(["a.test", "b.test"]));
    assert_eq!(admin.get("/certificates/a.test").await.body["id"], id, "found by a name");
    assert_eq!(admin.get("/snis/a.test").await.body["certificate"], json!({"id": id}));
    assert_eq!(admin.get("/snis/a.test/certificate").await.status, 404);
    assert_eq!(admin.get("/certificates/a.test/snis").await.body["data"].as_array().unwrap().len(), 2);
    let path = format!("/certificates/{id}");
    let kept = admin.json("PATCH", &path, json!({"tags": ["x"]})).await.body;
    assert_eq!(kept["snis"], json!(["a.test", "b.test"]), "a PATCH without names leaves them");
    let changed = admin.json("PATCH", &path, json!({"snis": ["c.test", "b.test"]})).await.body;
    assert_eq!(changed["snis"], json!(["b.test", "c.test"]));
    assert_eq!(admin.get("/snis/a.test").await.status, 404);
    let put = admin.json("PUT", &path, json!({"cert": EC_CERT, "key": EC_KEY})).await.body;
    assert_eq!(put["snis"], json!([]), "a PUT without names removes them: {put}");
    for (method, want) in [("GET", "SNI not found"), ("PATCH", "SNI not found"), ("DELETE", "SNI not found")]
    {
        let reply = admin.json(method, "/certificates/new.test", json!({})).await;
        assert_eq!((reply.status, &reply.body["message"]), (404, &json!(want)), "{method}");
    }
    let named = admin.json("PUT", "/certificates/new.test", json!({"cert": EC_CERT, "key": EC_SEC1})).await;
    assert_eq!((named.status, &named.body["snis"]), (200, &json!(["new.test"])), "{}", named.body);
    let owner = named.body["id"].clone();
    let again = admin
        .json(
            "PUT",
            "/certificates/new.test",
            json!({"cert": RSA_CERT, "key": RSA_PKCS1,
        "snis": ["new.test"]}),
        )
        .await
        .body;
    assert_eq!(again["id"], owner, "the same certificate: {again}");
    admin
        .make("/services", json!({"url": "https://a.test", "name": "s", "client_certificate": {"id": id}}))
        .await;
    let refused = admin.call("DELETE", &path).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!(4)), "a service uses it");
    assert_eq!(admin.call("DELETE", "/services/s").await.status, 204);
    assert_eq!(admin.call("DELETE", "/certificates/new.test").await.status, 204);
    assert_eq!(admin.get("/snis").await.body["data"], json!([]), "names go with their certificate");
}

#[tokio::test]
async fn certificates_are_judged() {
    let admin = Admin::new().await;
    let owner =
        admin.make("/certificates", json!({"cert": EC_CERT, "key": EC_KEY, "snis": ["new.test"]})).await;
    let taken = format!("new.test already associated with existing certificate '{}'", owner);
    let pair = |extra: Value| {
        let mut body = json!({"cert": RSA_CERT, "key": RSA_KEY});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let same = "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), \
                the provided certificates were both of the same type";
    judge(
        &admin,
        "/certificates",
        &[
            ("twice", pair(json!({"snis": ["d", "d"]})), json!({"snis": "d is duplicated"})),
            ("somebody else's", pair(json!({"snis": ["new.test"]})), json!({"snis": taken})),
            ("an address", pair(json!({"snis": ["1.2.3.4"]})), json!({"snis": ["must not be an IP"]})),
            (
                "another key",
                pair(json!({"key": EC_KEY})),
                json!({"@entity": ["certificate does not match key"]}),
            ),
            (
                "half a pair",
                pair(json!({"cert_alt": EC_CERT})),
                json!({"@entity": ["all or none of these fields must be set: 'cert_alt', 'key_alt'"]}),
            ),
            (
                "two alike",
                pair(json!({"cert_alt": RSA_CERT, "key_alt": RSA_KEY})),
                json!({"@entity": [same]}),
            ),
            (
                "text",
                pair(json!({"cert": "x"})),
                json!({"cert": "invalid certificate: no CERTIFICATE block"}),
            ),
            ("both sorts", pair(json!({"cert_alt": EC_CERT, "key_alt": EC_KEY})), json!(null)),
            ("in a vault", json!({"cert": "{vault://env/cert}", "key": "{vault://env/key}"}), json!(null)),
        ],
    )
    .await;
}

#[tokio::test]
async fn authorities_are_what_they_say() {
    let admin = Admin::new().await;
    let made = admin.json("POST", "/ca_certificates", json!({"cert": CA})).await;
    let digest = made.body["cert_digest"].as_str().map(str::len);
    assert_eq!((made.status, digest), (201, Some(64)), "{}", made.body);
    let again = admin.json("POST", "/ca_certificates", json!({"cert": CA})).await;
    assert_eq!((again.status, &again.body["fields"]["cert_digest"]), (409, &made.body["cert_digest"]));
    judge(
        &admin,
        "/ca_certificates",
        &[
            (
                "two",
                json!({"cert": format!("{CA}{CA}")}),
                json!({"@entity": ["please submit only one certificate at a time"]}),
            ),
            (
                "expired",
                json!({"cert": EXPIRED}),
                json!({"@entity": ["certificate expired, \"Not After\" time is in the past"]}),
            ),
            (
                "no authority",
                json!({"cert": EC_CERT}),
                json!({"@entity": ["certificate does not appear to be a CA because it is missing the \"CA\" basic constraint"]}),
            ),
        ],
    )
    .await;
    let id = made.body["id"].as_str().unwrap();
    let service = admin.make("/services", json!({"url": "https://a.test", "ca_certificates": [id]})).await;
    let refused = admin.call("DELETE", &format!("/ca_certificates/{id}")).await;
    assert_eq!(
        (refused.status, refused.body),
        (
            400,
            json!({"code": 19, "name": "referenced by others",
                "message": format!("ca certificate {id} is still referenced by services (id = {service})")})
        )
    );
    assert_eq!(admin.get("/ca_certificates/name").await.body["code"], 1, "there is no name");
    assert_eq!(admin.call("DELETE", &format!("/services/{service}")).await.status, 204);
    assert_eq!(admin.call("DELETE", &format!("/ca_certificates/{id}")).await.status, 204);
}
