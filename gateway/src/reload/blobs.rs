//! The bytes of components: from this node's disk, else from the store, which they are kept from.
//!
//! A node that starts while the database is away needs them. Nothing in here is trusted: the host
//! compares the digest before it looks at a component.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use crate::store::{Store, StoreError};

/// Where components are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    folder: PathBuf,
    store: Store,
}

impl Blobs {
    pub(super) fn new(prefix: &Path, store: Store) -> Self {
        Self { folder: prefix.join("components"), store }
    }

    /// The component with this digest; `None` if the store has none.
    pub(super) async fn find(&self, digest: &str) -> Result<Option<Bytes>, StoreError> {
        // A digest comes from a document: it must not lead out of the folder.
        if digest.is_empty() || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let path = self.folder.join(format!("{digest}.wasm"));
        if let Ok(bytes) = tokio::fs::read(&path).await {
            return Ok(Some(bytes.into()));
        }
        let found = self.store.component(digest).await?;
        if let Some(bytes) = &found
            && let Err(error) = self.keep(&path, bytes).await
        {
            tracing::warn!(%error, path = %path.display(), "a component is not kept on disk");
        }
        Ok(found)
    }

    /// Forgets a copy that turned out wrong.
    pub(super) async fn forget(&self, digest: &str) {
        // Most have no copy, and nobody can do anything about one that cannot be removed.
        _ = tokio::fs::remove_file(self.folder.join(format!("{digest}.wasm"))).await;
    }

    async fn keep(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let unfinished = self.folder.join(format!("{}.part", Uuid::new_v4()));
        tokio::fs::write(&unfinished, bytes).await?;
        tokio::fs::rename(&unfinished, path).await
    }
}
