//! Compiled components on disk. A file is loaded only if this node has written it: its content is
//! followed by an HMAC-SHA256 under a key that never leaves the node.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const MAC_BYTES: usize = 32;
const KEY_BYTES: usize = 32;

/// The folder of artifacts.
pub(crate) struct Artifacts {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Of the engine: its version, settings and the CPU.
    engine_id: String,
}

impl Artifacts {
    /// Opens or makes the folder below `prefix`, and the node's key.
    pub(crate) fn open(prefix: &Path, engine_id: String) -> io::Result<Self> {
        let folder = prefix.join("artifacts");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let key = key(&prefix.join("artifact.key"))?;
        Ok(Self { folder, key, engine_id })
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}-{}.cwasm", self.engine_id))
    }

    fn mac(&self, digest: &str, artifact: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        // The name is authenticated too: a file cannot be passed off as another's.
        for part in [digest.as_bytes(), b"\0", self.engine_id.as_bytes(), b"\0", artifact] {
            mac.update(part);
        }
        Some(mac)
    }

    /// The artifact of a component, if there is one that this node wrote.
    pub(crate) fn read(&self, digest: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.path(digest)).ok()?;
        let at = bytes.len().checked_sub(MAC_BYTES)?;
        let tag = bytes.split_off(at);
        if self.mac(digest, &bytes)?.verify_slice(&tag).is_err() {
            tracing::warn!(digest, "an artifact was changed since it was written; it is compiled anew");
            return None;
        }
        Some(bytes)
    }

    /// Keeps an artifact.
    pub(crate) fn write(&self, digest: &str, artifact: &[u8]) -> io::Result<()> {
        let tag = self.mac(digest, artifact).ok_or_else(|| io::Error::other("no key"))?.finalize();
        let unfinished = self.folder.join(format!(".{digest}.{}", uuid::Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(artifact)?;
        file.write_all(&tag.into_bytes())?;
        fs::rename(unfinished, self.path(digest))
    }
}

fn key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match fs::File::open(path) {
        Ok(mut file) => {
            if file.metadata()?.permissions().mode() & 0o077 != 0 {
                return Err(io::Error::other(format!(
                    "{} must be readable by its owner only",
                    path.display()
                )));
            }
            let mut key = [0; KEY_BYTES];
            file.read_exact(&mut key)?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(path),
        Err(error) => Err(error),
    }
}

fn make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    // Written aside and linked, so that two processes that start together agree on one whole key.
    let unfinished = path.with_extension(format!("{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self::key(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_artifacts_are_read() {
        let prefix = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(prefix.path(), "engine".into()).unwrap();
        artifacts.write("digest", b"machine code").unwrap();
        assert_eq!(artifacts.read("digest").as_deref(), Some(&b"machine code"[..]), "as written");

        let again = Artifacts::open(prefix.path(), "engine".into()).unwrap();
        assert!(again.read("digest").is_some(), "the key is kept");

        fs::copy(artifacts.path("digest"), artifacts.path("other")).unwrap();
        assert_eq!(artifacts.read("other"), None, "under another name");

        let path = artifacts.path("digest");
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(artifacts.read("digest"), None, "changed");
        fs::write(&path, b"short").unwrap();
        assert_eq!(artifacts.read("digest"), None, "truncated");
    }
}
