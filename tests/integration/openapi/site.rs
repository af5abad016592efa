//! A gateway with one entity of every kind, each in every relation that its kind has.

use anyhow::Context as _;
use gateway_tests::Gateway;
use http::Method;
use serde_json::{Value, json};

use crate::setup::{header_edit, root};

/// What stands for the parameters of paths: their name and a value that is there.
pub(super) type Site = Vec<(&'static str, String)>;

/// Makes the entities.
pub(super) async fn furnish(gateway: &Gateway) -> anyhow::Result<Site> {
    let pem = |name: &str| std::fs::read_to_string(root().join("tests/data/pem").join(name));
    let mut site = Site::new();
    let certificate = json!({ "cert": pem("rsa.crt")?, "key": pem("rsa.key")?, "snis": ["c.test"] });
    let certificate = make(gateway, &mut site, ("certificates", "/certificates"), certificate).await?;
    let sni = gateway.apply(Method::GET, "/snis/c.test", &Value::Null).await?;
    site.push(("snis", id(&sni)?));
    make(gateway, &mut site, ("ca_certificates", "/ca_certificates"), json!({ "cert": pem("ca.crt")? }))
        .await?;

    let service = json!({ "name": "s", "url": "https://127.0.0.1:9", "client_certificate": certificate });
    let service = make(gateway, &mut site, ("services", "/services"), service).await?;
    let route = json!({ "name": "r", "paths": ["/r"], "service": service, "tags": ["t"] });
    let route = make(gateway, &mut site, ("routes", "/routes"), route).await?;
    let consumer = make(gateway, &mut site, ("consumers", "/consumers"), json!({ "username": "c" })).await?;
    let group =
        make(gateway, &mut site, ("consumer_groups", "/consumer_groups"), json!({ "name": "g" })).await?;
    let plugin = json!({ "name": "response-transformer", "instance_name": "p", "route": route, "service": service,
        "consumer": consumer, "consumer_group": group });
    make(gateway, &mut site, ("plugins", "/plugins"), plugin).await?;

    let upstream = json!({ "name": "u.test", "client_certificate": certificate });
    make(gateway, &mut site, ("upstreams", "/upstreams"), upstream).await?;
    let target = json!({ "target": "127.0.0.1:9" });
    make(gateway, &mut site, ("targets", "/upstreams/u.test/targets"), target).await?;
    let set = make(gateway, &mut site, ("key_sets", "/key-sets"), json!({ "name": "ks" })).await?;
    let jwk = json!({ "kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let key = json!({ "name": "k", "kid": "1", "jwk": jwk.to_string(), "set": set });
    make(gateway, &mut site, ("keys", "/keys"), key).await?;
    make(gateway, &mut site, ("vaults", "/vaults"), json!({ "name": "env", "prefix": "my-env" })).await?;
    let token = json!({ "name": "t", "role": "read-only" });
    make(gateway, &mut site, ("admin_tokens", "/admin-tokens"), token).await?;
    credentials(gateway, &mut site, &consumer, &service).await?;
    join(gateway).await?;

    let uploaded = gateway.upload(header_edit("1.0.0")?).await?.json();
    site.push(("custom_plugins", id(&uploaded)?));
    let fixed = [
        ("workspaces", "default"),
        ("version", "1.0.0"),
        ("tags", "t"),
        ("address", "127.0.0.1:9"),
        ("log_level", "info"),
        ("db_entity_name", "services"),
        ("key", "x"),
        ("filter_chains", "x"),
    ];
    site.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    Ok(site)
}

async fn credentials(
    gateway: &Gateway,
    site: &mut Site,
    consumer: &Value,
    service: &Value,
) -> anyhow::Result<()> {
    for (kind, path, body) in [
        ("acls", "/acls", json!({ "group": "a" })),
        ("basicauth_credentials", "/basic-auths", json!({ "username": "b", "password": "p" })),
        ("hmacauth_credentials", "/hmac-auths", json!({ "username": "h" })),
        ("jwt_secrets", "/jwts", json!({ "key": "j" })),
        ("keyauth_credentials", "/key-auths", json!({ "key": "ka" })),
        ("oauth2_credentials", "/oauth2", json!({ "name": "o", "client_id": "oid" })),
    ] {
        let mut body = body;
        body["consumer"] = consumer.clone();
        make(gateway, site, (kind, path), body).await?;
    }
    let token = json!({ "credential": { "client_id": "oid" }, "service": service, "expires_in": 0 });
    make(gateway, site, ("oauth2_tokens", "/oauth2_tokens"), token).await?;
    Ok(())
}

/// Puts the consumer into the group.
pub(super) async fn join(gateway: &Gateway) -> anyhow::Result<()> {
    gateway.apply(Method::POST, "/consumer_groups/g/consumers", &json!({ "consumer": "c" })).await?;
    Ok(())
}

/// Makes an entity, notes its id, and gives a reference to it.
async fn make(
    gateway: &Gateway,
    site: &mut Site,
    (kind, path): (&'static str, &str),
    body: Value,
) -> anyhow::Result<Value> {
    let made = gateway.apply(Method::POST, path, &body).await?;
    let id = id(&made)?;
    site.push((kind, id.clone()));
    Ok(json!({ "id": id }))
}

fn id(entity: &Value) -> anyhow::Result<String> {
    Ok(entity["id"].as_str().with_context(|| format!("no id in {entity}"))?.to_owned())
}
