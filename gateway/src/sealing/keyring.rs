//! The operator's keys, and what they seal.

use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The form of what is sealed; another one would get another word.
const FORM: &str = "v1";
/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce of AES-GCM.
const NONCE_BYTES: usize = 12;
/// Longest name of a key.
const LONGEST_ID: usize = 64;

/// Keys, the active one first. Never empty.
pub struct Keyring {
    keys: Vec<Key>,
}

struct Key {
    id: String,
    aead: RandomizedNonceKey,
}

/// Why keys cannot be used. Never holds a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is none.
    #[error("no key is given")]
    Empty,
    /// An entry is not `id:key`.
    #[error("entry {0} is not of the form `id:key`, where the id has letters, digits, `-` and `_`")]
    Entry(usize),
    /// Two entries have the same name.
    #[error("the key `{0}` is given twice")]
    Twice(String),
    /// It is not a key.
    #[error("the key `{0}` is not 32 bytes in base64, nor the absolute path of a file with such a key")]
    Key(String),
    /// Its file cannot be read.
    #[error("the file of the key `{id}` cannot be read: {problem}")]
    File {
        /// The key.
        id: String,
        /// What the system said.
        problem: String,
    },
}

/// Why something sealed does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not among those given.
    #[error("it is sealed with the key `{0}`, which is not among those given")]
    UnknownKey(String),
    /// The key of this name is another one, or the text was changed or moved.
    #[error("it does not open with the key `{0}`: the key is another one, or the text was changed")]
    DoesNotFit(String),
    /// It is not of the form that [`Keyring::seal`] makes.
    #[error("it is not sealed in a form that is known here")]
    Form,
}

impl Keyring {
    /// Reads entries `id:key`, separated by commas or line ends. A key is 32 bytes in base64, or the
    /// absolute path of a file that holds it so, or as 32 raw bytes.
    ///
    /// # Errors
    ///
    /// Any [`KeyringError`].
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let entries = text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
        let mut keys: Vec<Key> = Vec::new();
        for (position, entry) in entries.enumerate() {
            let wrong = KeyringError::Entry(position + 1);
            let (id, key) = entry.split_once(':').ok_or_else(|| wrong.clone())?;
            if !is_id(id) {
                return Err(wrong);
            }
            if keys.iter().any(|known| known.id == id) {
                return Err(KeyringError::Twice(id.to_owned()));
            }
            let bytes = if key.starts_with('/') { file(id, Path::new(key))? } else { decoded(id, key)? };
            let aead = RandomizedNonceKey::new(&AES_256_GCM, &bytes);
            keys.push(Key { id: id.to_owned(), aead: aead.map_err(|_| KeyringError::Key(id.to_owned()))? });
        }
        if keys.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { keys }) }
    }

    /// The name of the key that seals.
    pub fn active(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The names of all keys, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// Seals `plain` for the place that `about` names; `None` only if the random source fails.
    pub fn seal(&self, plain: &[u8], about: &[&str]) -> Option<String> {
        let key = self.keys.first()?;
        let mut bytes = plain.to_vec();
        let nonce = key.aead.seal_in_place_append_tag(place(&key.id, about), &mut bytes).ok()?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut bytes);
        Some(format!("{FORM}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(whole)))
    }

    /// The name of the key that `sealed` was sealed with.
    pub fn key_of(sealed: &str) -> Option<&str> {
        let (id, _) = sealed.strip_prefix(FORM)?.strip_prefix('.')?.split_once('.')?;
        is_id(id).then_some(id)
    }

    /// Opens what was sealed for the place that `about` names.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`].
    pub fn open(&self, sealed: &str, about: &[&str]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let id = Self::key_of(sealed).ok_or(OpenError::Form)?;
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        let (_, text) = sealed.rsplit_once('.').ok_or(OpenError::Form)?;
        let whole = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError::Form)?;
        let (nonce, rest) = whole.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Form)?;
        let mut bytes = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.aead.open_in_place(nonce, place(id, about), bytes.as_mut_slice());
        let length = opened.map_err(|_| OpenError::DoesNotFit(id.to_owned()))?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Each part with its length before it, so that no two lists of parts are the same text.
fn place(id: &str, about: &[&str]) -> Aad<Vec<u8>> {
    let mut text = format!("weir {FORM}").into_bytes();
    for part in std::iter::once(&id).chain(about) {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    Aad::from(text)
}

fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(fits)
}

fn decoded(id: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new);
    bytes.ok().filter(|bytes| bytes.len() == KEY_BYTES).ok_or_else(|| KeyringError::Key(id.to_owned()))
}

