//! Public keys as the host reads them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN RSA PUBLIC KEY-----";
const END: &str = "-----END RSA PUBLIC KEY-----";
/// The algorithm `rsaEncryption` without parameters, in DER (RFC 8017, A.1).
const RSA: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];

/// A text with a `PUBLIC KEY` block. A credential may have a key of RSA in the older form, which does not say what
/// it is (RFC 8017, A.1.1): it is wrapped in what does (RFC 5280, 4.1).
pub(crate) fn public_key(text: &str) -> Option<Cow<'_, str>> {
    let Some((_, block)) = text.split_once(BEGIN) else { return Some(Cow::Borrowed(text)) };
    let (block, _) = block.split_once(END)?;
    let block: String = block.split_ascii_whitespace().collect();
    let key = [vec![0], STANDARD.decode(block).ok()?].concat();
    let wrapped = tagged(0x30, &[RSA.to_vec(), tagged(3, &key)?].concat())?;
    let wrapped = STANDARD.encode(wrapped);
    Some(Cow::Owned(format!("-----BEGIN PUBLIC KEY-----\n{wrapped}\n-----END PUBLIC KEY-----\n")))
}

/// A value of DER, which begins with its kind and its length.
fn tagged(kind: u8, value: &[u8]) -> Option<Vec<u8>> {
    let [high, low] = u16::try_from(value.len()).ok()?.to_be_bytes();
    let begin = match (high, low) {
        (0, 0..0x80) => vec![kind, low],
        (0, _) => vec![kind, 0x81, low],
        _ => vec![kind, 0x82, high, low],
    };
    Some([&begin, value].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of 512 and 2048 bits, as OpenSSL writes them: in the older form, and in the one that the host reads.
    const KEYS: [(&str, &str); 2] = [
        (
            "MEgCQQDq1fX2/wePciQ4e8AoqldNjDBWZOc9cWxo55OrvJF4RGEmTIDP6gJxOFVk
31PotRgWwvz9o2/fFTu3gw4hK5UTAgMBAAE=",
            "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOrV9fb/B49yJDh7wCiqV02MMFZk5z1x\
             bGjnk6u8kXhEYSZMgM/qAnE4VWTfU+i1GBbC/P2jb98VO7eDDiErlRMCAwEAAQ==",
        ),
        (
            "MIIBCgKCAQEA1u2ROsEJk2GTnM2fIF98vABfsK32g4D79KSKlskgjNu3wroIj5xM
asLwN7B4ERPGl3WqYAkWyhQzDc8bwN8Hq89BstpMc7J6k2eJ018Izm7KWhhk99yx
/DS+E3+k5fyJ/0NGEy33c0z85HfoPgLFL0NAFZjmcrIkZ8GY7g94ZhRygGRHQB37
VQ4GdSQZEYRhdvwQkBDcJR/9OOUV6J2J0IMqNwFsGkpcLuASNCFQZW4SVBVyRVpM
T8pSRw0fTcx064PBRVTL09yG/Oy6cKAKQ2QMD115a/CxDF/PdC8fNVSyzf+1+1kI
5cgsB6yE3HAzI/Rwm2ZVVwBRBvAl6x96YQIDAQAB",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1u2ROsEJk2GTnM2fIF98\
             vABfsK32g4D79KSKlskgjNu3wroIj5xMasLwN7B4ERPGl3WqYAkWyhQzDc8bwN8H\
             q89BstpMc7J6k2eJ018Izm7KWhhk99yx/DS+E3+k5fyJ/0NGEy33c0z85HfoPgLF\
             L0NAFZjmcrIkZ8GY7g94ZhRygGRHQB37VQ4GdSQZEYRhdvwQkBDcJR/9OOUV6J2J\
             0IMqNwFsGkpcLuASNCFQZW4SVBVyRVpMT8pSRw0fTcx064PBRVTL09yG/Oy6cKAK\
             Q2QMD115a/CxDF/PdC8fNVSyzf+1+1kI5cgsB6yE3HAzI/Rwm2ZVVwBRBvAl6x96\
             YQIDAQAB",
        ),
    ];

    #[test]
    fn an_old_key_of_rsa_says_what_it_is() {
        for (old, new) in KEYS {
            let wanted = format!("-----BEGIN PUBLIC KEY-----\n{new}\n-----END PUBLIC KEY-----\n");
            assert_eq!(public_key(&format!("{BEGIN}\n{old}\n{END}\n")).as_deref(), Some(wanted.as_str()));
            assert_eq!(public_key(&wanted).as_deref(), Some(wanted.as_str()), "left as it is");
        }
        for broken in [format!("{BEGIN}\n"), format!("{BEGIN}\n%\n{END}")] {
            assert_eq!(public_key(&broken), None, "{broken}");
        }
    }
}
