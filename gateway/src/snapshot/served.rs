//! The certificates that clients are shown, from the certificates and SNIs that operators have written.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Fault;
use super::configuration::{Configuration, Entity};
use crate::model::{Certificate, Sni};
use crate::tls::{Certificates, Pairs};
use crate::vault::Reference;

/// Certificates by name, and what they were made from.
#[derive(Debug, Default)]
pub(super) struct Served {
    pub(super) table: Certificates,
    snis: Vec<Arc<Entity<Sni>>>,
    certificates: HashMap<Uuid, Made>,
    faults: Vec<Fault>,
}

/// A certificate that was read.
#[derive(Debug, Clone)]
struct Made {
    from: Arc<Entity<Certificate>>,
    pairs: Option<Arc<Pairs>>,
}

impl Served {
    /// Those of `configuration`; keys that have not changed are not read again.
    pub(super) fn build(configuration: &Configuration, previous: &Arc<Self>) -> Arc<Self> {
        if previous.is_of(configuration) {
            return Arc::clone(previous);
        }
        let mut next = Self { snis: configuration.snis.values().cloned().collect(), ..Self::default() };
        for (id, certificate) in &configuration.certificates {
            let known = previous.certificates.get(id).filter(|made| Arc::ptr_eq(&made.from, certificate));
            let made = known.cloned().unwrap_or_else(|| Made::of(certificate));
            next.certificates.insert(*id, made);
        }
        let mut table = Certificates::default();
        for sni in &next.snis {
            let made = next.certificates.get(&sni.value.certificate);
            if let Some(pairs) = made.and_then(|made| made.pairs.as_ref()) {
                table.insert(&sni.value.name, Arc::clone(pairs));
            }
        }
        next.table = table;
        next.faults.extend(
            next.certificates
                .values()
                .filter(|made| made.pairs.is_none() && !is_reference(&made.from.value))
                .map(|made| fault(&made.from)),
        );
        Arc::new(next)
    }

    pub(super) fn faults(&self) -> impl Iterator<Item = Fault> {
        self.faults.iter().cloned()
    }

    /// Whether it was made from the very same entities.
    fn is_of(&self, configuration: &Configuration) -> bool {
        let same_snis = self.snis.len() == configuration.snis.len()
            && self.snis.iter().zip(configuration.snis.values()).all(|(one, two)| Arc::ptr_eq(one, two));
        let known = |(id, certificate): (&Uuid, &Arc<Entity<Certificate>>)| {
            self.certificates.get(id).is_some_and(|made| Arc::ptr_eq(&made.from, certificate))
        };
        same_snis
            && self.certificates.len() == configuration.certificates.len()
            && configuration.certificates.iter().all(known)
    }
}

impl Made {
    fn of(certificate: &Arc<Entity<Certificate>>) -> Self {
        Self { from: Arc::clone(certificate), pairs: read(&certificate.value).map(Arc::new) }
    }
}

/// Whether it stands in a vault still: whoever could not read it there has said why.
fn is_reference(certificate: &Certificate) -> bool {
    Reference::is_meant(&certificate.cert) || Reference::is_meant(&certificate.key)
}

/// `None` if TLS cannot use it, or if it stands in a vault.
fn read(certificate: &Certificate) -> Option<Pairs> {
    let other = certificate.cert_alt.as_deref().zip(certificate.key_alt.as_deref());
    Pairs::read([(certificate.cert.as_str(), certificate.key.as_str())].into_iter().chain(other)).ok()
}

fn fault(certificate: &Entity<Certificate>) -> Fault {
    Fault {
        kind: "certificates".to_owned(),
        id: certificate.value.id.to_string(),
        message: "is shown to nobody, since it cannot be read with its key".to_owned(),
    }
}
