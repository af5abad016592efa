//! What the pretend host keeps and keeps secret, with the signatures that a component has.

use super::Host;

pub mod random {
    use super::Host;

    /// The same numbers in every test: what is random in a plugin should not be in its tests.
    pub fn bytes(n: u32) -> Vec<u8> {
        Host::with(|host| {
            let mut next = || {
                host.random = host.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from(host.random >> 56).unwrap_or_default()
            };
            (0..n).map(|_| next()).collect()
        })
    }
}

pub mod crypto {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Digest as _;

    use super::Host;
    use crate::crypto::{Algorithm, Digest};

    /// A key by its text; what it signed is what [`Host::signed`] was told.
    pub struct PublicKey(String);

    impl PublicKey {
        pub fn from_jwk(jwk_json: &str) -> Result<Self, String> {
            match serde_json::from_str::<serde_json::Value>(jwk_json) {
                Ok(jwk) if jwk.get("kty").is_some() => Ok(Self(jwk_json.into())),
                Ok(_) | Err(_) => Err("not a JWK".into()),
            }
        }

        pub fn from_pem(pem: &str) -> Result<Self, String> {
            let is_pem = pem.contains("-----BEGIN PUBLIC KEY-----");
            if is_pem { Ok(Self(pem.into())) } else { Err("not a PEM text".into()) }
        }

        pub fn verify(&self, _: Algorithm, message: &[u8], signature: &[u8]) -> bool {
            let asked = (self.0.clone(), message.to_vec(), signature.to_vec());
            Host::with(|host| host.signatures.contains(&asked))
        }
    }

    pub fn hmac(digest: Digest, key: &[u8], message: &[u8]) -> Vec<u8> {
        macro_rules! of {
            ($digest:ty) => {
                Hmac::<$digest>::new_from_slice(key)
                    .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
                    .unwrap_or_default()
            };
        }
        match digest {
            Digest::Md5 => of!(md5::Md5),
            Digest::Sha1 => of!(sha1::Sha1),
            Digest::Sha256 => of!(sha2::Sha256),
            Digest::Sha384 => of!(sha2::Sha384),
            Digest::Sha512 => of!(sha2::Sha512),
        }
    }

    pub fn hash(digest: Digest, message: &[u8]) -> Vec<u8> {
        match digest {
            Digest::Md5 => md5::Md5::digest(message).to_vec(),
            Digest::Sha1 => sha1::Sha1::digest(message).to_vec(),
            Digest::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Digest::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Digest::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

pub mod secrets {
    use super::{Host, crypto};
    use crate::crypto::Digest;

    pub struct Secret {
        value: Vec<u8>,
        revealed: bool,
    }

    pub fn open(name: &str) -> Result<Secret, String> {
        let found = Host::with(|host| host.secrets.get(name).cloned());
        let (value, revealed) = found.ok_or("denied: no secret of this name is granted")?;
        Ok(Secret { value, revealed })
    }

    impl Secret {
        pub fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
            crypto::hmac(Digest::Sha256, &self.value, data)
        }

        pub fn equals(&self, candidate: &[u8]) -> bool {
            self.value == candidate
        }

        #[expect(clippy::result_unit_err, reason = "the generated call has this signature")]
        pub fn reveal(&self) -> Result<Vec<u8>, ()> {
            if self.revealed { Ok(self.value.clone()) } else { Err(()) }
        }
    }
}

pub mod local_cache {
    use super::Host;

    pub fn get(key: &str) -> Option<Vec<u8>> {
        Host::with(|host| host.cached.get(key, host.now_unix_ns))
    }

    pub fn put(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), String> {
        Host::with(|host| host.cached.put(key, value, (host.now_unix_ns, ttl_ms)));
        Ok(())
    }

    pub fn delete(key: &str) {
        Host::with(|host| host.cached.remove(key));
    }
}

pub mod shared_counters {
    use super::Host;
    use crate::counters::{Take, Window};
    use crate::testing::raw::local_counters;

    pub fn fixed_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Result<Take, String> {
        Host::with(|host| host.shared_fault.clone()).map_or(Ok(()), Err)?;
        Ok(local_counters::fixed_window(&format!("shared {key}"), limit, window_ms, cost))
    }

    pub fn sliding_window(key: &str, limit: u64, window_ms: u64, cost: u64) -> Result<Take, String> {
        fixed_window(key, limit, window_ms, cost)
    }

    pub fn take_windows(windows: &[Window], cost: u64) -> Result<Vec<Take>, String> {
        Host::with(|host| host.shared_fault.clone()).map_or(Ok(()), Err)?;
        let shared = |window: &Window| Window { key: format!("shared {}", window.key), ..window.clone() };
        Ok(local_counters::take_windows(&windows.iter().map(shared).collect::<Vec<_>>(), cost))
    }
}

pub mod shared_kv {
    use super::Host;

    pub fn get(key: &str) -> Result<Option<Vec<u8>>, String> {
        Host::with(|host| match &host.shared_fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(host.shared.get(key, host.now_unix_ns)),
        })
    }

    pub fn put(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), String> {
        get(key)?;
        Host::with(|host| host.shared.put(key, value, (host.now_unix_ns, ttl_ms)));
        Ok(())
    }

    pub fn compare_and_swap(key: &str, old: Option<&[u8]>, new: &[u8], ttl_ms: u64) -> Result<bool, String> {
        let same = get(key)?.as_deref() == old;
        if same {
            put(key, new, ttl_ms)?;
        }
        Ok(same)
    }
}
