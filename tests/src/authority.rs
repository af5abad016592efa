//! Certificate authorities and certificates, made when they are needed.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A certificate authority.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate, and what stands between it and a root.
    pub chain: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A root.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let (params, key) = (parameters(name), KeyPair::generate()?);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// An authority below this one.
    ///
    /// # Errors
    ///
    /// As [`Authority::new`].
    pub fn below(&self, name: &str) -> anyhow::Result<Self> {
        let (params, key) = (parameters(name), KeyPair::generate()?);
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// A certificate for these names and addresses.
    ///
    /// # Errors
    ///
    /// As [`Authority::new`], and if a name is none.
    pub fn issue(&self, names: &[&str]) -> anyhow::Result<Issued> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone())?;
        params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
        let chain = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { chain, key: key.serialize_pem() })
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
