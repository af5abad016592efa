//! `secrets`: used by name; the plugin sees one only if the operator said so.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::plugin_host::assignment::Secret;
use crate::plugin_host::bindings::weir::plugin::secrets::{Host, HostSecret};
use crate::plugin_host::guest::CallState;

/// What `Resource<SecretHandle>` stands for.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct SecretHandle(Arc<Secret>);

impl Host for CallState {
    fn open(&mut self, name: String) -> Result<std::result::Result<Resource<SecretHandle>, String>> {
        self.charge()?;
        match self.core.grants.secrets.get(&name) {
            Some(secret) => {
                let handle = SecretHandle(Arc::clone(secret));
                Ok(Ok(self.secrets.push(handle)?))
            }
            None => Ok(Err("denied: no secret of this name is granted".to_owned())),
        }
    }
}

impl HostSecret for CallState {
    fn hmac_sha256(&mut self, secret: Resource<SecretHandle>, data: Vec<u8>) -> Result<Vec<u8>> {
        self.charge_bytes(data.len())?;
        let SecretHandle(secret) = self.secrets.get(&secret)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
        Ok(hmac::sign(&key, &data).as_ref().to_vec())
    }

    fn equals(&mut self, secret: Resource<SecretHandle>, candidate: Vec<u8>) -> Result<bool> {
        self.charge_bytes(candidate.len())?;
        let SecretHandle(secret) = self.secrets.get(&secret)?;
        Ok(verify_slices_are_equal(secret.bytes(), &candidate).is_ok())
    }

    fn reveal(&mut self, secret: Resource<SecretHandle>) -> Result<std::result::Result<Vec<u8>, ()>> {
        self.charge()?;
        Ok(self.secrets.get(&secret)?.0.reveal().map(<[u8]>::to_vec).ok_or(()))
    }

    fn drop(&mut self, secret: Resource<SecretHandle>) -> Result<()> {
        self.secrets.delete(&secret);
        Ok(())
    }
}
