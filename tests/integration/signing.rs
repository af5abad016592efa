//! Whose components run: signatures at the door and at every load, and registries.

use bytes::Bytes;
use gateway_tests::{Access, Answer, Client, Gateway, Registry, Upstream, request};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

use crate::setup::{PATIENCE, assign, gateway, header_edit, serve};

/// Makes a key pair with the tool of the system; gives the files of the private and the public half.
fn key(folder: &Path, name: &str) -> anyhow::Result<(String, String)> {
    let (private, public) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.pub.pem")));
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &private.display().to_string()])?;
    let files = [private.display().to_string(), public.display().to_string()];
    openssl(&["pkey", "-in", &files[0], "-pubout", "-out", &files[1]])?;
    let [private, public] = files;
    Ok((private, public))
}

fn openssl(words: &[&str]) -> anyhow::Result<()> {
    let ran = Command::new("openssl").args(words).output()?;
    anyhow::ensure!(ran.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(())
}

/// Signs as the documentation says, with openssl.
fn sign(folder: &Path, key: &str, component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (input, output) = (folder.join("to-sign"), folder.join("signature"));
    std::fs::write(&input, component)?;
    let [input, output] = [input, output].map(|path| path.display().to_string());
    openssl(&["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", &input, "-out", &output])?;
    Ok(std::fs::read(output)?)
}

async fn upload(gateway: &Gateway, component: &[u8], signature: &[u8]) -> anyhow::Result<Answer> {
    let part = |name: &str, bytes: &[u8]| {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), bytes, b"\r\n"].concat()
    };
    let mut body = part("component", component);
    if !signature.is_empty() {
        body.extend(part("signature", signature));
    }
    body.extend(b"--b--\r\n");
    let media = [("content-type", "multipart/form-data; boundary=b")];
    let upload = request(Method::POST, "/custom-plugins", &media, Bytes::from(body))?;
    Client::connect(gateway.admin).await?.send(upload).await
}

#[tokio::test]
async fn what_no_listed_key_signed_stays_out_and_a_key_off_the_list_takes_its_plugins_along()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let prefix = folder.path().join("gateway");
    std::fs::create_dir(&prefix)?;
    let (private, public) = key(folder.path(), "ours")?;
    let (stranger, other) = key(folder.path(), "theirs")?;
    let component = header_edit("0.1.0")?;
    let good = sign(folder.path(), &private, &component)?;
    let strange = sign(folder.path(), &stranger, &component)?;
    let upstream = Upstream::saying("hello").await?;
    let start = |keys: String| {
        gateway()
            .prefix(&prefix)
            .set("WEIR_PLUGIN_SIGNATURES", "require")
            .set("WEIR_PLUGIN_TRUSTED_KEYS", keys)
            .start()
    };
    let node = start(public.clone()).await?;
    let mut altered = component.clone();
    altered.extend([0, 2, 1, b'x']);
    for (case, bytes, signature) in [
        ("unsigned", &component, &[][..]),
        ("signed by a stranger", &component, &strange),
        ("altered after it was signed", &altered, &good),
    ] {
        let refused = upload(&node, bytes, signature).await?;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["reason"]),
            (400, &json!("signature")),
            "{case}"
        );
    }
    let none = node.apply(Method::GET, "/custom-plugins", &Value::Null).await?;
    assert_eq!(none["data"], json!([]), "nothing was kept");
    let taken = upload(&node, &component, &good).await?;
    assert_eq!(taken.status, 201, "{}", taken.text());
    serve(&node, "demo", &upstream.url()).await?;
    assign(&node, "demo", &json!({ "name": "header-edit" })).await?;
    let runs = |answer: &Answer| answer.status == 200 && !answer.header("x-header-edit").is_empty();
    node.wait_for("it runs", PATIENCE, "/demo", runs).await?;
    let shown = node.apply(Method::GET, "/custom-plugins/header-edit/versions/0.1.0", &Value::Null).await?;
    assert_eq!((&shown["signature"]["state"], &shown["role"]), (&json!("signed"), &json!("active")));
    assert_eq!(shown["cost"]["component_bytes"], component.len(), "{}", shown["cost"]);
    drop(node);

    let without = start(other.clone()).await?;
    without.wait_for("it fails closed", PATIENCE, "/demo", |answer| answer.status == 500).await?;
    let status = without.apply(Method::GET, "/status", &Value::Null).await?.to_string();
    assert!(status.contains("not signed by a trusted key"), "the fault is shown: {status}");
    let shown =
        without.apply(Method::GET, "/custom-plugins/header-edit/versions/0.1.0", &Value::Null).await?;
    assert_eq!(shown["signature"]["state"], "unknown");
    let again = upload(&without, &component, &strange).await?;
    assert_eq!(again.status, 200, "signed anew by a key that is listed: {}", again.text());
    without.wait_for("it runs again", PATIENCE, "/demo", runs).await?;
    Ok(())
}

#[tokio::test]
async fn a_component_is_pulled_by_digest_from_a_registry_that_is_listed() -> anyhow::Result<()> {
    let pair = "dXNlcjpwYXNzd29yZA==";
    let component = header_edit("0.1.0")?;
    for access in [Access::Anyone, Access::Basic(pair), Access::Bearer(pair)] {
        let registry = Registry::start(access).await?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("config.json");
        let auths = json!({ "auths": { (registry.host()): { "auth": pair } } });
        std::fs::write(&file, auths.to_string())?;
        let gateway = gateway()
            .set("WEIR_PLUGIN_REGISTRIES", format!("http://{}", registry.host()))
            .set("WEIR_PLUGIN_REGISTRY_CREDENTIALS", file.display().to_string())
            .start()
            .await?;
        let reference = registry.push("team/p", &component)?;
        let pull = async |reference: &str| {
            gateway.admin(Method::POST, "/custom-plugins", &json!({ "reference": reference })).await
        };
        let pulled = pull(&reference).await?;
        assert_eq!(pulled.status, 201, "{access:?}: {}", pulled.text());
        assert_eq!(pulled.json()["name"], "header-edit");
        if access != Access::Anyone {
            continue;
        }
        let container = registry.push_as("team/c", b"x", "application/vnd.oci.image.config.v1+json")?;
        let gone = reference.replace("team/p", "team/q");
        let elsewhere = reference.replace(&registry.host(), "127.0.0.1:1");
        let large = registry.push("team/l", &vec![0; 33 << 20])?;
        let other = registry.push("team/o", b"other")?;
        registry.swap_components(b"something else");
        for (case, reference, words) in [
            ("by tag", "ghcr.io/team/p:1.0", "is not a reference"),
            ("not listed", elsewhere.as_str(), "not one of plugin_registries"),
            ("not there", &gone, "404"),
            ("a container", &container, "no component"),
            ("too large", &large, "at most"),
            ("other bytes", &other, "digest"),
        ] {
            let refused = pull(reference).await?;
            let said = refused.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(refused.status == 400 && said.contains(words), "{case}: {} {said}", refused.status);
        }
    }
    Ok(())
}
