//! Keys, vaults, and what consumers show, as Kong answers for them.

use serde_json::json;

use super::{EC_KEY, RSA_KEY, judge};
use crate::admin::tests::Admin;

const RSA_PUBLIC: &str = include_str!("../../../../../tests/data/pem/rsa.pub");
/// The same key.
const RSA_PKCS1: &str = include_str!("../../../../../tests/data/pem/rsa.pkcs1.pub");

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
            (
                "a pair in PKCS #1",
                json!({"kid": "2", "pem": {"public_key": RSA_PKCS1, "private_key": RSA_KEY}}),
                json!(null),
            ),
            (
                "PKCS #1 with something in it",
                json!({"kid": "3", "pem": {"public_key": RSA_PKCS1.replacen("MII", "MIJ", 1)}}),
                json!({"pem": "could not load public key"}),
            ),
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
        (201, &json!("bearer"), &json!(59))
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
