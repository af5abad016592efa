//! What is particular about single kinds, as Kong answers it.

use serde_json::{Value, json};

use super::{Admin, NOW};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
pub(super) const RSA_CERT: &str = include_str!("../../../../tests/data/pem/rsa.crt");
pub(super) const RSA_KEY: &str = include_str!("../../../../tests/data/pem/rsa.key");
const RSA_PKCS1: &str = include_str!("../../../../tests/data/pem/rsa-pkcs1.key");
const RSA_PUBLIC: &str = include_str!("../../../../tests/data/pem/rsa.pub");
const EC_CERT: &str = include_str!("../../../../tests/data/pem/ec.crt");
const EC_KEY: &str = include_str!("../../../../tests/data/pem/ec.key");
const EC_SEC1: &str = include_str!("../../../../tests/data/pem/ec-sec1.key");
pub(super) const CA: &str = include_str!("../../../../tests/data/pem/ca.crt");
const EXPIRED: &str = include_str!("../../../../tests/data/pem/expired-ca.crt");

/// Cases of a POST: what is said about the fields, or null if it is accepted.
async fn judge(admin: &Admin, path: &str, cases: &[(&str, Value, Value)]) {
    for (case, sent, want) in cases {
        let reply = admin.json("POST", path, sent.clone()).await;
        let status = if want.is_null() { 201 } else { 400 };
        assert_eq!((reply.status, &reply.body["fields"]), (status, want), "{case}: {}", reply.body);
    }
}

#[tokio::test]
async fn upstreams_agree_with_themselves() {
    let admin = Admin::new().await;
    let made = admin.json("POST", "/upstreams", json!({"name": "u.test"})).await.body;
    assert_eq!(
        (&made["algorithm"], &made["hash_on"], &made["slots"], &made["hash_on_cookie_path"]),
        (&json!("round-robin"), &json!("none"), &json!(10000), &json!("/"))
    );
    let checks = &made["healthchecks"];
    assert_eq!(
        (&checks["threshold"], &checks["active"]["concurrency"], &checks["active"]["headers"]),
        (&json!(0), &json!(10), &json!(null))
    );
    assert_eq!(checks["passive"]["unhealthy"]["http_statuses"], json!([429, 500, 503]));
    let patched = json!({"healthchecks": {"active": {"type": "tcp"}}});
    let patched = admin.json("PATCH", "/upstreams/u.test", patched).await.body;
    assert_eq!(patched["healthchecks"]["active"]["type"], "tcp");
    assert_eq!(patched["healthchecks"]["active"]["concurrency"], 10, "the rest stays");
    for (case, sent, algorithm, hash_on) in [
        (
            "least connections hash nothing",
            json!({"algorithm": "least-connections"}),
            "least-connections",
            "none",
        ),
        ("a hash makes it consistent", json!({"hash_on": "ip"}), "consistent-hashing", "ip"),
        (
            "none makes it round",
            json!({"algorithm": "least-connections", "hash_on": "none"}),
            "round-robin",
            "none",
        ),
        ("null is none", json!({"algorithm": "latency", "hash_on": null}), "latency", "none"),
    ] {
        let found = admin.json("PATCH", "/upstreams/u.test", sent).await.body;
        assert_eq!((&found["algorithm"], &found["hash_on"]), (&json!(algorithm), &json!(hash_on)), "{case}");
    }
}

#[tokio::test]
async fn upstreams_are_judged() {
    let admin = Admin::new().await;
    let conditional =
        |field: &str| json!([format!("failed conditional validation given value of field '{field}'")]);
    judge(
        &admin,
        "/upstreams",
        &[
            ("no name", json!({}), json!({"name": "required field missing"})),
            (
                "an address",
                json!({"name": "1.2.3.4"}),
                json!({"name": "Invalid name ('1.2.3.4'); no ip addresses allowed"}),
            ),
            (
                "a header to hash on",
                json!({"name": "a", "hash_on": "header"}),
                json!({"@entity": conditional("hash_on"), "hash_on_header": "required field missing"}),
            ),
            (
                "a fallback of nothing",
                json!({"name": "a", "hash_fallback": "ip"}),
                json!({"@entity": conditional("hash_on"), "hash_fallback": "expected one of: none"}),
            ),
            (
                "the same header twice",
                json!({"name": "a", "hash_on": "header", "hash_on_header": "x", "hash_fallback": "header",
                    "hash_fallback_header": "x"}),
                json!({"@entity": ["values of these fields must be distinct: 'hash_on_header', 'hash_fallback_header'"]}),
            ),
            (
                "a probe out of range",
                json!({"name": "a", "healthchecks": {"active": {"timeout": 70000}}}),
                json!({"healthchecks": {"active": {"timeout": "value should be between 0 and 65535"}}}),
            ),
            ("good", json!({"name": "a", "host_header": "x.test:81"}), json!(null)),
        ],
    )
    .await;
}

