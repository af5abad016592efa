//! The manifest that `wkg` writes: one configuration, one layer, which is the component.

use serde::Deserialize;

use super::PullError;
use super::reference::is_digest;

/// Media type of the manifest that is asked for.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

/// Where the component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    /// 64 hexadecimal digits.
    pub(super) digest: String,
    pub(super) size: usize,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: usize,
}

impl Layer {
    /// Finds the one layer of a manifest.
    pub(super) fn of(manifest: &[u8]) -> Result<Self, PullError> {
        let bad = |reason: &str| PullError::Manifest(reason.to_owned());
        let manifest: Manifest =
            serde_json::from_slice(manifest).map_err(|error| PullError::Manifest(error.to_string()))?;
        if manifest.config.media_type != CONFIG {
            return Err(PullError::Manifest(format!(
                "its configuration is {:?}, not {CONFIG:?}: this is no component",
                manifest.config.media_type
            )));
        }
        let [layer] = manifest.layers.as_slice() else { return Err(bad("it has not one layer")) };
        if layer.media_type != LAYER {
            return Err(bad("its layer is not application/wasm"));
        }
        let digest = layer.digest.strip_prefix("sha256:").filter(|digest| is_digest(digest));
        let digest = digest.ok_or_else(|| bad("its layer has no sha256 digest"))?;
        Ok(Self { digest: digest.to_owned(), size: layer.size })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_layer_of_wasm_and_nothing_else() {
        let digest = "ab".repeat(32);
        let layer = json!({ "mediaType": LAYER, "digest": format!("sha256:{digest}"), "size": 8 });
        let image =
            json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": "x", "size": 1 });
        let config = json!({ "mediaType": CONFIG, "digest": "x", "size": 1 });
        for (case, manifest, want) in [
            ("as wkg writes it", json!({ "config": config, "layers": [layer] }), true),
            ("a container", json!({ "config": image, "layers": [layer] }), false),
            ("two layers", json!({ "config": config, "layers": [layer, layer] }), false),
            ("no layer", json!({ "config": config, "layers": [] }), false),
            ("a text", json!("x"), false),
            (
                "another digest",
                json!({ "config": config, "layers":
                [{ "mediaType": LAYER, "digest": "md5:1", "size": 8 }] }),
                false,
            ),
        ] {
            let found = Layer::of(manifest.to_string().as_bytes());
            assert_eq!(found.is_ok(), want, "{case}: {found:?}");
        }
    }
}
