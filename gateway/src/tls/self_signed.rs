//! A certificate that nobody vouches for, so that TLS works before an operator has brought a real one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};

/// A certificate and its key in PEM.
#[derive(Clone)]
pub struct SelfSigned {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// The certificate in `folder`, which is made if it is not there yet: `default.crt` and `default.key`.
///
/// # Errors
///
/// If the folder or the files cannot be read or written.
pub fn at(folder: &Path) -> io::Result<SelfSigned> {
    let (certificate, key) = (folder.join("default.crt"), folder.join("default.key"));
    if certificate.exists() && key.exists() {
        let (certificate, key) = (fs::read_to_string(certificate)?, fs::read_to_string(key)?);
        return Ok(SelfSigned { certificate, key });
    }
    let made = make(&["localhost"]).map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    let mut file = fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(key)?;
    file.write_all(made.key.as_bytes())?;
    fs::write(certificate, &made.certificate)?;
    Ok(made)
}

/// A new one, with a key on P-256.
pub(super) fn make(names: &[&str]) -> Result<SelfSigned, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut certificate = CertificateParams::new(names)?;
    certificate.distinguished_name.push(DnType::CommonName, "localhost");
    certificate.distinguished_name.push(DnType::OrganizationName, "Weir");
    // Kong's last for 20 years as well. Clocks that are a little behind shall not matter.
    (certificate.not_before, certificate.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2045, 1, 1));
    let certificate = certificate.self_signed(&key)?;
    Ok(SelfSigned { certificate: certificate.pem(), key: key.serialize_pem() })
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SelfSigned")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_its_key_is_for_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("ssl");
        let first = at(&folder).expect("made");
        let second = at(&folder).expect("read");
        assert_eq!((first.certificate, first.key), (second.certificate, second.key));
        let mode = fs::metadata(folder.join("default.key")).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