fn file(id: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let bytes = std::fs::read(path).map(Zeroizing::new).map_err(|error| KeyringError::File {
        id: id.to_owned(),
        problem: format!("{}: {}", path.display(), error.kind()),
    })?;
    if bytes.len() == KEY_BYTES {
        return Ok(bytes);
    }
    decoded(id, std::str::from_utf8(&bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal(b"hunter2", &["keyauth_credentials", "1", "key"]).unwrap();
        assert!(!sealed.contains("hunter2") && sealed.starts_with("v1.old."), "{sealed}");
        let opened = keys.open(&sealed, &["keyauth_credentials", "1", "key"]).unwrap();
        assert_eq!(opened.as_slice(), b"hunter2");
        let other = keys.seal(b"hunter2", &["keyauth_credentials", "1", "key"]).unwrap();
        assert_ne!(sealed, other, "a nonce of its own each time");
        for place in [
            &["keyauth_credentials", "2", "key"][..],
            &["keyauth_credentials", "1k", "ey"],
            &["keyauth_credentials", "1"],
        ] {
            let refused = keys.open(&sealed, place).unwrap_err();
            assert_eq!(refused, OpenError::DoesNotFit("old".to_owned()), "{place:?}");
        }
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let before = Keyring::parse(OLD).unwrap().seal(b"secret", &[]).unwrap();
        let both = Keyring::parse(&format!("{NEW},\n {OLD}")).unwrap();
        assert_eq!(both.active(), "new");
        assert_eq!(both.open(&before, &[]).unwrap().as_slice(), b"secret");
        assert_eq!(Keyring::key_of(&both.seal(b"secret", &[]).unwrap()), Some("new"));
        let refused = Keyring::parse(NEW).unwrap().open(&before, &[]).unwrap_err();
        assert_eq!(refused, OpenError::UnknownKey("old".to_owned()));
        let other = NEW.replace("new:", "old:");
        let refused = Keyring::parse(&other).unwrap().open(&before, &[]).unwrap_err();
        assert_eq!(refused, OpenError::DoesNotFit("old".to_owned()));
    }

    #[test]
    fn keys_come_from_files_too_and_are_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, text) = (folder.path().join("raw"), folder.path().join("text"));
        std::fs::write(&raw, [7; KEY_BYTES]).unwrap();
        std::fs::write(&text, format!("{}\n", NEW.trim_start_matches("new:"))).unwrap();
        let keys = Keyring::parse(&format!("a:{},b:{}", raw.display(), text.display())).unwrap();
        assert_eq!(format!("{keys:?}"), r#"["a", "b"]"#);
        for (case, wrong) in [
            ("nothing", ""),
            ("no name", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("too short", "a:aHVudGVyMg=="),
            ("twice", &format!("{OLD},{OLD}")),
            ("a name with a dot", "a.b:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("no such file", "a:/no/such/file"),
        ] {
            let refused = Keyring::parse(wrong).expect_err(case).to_string();
            assert!(!refused.contains("aHVudGVyMg") && !refused.contains("AAECAw"), "{case}: {refused}");
        }
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let keys = Keyring::parse(OLD).unwrap();
        let sealed = keys.seal(b"secret", &[]).unwrap();
        for (case, text) in [
            ("cut", sealed.get(..sealed.len() - 3).unwrap().to_owned()),
            ("no nonce", "v1.old.AAAA".to_owned()),
            ("another form", sealed.replacen("v1", "v2", 1)),
            ("not base64", "v1.old.!!!!".to_owned()),
            ("plain", "secret".to_owned()),
        ] {
            assert!(keys.open(&text, &[]).is_err(), "{case}");
        }
    }
}
