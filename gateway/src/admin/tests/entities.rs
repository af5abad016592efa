//! The generic endpoints, case by case as Kong answers them.

use serde_json::json;

use super::{Admin, NOW};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn a_service_lives_and_dies() {
    let admin = Admin::new().await;
    let made = admin.json("POST", "/services", json!({"name": "s", "url": "http://u.test:81/p"})).await;
    assert_eq!(made.status, 201);
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(
        (
            &made.body["host"],
            &made.body["port"],
            &made.body["path"],
            &made.body["retries"],
            &made.body["created_at"]
        ),
        (&json!("u.test"), &json!(81), &json!("/p"), &json!(5), &json!(NOW))
    );
    for path in ["/services/s", "/services/s/", &format!("/services/{id}")] {
        assert_eq!(admin.get(path).await.body, made.body, "{path}");
    }
    let changed = admin.json("PATCH", "/services/s", json!({"port": 82})).await;
    assert_eq!(
        (changed.status, &changed.body["port"], &changed.body["host"]),
        (200, &json!(82), &json!("u.test"))
    );
    let put = admin.json("PUT", "/services/s", json!({"host": "v.test", "name": "other"})).await;
    assert_eq!(
        (put.status, &put.body["port"], &put.body["name"]),
        (200, &json!(80), &json!("s")),
        "replaced as a whole"
    );
    assert_eq!(put.body["id"], made.body["id"], "the id is kept");
    assert_eq!(admin.call("DELETE", "/services/s").await.status, 204);
    assert_eq!(admin.call("DELETE", "/services/s").await.status, 204, "nothing to delete is no error");
    let gone = admin.get("/services/s").await;
    assert_eq!((gone.status, gone.body), (404, json!({"message": "Not found"})));
}