#[tokio::test]
async fn targets_live_below_their_upstream() {
    let admin = Admin::new().await;
    let upstream = admin.make("/upstreams", json!({"name": "u"})).await;
    admin.make("/upstreams", json!({"name": "other"})).await;
    let made = admin.json("POST", "/upstreams/u/targets", json!({"target": "a.test"})).await;
    assert_eq!(
        (made.status, &made.body["target"], &made.body["weight"], &made.body["upstream"]),
        (201, &json!("a.test:8000"), &json!(100), &json!({"id": upstream}))
    );
    admin.state.clock.set_unix_ms(NOW * 1000 + 1234);
    admin.make("/upstreams/u/targets", json!({"target": "b.test:80", "weight": 0})).await;
    let list = admin.get("/upstreams/u/targets").await.body;
    let names: Vec<&Value> =
        list["data"].as_array().unwrap().iter().map(|target| &target["target"]).collect();
    assert_eq!(names, ["b.test:80", "a.test:8000"], "the newest comes first");
    assert_eq!(list["data"][0]["created_at"], json!(4_000_000_001.234));
    let page = admin.get("/upstreams/u/targets?size=1").await.body;
    assert_eq!((&page["next"], &page["offset"]), (&json!("/upstreams/u/targets?offset=1"), &json!("1")));
    let rest = admin.get("/upstreams/u/targets?offset=1").await.body;
    assert_eq!((&rest["data"][0]["target"], &rest["next"]), (&json!("a.test:8000"), &json!(null)));
    assert_eq!(admin.get("/upstreams/u/targets?offset=x").await.body["code"], 7);
    assert_eq!(admin.get("/upstreams/u/targets/all").await.body["data"].as_array().unwrap().len(), 2);
    let again = admin.json("POST", "/upstreams/u/targets", json!({"target": "a.test:8000"})).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!(5)), "{}", again.body);
    assert_eq!(admin.json("POST", "/upstreams/other/targets", json!({"target": "a.test"})).await.status, 201);
    for (method, path, status) in [
        ("GET", "/upstreams/u/targets/b.test:80", 200),
        ("GET", "/upstreams/other/targets/b.test:80", 404),
        ("PUT", "/upstreams/u/targets/none.test:80", 404),
        ("PUT", "/upstreams/u/targets/b.test:80", 200),
        ("DELETE", "/upstreams/other/targets/b.test:80", 404),
        ("DELETE", "/upstreams/u/targets/b.test:80", 204),
        ("DELETE", "/upstreams/u/targets/b.test:80", 404),
        ("GET", "/targets", 404),
        ("POST", "/upstreams/u/targets/a.test:8000/healthy", 405),
        ("PUT", "/upstreams/u/targets/x.test:1/healthy", 404),
    ] {
        let reply = admin.json(method, path, json!({"weight": 7})).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    }
    let health = admin.get("/upstreams/u/health").await.body;
    assert_eq!(
        (&health["data"][0]["target"], &health["data"][0]["health"], &health["node_id"]),
        (&json!("a.test:8000"), &json!("HEALTHCHECKS_OFF"), &json!(admin.state.settings.node_id))
    );
    let balancer = admin.get("/upstreams/u/health?balancer_health=1").await.body;
    assert_eq!(balancer["data"], json!({"id": upstream, "health": "HEALTHCHECKS_OFF"}));
    let told = admin.call("PUT", "/upstreams/u/targets/a.test:8000/healthy").await;
    assert_eq!((told.status, &told.body["message"]), (400, &json!("Upstream u has no balancer")));
    let bad = admin.json("POST", "/upstreams/u/targets", json!({"target": "a b"})).await.body;
    assert_eq!(bad["fields"]["target"], "Invalid target ('a b'); not a valid hostname or ip address");
    assert_eq!(admin.call("DELETE", "/upstreams/u").await.status, 204, "targets go with it");
}

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

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn keys_and_vaults_are_judged() {
    let admin = Admin::new().await;
    let jwk = |kid: &str| {
        json!({"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
            .to_string()
    };
    admin.make("/key-sets", json!({"name": "set"})).await;
    judge(
        &admin,
        "/keys",
        &[
            (
                "neither",
                json!({"kid": "1"}),
                json!({"@entity": ["at least one of these fields must be non-empty: 'jwk', 'pem'"]}),
            ),
            (
                "both",
                json!({"kid": "1", "jwk": jwk("1"), "pem": {"public_key": RSA_PUBLIC}}),
                json!({"@entity": ["only one or none of these fields must be set: 'jwk', 'pem'"]}),
            ),
            (
                "another id",
                json!({"kid": "1", "jwk": jwk("2")}),
                json!({"@entity": ["kid in jwk.kid must be equal to keys.kid"]}),
            ),
            ("no JSON", json!({"kid": "1", "jwk": "{"}), json!({"@entity": ["could not json decode jwk string"]})),
            (
                "no key",
                json!({"kid": "1", "jwk": "{\"kid\":\"1\",\"kty\":\"RSA\"}"}),
                json!({"@entity": ["could not load JWK, likely not a valid key"]}),
            ),
            (
                "empty",
                json!({"kid": "1", "pem": {}}),
                json!({"pem": {"@entity": ["at least one of these fields must be non-empty: 'private_key', 'public_key'"]}}),
            ),
            (
                "a broken half",
                json!({"kid": "1", "pem": {"public_key": "x"}}),
                json!({"pem": "could not load public key"}),
            ),
            (
                "two that do not match",
                json!({"kid": "1", "pem": {"public_key": RSA_PUBLIC, "private_key": EC_KEY}}),
                json!({"pem": "public key does not match private key"}),
            ),
            ("good", json!({"kid": "1", "jwk": jwk("1"), "name": "k", "set": {"name": "set"}}), json!(null)),
            ("a pair", json!({"kid": "1", "pem": {"public_key": RSA_PUBLIC, "private_key": RSA_KEY}}), json!(null)),
        ],
    )
    .await;
    let twice = admin.json("POST", "/key-sets/set/keys", json!({"kid": "1", "jwk": jwk("1")})).await;
    assert_eq!(twice.status, 409, "{}", twice.body);
    assert_eq!(admin.get("/keys/k/set").await.body["name"], "set");
    assert_eq!(admin.call("DELETE", "/key-sets/set").await.status, 204);
    assert_eq!(admin.get("/keys/k").await.status, 404, "keys go with their set");
    let env = json!({"name": "env", "prefix": "my-env", "config": {"prefix": "A_"}});
    judge(
        &admin,
        "/vaults",
        &[
            (
                "unknown",
                json!({"name": "aws", "prefix": "x-y"}),
                json!({"name": "vault 'aws' is not installed"}),
            ),
            (
                "a name of Kong's",
                json!({"name": "env", "prefix": "env"}),
                json!({"prefix": "must not be one of: env"}),
            ),
            ("a bad prefix", json!({"name": "env", "prefix": "9"}), json!({"prefix": "invalid value: 9"})),
            (
                "an unknown setting",
                json!({"name": "env", "prefix": "b-c", "config": {"x": 1}}),
                json!({"config": {"x": "unknown field"}}),
            ),
            ("good", env, json!(null)),
        ],
    )
    .await;
    let changed = admin.json("PATCH", "/vaults/my-env", json!({"config": {"prefix": "B_"}})).await.body;
    assert_eq!(changed["config"], json!({"prefix": "B_"}));
}

#[tokio::test]
async fn credentials_are_kept_as_kong_keeps_them() {
    let admin = Admin::new().await;
    let bob = admin.make("/consumers", json!({"username": "bob"})).await;
    let eve = admin.make("/consumers", json!({"username": "eve"})).await;
    // printf '%s' "secret$id" | sha1sum
    let hash = |password: &str, consumer: &str| {
        use sha1::Digest;
        let digest = sha1::Sha1::digest(format!("{password}{consumer}"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let made =
        admin.json("POST", "/consumers/bob/basic-auth", json!({"username": "u", "password": "secret"})).await;
    assert_eq!((made.status, &made.body["password"]), (201, &json!(hash("secret", &bob))));
    let tagged = admin.json("PATCH", "/basic-auths/u", json!({"tags": ["t"]})).await.body;
    assert_eq!(tagged["password"], made.body["password"], "a hash is not hashed again");
    let changed = admin.json("PATCH", "/basic-auths/u", json!({"password": "new"})).await.body;
    assert_eq!(changed["password"], hash("new", &bob));
    let moved = admin.json("PATCH", "/basic-auths/u", json!({"consumer": {"id": eve}})).await;
    let text = "all or none of these fields must be set: 'password', 'consumer.id'";
    assert_eq!((moved.status, &moved.body["fields"]), (400, &json!({"@entity": [text]})));

    let oauth = json!({"name": "app", "client_secret": "s3cret", "hash_secret": true,
        "redirect_uris": ["https://a.test/back"]});
    let oauth = admin.json("POST", "/consumers/bob/oauth2", oauth).await;
    let secret = oauth.body["client_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("$pbkdf2-sha512$i=10000,l=32$"), "{secret}");
    let id = oauth.body["client_id"].as_str().unwrap();
    let renamed = admin.json("PATCH", &format!("/oauth2/{id}"), json!({"name": "b"})).await.body;
    assert_eq!((&renamed["name"], &renamed["client_secret"]), (&json!("b"), &json!(secret)));
    let token = admin
        .json("POST", &format!("/oauth2/{id}/oauth2_tokens"), json!({"expires_in": 60, "ttl": 60}))
        .await;
    assert_eq!(
        (token.status, &token.body["token_type"], &token.body["ttl"]),
        (201, &json!("bearer"), &json!(60))
    );
}

#[tokio::test]
async fn credentials_belong_to_consumers() {
    let admin = Admin::new().await;
    let bob = admin.make("/consumers", json!({"username": "bob"})).await;
    admin.make("/consumers", json!({"username": "eve"})).await;
    admin.make("/consumers/bob/basic-auth", json!({"username": "u", "password": "p"})).await;
    admin.make("/consumers/bob/oauth2", json!({"name": "a", "client_id": "a"})).await;
    admin.make("/oauth2/a/oauth2_tokens", json!({"expires_in": 60})).await;
    let jwt = admin.json("POST", "/consumers/bob/jwt", json!({"key": "iss"})).await.body;
    assert_eq!((jwt["secret"].as_str().map(str::len), &jwt["algorithm"]), (Some(32), &json!("HS256")));
    let conditional = "failed conditional validation given value of field 'algorithm'";
    judge(
        &admin,
        "/consumers/bob/jwt",
        &[
            (
                "no key",
                json!({"algorithm": "RS256"}),
                json!({"@entity": [conditional], "rsa_public_key": "required field missing"}),
            ),
            (
                "a text",
                json!({"algorithm": "RS256", "rsa_public_key": "x"}),
                json!({"@entity": [conditional], "rsa_public_key": "invalid key"}),
            ),
            ("a key", json!({"algorithm": "RS256", "rsa_public_key": RSA_PUBLIC}), json!(null)),
        ],
    )
    .await;
    let group = admin.json("PUT", "/consumers/bob/acls/admins", json!({})).await;
    assert_eq!((group.status, &group.body["group"]), (200, &json!("admins")), "{}", group.body);
    assert_eq!(admin.get("/consumers/bob/acls/admins").await.body["id"], group.body["id"]);
    assert_eq!(admin.get("/consumers/eve/acls/admins").await.status, 404);
    assert_eq!(admin.get("/acls/admins").await.body["code"], 1, "there is no name at the top");
    let clash = admin.json("POST", "/consumers/bob/acls", json!({"group": "admins"})).await;
    assert_eq!(
        (clash.status, &clash.body["message"]),
        (
            409,
            &json!(format!("UNIQUE violation detected on '{{consumer={{id=\"{bob}\"}},group=\"admins\"}}'"))
        )
    );
    assert_eq!(admin.call("DELETE", "/consumers/bob").await.status, 204);
    for path in ["/acls", "/basic-auths", "/jwts", "/oauth2", "/oauth2_tokens", "/hmac-auths"] {
        assert_eq!(admin.get(path).await.body, json!({"data": [], "next": null}), "{path}");
    }
}

#[tokio::test]
async fn groups_have_members() {
    let admin = Admin::new().await;
    let bob = admin.make("/consumers", json!({"username": "bob"})).await;
    admin.make("/consumers", json!({"username": "eve"})).await;
    let gold = admin.make("/consumer_groups", json!({"name": "gold"})).await;
    admin.make("/consumer_groups", json!({"name": "tin"})).await;
    let joined = admin.json("POST", "/consumer_groups/gold/consumers", json!({"consumer": "bob"})).await;
    assert_eq!(
        (joined.status, &joined.body["consumer_group"]["id"], &joined.body["consumers"][0]["id"]),
        (201, &json!(gold), &json!(bob))
    );
    let again = admin.json("POST", "/consumer_groups/gold/consumers", json!({"consumer": bob})).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!(5)), "{}", again.body);
    let both =
        admin.json("POST", "/consumer_groups/tin/consumers", json!({"consumer": ["bob", "eve"]})).await;
    assert_eq!(both.body["consumers"].as_array().map(Vec::len), Some(2), "{}", both.body);
    let group = admin.json("POST", "/consumers/eve/consumer_groups", json!({"group": "gold"})).await;
    assert_eq!((group.status, &group.body["consumer_groups"][0]["name"]), (201, &json!("gold")));
    for (path, name, count) in [
        ("/consumer_groups/gold/consumers", "consumers", 2),
        ("/consumers/bob/consumer_groups", "consumer_groups", 2),
        ("/consumers/eve/consumer_groups/tin", "consumer_groups", 1),
        ("/consumer_groups/gold", "consumers", 2),
        ("/consumer_groups", "data", 2),
    ] {
        let found = admin.get(path).await.body;
        assert_eq!(found[name].as_array().map(Vec::len), Some(count), "{path}: {found}");
    }
    for (method, path, status) in [
        ("POST", "/consumer_groups/gold/consumers", 400),
        ("DELETE", "/consumer_groups/gold/consumers/bob", 204),
        ("GET", "/consumer_groups/gold/consumers/bob", 404),
        ("DELETE", "/consumers/eve/consumer_groups", 204),
        ("GET", "/consumer_groups/gold/consumers/eve", 404),
        ("DELETE", "/consumer_groups/tin", 204),
        ("GET", "/consumers/bob/consumer_groups/tin", 404),
    ] {
        assert_eq!(admin.json(method, path, json!({})).await.status, status, "{method} {path}");
    }
    assert_eq!(admin.get("/consumers/bob/consumer_groups").await.body["consumer_groups"], json!([]));
}

#[tokio::test]
async fn everything_is_in_the_one_workspace() {
    let admin = Admin::new().await;
    let found = admin.get("/workspaces/default").await.body;
    assert_eq!(found["id"], "0dc6f45b-8f8d-40d2-a504-473544ee190b");
    assert!(found["created_at"].as_i64().unwrap() > 1_700_000_000, "{found}");
    assert_eq!(admin.get("/workspaces").await.body["data"], json!([found]));
    assert_eq!(admin.json("POST", "/workspaces", json!({"name": "x"})).await.status, 405);
    admin.make("/default/services", json!({"name": "s", "host": "a"})).await;
    assert_eq!(admin.get("/services/s").await.status, 200);
    assert_eq!(admin.get("/other/services").await.status, 404);
}

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let admin = Admin::new().await;
    let wasm = "this endpoint is only available when wasm is enabled";
    let plane =
        "this endpoint is only available when Kong is configured to run as Control Plane for the cluster";
    let tags = "schema violation (tags: does not support insert/upsert/update/delete operations)";
    for (method, path, status, message) in [
        ("GET", "/filter-chains", 400, wasm),
        ("POST", "/routes/x/filter-chains", 400, wasm),
        ("GET", "/routes/x/filters/all", 400, wasm),
        ("GET", "/clustering/data-planes", 400, plane),
        ("GET", "/clustering/status", 400, plane),
        ("GET", "/status/dns", 501, "not implemented with the legacy DNS client"),
        ("POST", "/tags", 400, tags),
        ("PUT", "/tags/x", 400, tags),
        ("DELETE", "/tags/x", 400, tags),
        ("GET", "/cache/x", 404, "Not found"),
        ("GET", "/debug/node/log-level", 200, "log level: notice"),
        ("DELETE", "/timers", 405, "Method not allowed"),
    ] {
        let reply = admin.call(method, path).await;
        let said = reply.body["message"].as_str();
        assert_eq!((reply.status, said), (status, Some(message)), "{method} {path}");
    }
    assert_eq!(admin.get("/timers").await.body["stats"]["sys"]["running"], 0);
    assert_eq!(admin.call("DELETE", "/cache/x").await.status, 204);
    assert_eq!(admin.call("DELETE", "/cache").await.status, 204);
    assert_eq!(admin.forgotten.load(std::sync::atomic::Ordering::Relaxed), 1, "the node was told");
    assert_eq!(admin.get(&format!("/services/{NOBODY}/plugins")).await.status, 404);
}