#[tokio::test]
async fn upsert_makes_what_is_not_there() {
    let admin = Admin::new().await;
    let put = admin
        .json(
            "PUT",
            &format!("/services/{NOBODY}"),
            json!({"host": "a", "id": "11111111-1111-4111-8111-111111111111"}),
        )
        .await;
    assert_eq!((put.status, &put.body["id"]), (200, &json!(NOBODY)), "the path's id is used");
    let named = admin.json("PUT", "/consumers/bob", json!({})).await;
    assert_eq!((named.status, &named.body["username"]), (200, &json!("bob")));
    let below = admin.json("PUT", &format!("/services/{NOBODY}/routes/r"), json!({"paths": ["/"]})).await;
    assert_eq!((below.status, &below.body["service"]), (200, &json!({"id": NOBODY})));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn errors_are_kongs() {
    let admin = Admin::new().await;
    let service = admin.make("/services", json!({"name": "s", "host": "a"})).await;
    admin.make("/services/s/routes", json!({"name": "r", "paths": ["/"]})).await;
    admin.make("/plugins", json!({"name": "key-auth", "service": {"id": service}})).await;
    for (case, method, path, body, status, want) in [
        (
            "schema",
            "POST",
            "/services",
            json!({"port": 1.5, "x": 1}),
            400,
            json!({"code": 2, "name": "schema violation",
                "message": "3 schema violations (host: required field missing; port: expected an integer; x: unknown field)",
                "fields": {"host": "required field missing", "port": "expected an integer", "x": "unknown field"}}),
        ),
        (
            "unique",
            "POST",
            "/services",
            json!({"name": "s", "host": "a"}),
            409,
            json!({"code": 5, "name": "unique constraint violation", "message": "UNIQUE violation detected on '{name=\"s\"}'", "fields": {"name": "s"}}),
        ),
        (
            "primary key",
            "POST",
            "/services",
            json!({"id": service, "host": "a"}),
            400,
            json!({"code": 3, "name": "primary key violation", "message": format!("primary key violation on key '{{id=\"{service}\"}}'"), "fields": {"id": service}}),
        ),
        (
            "dangling reference",
            "POST",
            "/routes",
            json!({"paths": ["/"], "service": {"id": NOBODY}}),
            400,
            json!({"code": 4, "name": "foreign key violation",
                "message": format!("the foreign key '{{id=\"{NOBODY}\"}}' does not reference an existing 'services' entity."),
                "fields": {"service": {"id": NOBODY}}}),
        ),
        (
            "unresolved",
            "POST",
            "/routes",
            json!({"paths": ["/"], "service": {"name": "x"}}),
            400,
            json!({"code": 13, "name": "foreign keys unresolved",
                "message": "foreign key unresolved (service.name: the foreign key cannot be resolved with '{name=\"x\"}' for an existing 'services' entity)",
                "fields": {"service": {"name": "the foreign key cannot be resolved with '{name=\"x\"}' for an existing 'services' entity"}}}),
        ),
        (
            "referenced",
            "DELETE",
            "/services/s",
            json!({}),
            400,
            json!({"code": 4, "name": "foreign key violation", "message": "an existing 'routes' entity references this 'services' entity",
                "fields": {"@referenced_by": "routes"}}),
        ),
        (
            "patch of nobody",
            "PATCH",
            &format!("/services/{NOBODY}"),
            json!({}),
            404,
            json!({"code": 6, "name": "not found", "message": format!("could not find the entity with primary key '{{id=\"{NOBODY}\"}}'"), "fields": {"id": NOBODY}}),
        ),
        (
            "patch of no name",
            "PATCH",
            "/services/x",
            json!({}),
            404,
            json!({"code": 6, "name": "not found", "message": "could not find the entity with '{name=\"x\"}'", "fields": {"name": "x"}}),
        ),
        (
            "a second assignment",
            "POST",
            "/services/s/plugins",
            json!({"name": "key-auth"}),
            409,
            json!({"code": 5, "name": "unique constraint violation",
                "message": format!("UNIQUE violation detected on '{{consumer=null,name=\"key-auth\",route=null,service={{id=\"{service}\"}}}}'"),
                "fields": {"consumer": null, "name": "key-auth", "route": null, "service": {"id": service}}}),
        ),
        (
            "unknown plugin",
            "POST",
            "/plugins",
            json!({"name": "nope"}),
            400,
            json!({"code": 2, "name": "schema violation",
                "message": "schema violation (name: plugin 'nope' not enabled; add it to the 'plugins' configuration property)",
                "fields": {"name": "plugin 'nope' not enabled; add it to the 'plugins' configuration property"}}),
        ),
        (
            "config",
            "POST",
            "/plugins",
            json!({"name": "rate-limiting", "config": {"minute": "x"}}),
            400,
            json!({"code": 2, "name": "schema violation", "message": "schema violation (config.minute: expected a number)",
                "fields": {"config": {"minute": "expected a number"}}}),
        ),
        (
            "forbidden scope",
            "POST",
            "/plugins",
            json!({"name": "key-auth", "consumer": {"id": NOBODY}}),
            400,
            json!({"code": 2, "name": "schema violation", "message": "schema violation (consumer: value must be null)",
                "fields": {"consumer": "value must be null"}}),
        ),
        (
            "no parent",
            "POST",
            "/services/x/routes",
            json!({"paths": ["/"]}),
            404,
            json!({"message": "Not found"}),
        ),
        (
            "a bad name in the path",
            "GET",
            "/services/a%20b",
            json!({}),
            400,
            json!({"code": 10, "name": "invalid unique name",
                "message": "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
                "fields": {"name": "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"}}),
        ),
        ("method", "PATCH", "/services", json!({}), 405, json!({"message": "Method not allowed"})),
        ("path", "GET", "/rbac/users", json!({}), 404, json!({"message": "Not found"})),
        (
            "delete of a parent in use",
            "DELETE",
            "/routes/r/service",
            json!({}),
            405,
            json!({"message": "Method not allowed"}),
        ),
    ] {
        let reply = admin.json(method, path, body).await;
        assert_eq!((reply.status, reply.body), (status, want), "{case}");
    }
}

#[tokio::test]
async fn parents_are_reached_from_their_children() {
    let admin = Admin::new().await;
    admin.make("/services", json!({"name": "s", "host": "a"})).await;
    admin.make("/routes", json!({"name": "r", "paths": ["/"], "service": {"name": "s"}})).await;
    admin.make("/routes", json!({"name": "lone", "paths": ["/l"]})).await;
    assert_eq!(admin.get("/routes/r/service").await.body["name"], "s");
    assert_eq!(admin.get("/routes/lone/service").await.status, 404);
    assert_eq!(admin.json("PATCH", "/routes/r/service", json!({"port": 99})).await.body["port"], 99);
    assert_eq!(
        admin.json("PUT", "/routes/r/service", json!({"host": "b", "name": "s"})).await.body["port"],
        80
    );
    let made = admin.json("PUT", "/routes/lone/service", json!({"host": "c", "name": "new"})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(admin.get("/routes/lone/service").await.body["name"], "new", "made and associated");
    assert_eq!(admin.get("/services/new/routes").await.body["data"][0]["name"], "lone");
    assert_eq!(admin.get("/services/new/routes/r").await.status, 404, "a child of another parent");
    assert_eq!(admin.call("DELETE", "/services/new/routes/r").await.status, 404);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let admin = Admin::new().await;
    for name in ["a", "b", "c"] {
        admin.make("/consumers", json!({"username": name, "tags": ["all", name]})).await;
    }
    let first = admin.get("/consumers?size=2&tags=all").await.body;
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    assert!(next.starts_with("/consumers?offset=") && next.ends_with("&tags=all&size=2"), "{next}");
    let second = admin.get(next).await.body;
    assert_eq!((second["data"].as_array().unwrap().len(), &second["next"]), (1, &json!(null)));
    assert!(second.get("offset").is_none());
    for (query, want) in
        [("tags=a,all", 1), ("tags=a/b", 2), ("tags=a,b", 0), ("custom_id=x", 0), ("size=1000", 3)]
    {
        let found = admin.get(&format!("/consumers?{query}")).await.body;
        assert_eq!(found["data"].as_array().map(Vec::len), Some(want), "{query}: {found}");
    }
    for (query, code, message) in [
        ("size=x", 9, "size must be a number"),
        ("size=0", 9, "size must be an integer between 1 and 1000"),
        ("size=1.5", 9, "size must be an integer between 1 and 1000"),
        ("offset=***", 7, "'***' is not a valid offset: bad base64 encoding"),
        ("tags=", 11, "invalid option (tags: cannot be null)"),
        ("tags=a,b/c", 11, "invalid option (tags: invalid filter syntax)"),
        ("tags=a,b,c,d,e,f", 11, "invalid option (tags: cannot query more than 5 tags)"),
    ] {
        let found = admin.get(&format!("/consumers?{query}")).await;
        assert_eq!(
            (found.status, &found.body["code"], &found.body["message"]),
            (400, &json!(code), &json!(message)),
            "{query}"
        );
    }
    let tags = admin.get("/tags").await.body;
    assert_eq!(tags["data"].as_array().unwrap().len(), 6);
    let tagged = admin.get("/tags/a").await.body;
    assert_eq!(
        (&tagged["data"][0]["entity_name"], tagged["data"].as_array().unwrap().len()),
        (&json!("consumers"), 1)
    );
}

#[tokio::test]
async fn credentials_belong_to_their_consumer_and_expire() {
    let admin = Admin::new().await;
    let bob = admin.make("/consumers", json!({"username": "bob"})).await;
    admin.make("/consumers", json!({"username": "eve"})).await;
    let key = admin.json("POST", "/consumers/bob/key-auth", json!({"key": "secret", "ttl": 60})).await;
    assert_eq!((key.status, &key.body["consumer"], &key.body["ttl"]), (201, &json!({"id": bob}), &json!(59)));
    assert_eq!(admin.get("/key-auths/secret/consumer").await.body["username"], "bob");
    assert_eq!(admin.get("/consumers/bob/key-auth/secret").await.status, 200);
    assert_eq!(admin.get("/consumers/eve/key-auth/secret").await.status, 404);
    let made = admin.json("POST", "/consumers/bob/key-auth", json!({})).await;
    assert_eq!(made.body["key"].as_str().map(str::len), Some(32), "a key is made");
    assert_eq!(made.body["ttl"], json!(null));
    assert_eq!(admin.call("DELETE", "/consumers/bob").await.status, 204);
    assert_eq!(
        admin.get("/key-auths").await.body,
        json!({"data": [], "next": null}),
        "credentials go with their consumer"
    );
}

#[tokio::test]
async fn plugins_merge_their_config() {
    let admin = Admin::new().await;
    let id = admin
        .make("/plugins", json!({"name": "rate-limiting", "config": {"minute": 5, "redis": {"host": "h"}}}))
        .await;
    let path = format!("/plugins/{id}");
    let changed = admin.json("PATCH", &path, json!({"config": {"redis": {"port": 1}}})).await;
    assert_eq!(changed.body["config"], json!({"minute": 5, "hour": null, "redis": {"port": 1, "host": "h"}}));
    let form =
        admin.typed("PATCH", &path, "application/x-www-form-urlencoded", "config.hour=7&enabled=false").await;
    assert_eq!(
        (&form.body["config"]["hour"], &form.body["enabled"]),
        (&json!(7), &json!(false)),
        "{}",
        form.body
    );
    let check = admin.json("PATCH", &path, json!({"config": {"minute": null, "hour": null}})).await;
    assert_eq!(
        check.body["message"],
        "schema violation (when updating, at least one of these fields must be non-empty: 'config.minute', 'config.hour')"
    );
    assert_eq!(
        admin.json("PATCH", &format!("/plugins/{NOBODY}"), json!({})).await.body,
        json!({"message": "Not found"})
    );
}

#[tokio::test]
async fn an_assignment_shares_a_protocol_with_what_it_is_for() {
    let admin = Admin::new().await;
    for service in ["plain", "none"] {
        admin.make("/services", json!({"name": service, "host": "a"})).await;
    }
    for (name, protocols) in [("only-http", json!(["http"])), ("both", json!(["http", "https"]))] {
        let route =
            json!({"name": name, "paths": ["/a"], "protocols": protocols, "service": {"name": "plain"}});
        admin.make("/routes", route).await;
    }
    let plugin = |protocols: &[&str]| json!({"name": "key-auth", "protocols": protocols});
    let of_route = "schema violation (protocols: must match the associated route's protocols)";
    let of_service = "schema violation (protocols: must match the protocols of at least one route \
                      pointing to this Plugin's service)";
    for (case, path, protocols, want) in [
        ("another than the route's", "/routes/only-http/plugins", &["https"][..], Some(of_route)),
        ("one of the route's", "/routes/both/plugins", &["https", "grpc"][..], None),
        ("none of any route's", "/services/plain/plugins", &["grpc"][..], Some(of_service)),
        ("one of some route's", "/services/plain/plugins", &["https"][..], None),
        ("a service without routes", "/services/none/plugins", &["grpc"][..], None),
        ("everywhere", "/plugins", &["grpc"][..], None),
    ] {
        let reply = admin.json("POST", path, plugin(protocols)).await;
        assert_eq!(reply.body["message"].as_str(), want, "{case}: {}", reply.body);
        assert_eq!(reply.status, if want.is_some() { 400 } else { 201 }, "{case}");
    }
    let id = admin.make("/routes/only-http/plugins", json!({"name": "key-auth"})).await;
    let path = format!("/plugins/{id}");
    for (method, body) in [
        ("PATCH", json!({"protocols": ["https"]})),
        ("PUT", { json!({"name": "key-auth", "route": {"name": "only-http"}, "protocols": ["https"]}) }),
    ] {
        let reply = admin.json(method, &path, body).await;
        assert_eq!((reply.status, reply.body["message"].as_str()), (400, Some(of_route)), "{method}");
    }
    let gone = json!({"name": "key-auth", "route": {"id": NOBODY}});
    assert_eq!(admin.json("POST", "/plugins", gone).await.body["code"], 4, "a route that does not exist");
}
