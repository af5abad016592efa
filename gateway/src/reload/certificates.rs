//! Values of certificates and keys that stand in vaults.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::model::Certificate;
use crate::snapshot::{Configuration, Entity, Fault};
use crate::vault::{Reference, VaultError, Vaults};

/// Certificates with values in the place of references. What has the same values is the same entity, so
/// that nothing is read anew because of it.
#[derive(Default)]
pub(super) struct Certificates {
    known: HashMap<Uuid, Known>,
}

#[derive(Clone)]
struct Known {
    from: Arc<Entity<Certificate>>,
    made: Arc<Entity<Certificate>>,
}

/// What became of the references of a configuration.
pub(super) struct Resolved {
    pub(super) configuration: Arc<Configuration>,
    pub(super) faults: Vec<Fault>,
    /// All of them.
    pub(super) used: Vec<String>,
}

impl Certificates {
    /// The configuration with values. Its documents stay as they are: nothing that is saved has a value.
    pub(super) async fn resolve(&mut self, configuration: &Arc<Configuration>, vaults: &Vaults) -> Resolved {
        let all = configuration.certificates.values();
        let referring: Vec<_> =
            all.filter(|entity| references(&entity.value).next().is_some()).cloned().collect();
        let configuration = Arc::clone(configuration);
        let used: Vec<String> =
            referring.iter().flat_map(|entity| references(&entity.value)).map(str::to_owned).collect();
        if referring.is_empty() {
            self.known.clear();
            return Resolved { configuration, faults: Vec::new(), used };
        }
        let vaults = vaults.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let read = |entity: Arc<Entity<Certificate>>| (valued(&entity.value, &vaults), entity);
            referring.into_iter().map(read).collect::<Vec<_>>()
        });
        let Ok(read) = reading.await else {
            return Resolved { configuration, faults: Vec::new(), used };
        };
        let (mut next, mut faults) = (Configuration::clone(&configuration), Vec::new());
        let mut known = HashMap::new();
        for (valued, from) in read {
            let id = from.value.id;
            match valued {
                Ok(value) => {
                    let made = self.entity(&from, value);
                    next.certificates.insert(id, Arc::clone(&made));
                    known.insert(id, Known { from, made });
                }
                Err(error) => faults.push(Fault {
                    kind: "certificates".to_owned(),
                    id: id.to_string(),
                    message: error.to_string(),
                }),
            }
        }
        self.known = known;
        Resolved { configuration: Arc::new(next), faults, used }
    }

    fn entity(&self, from: &Arc<Entity<Certificate>>, value: Certificate) -> Arc<Entity<Certificate>> {
        let known = self.known.get(&value.id);
        let known = known.filter(|known| Arc::ptr_eq(&known.from, from) && known.made.value == value);
        known.map_or_else(
            || Arc::new(Entity { value, text: Arc::clone(&from.text) }),
            |known| Arc::clone(&known.made),
        )
    }
}

fn references(certificate: &Certificate) -> impl Iterator<Item = &str> {
    let others = [certificate.cert_alt.as_deref(), certificate.key_alt.as_deref()];
    let texts = [Some(certificate.cert.as_str()), Some(certificate.key.as_str())].into_iter().chain(others);
    texts.flatten().filter(|text| Reference::is_meant(text))
}

fn valued(certificate: &Certificate, vaults: &Vaults) -> Result<Certificate, VaultError> {
    let mut valued = certificate.clone();
    let others = [valued.cert_alt.as_mut(), valued.key_alt.as_mut()].into_iter().flatten();
    for text in [&mut valued.cert, &mut valued.key].into_iter().chain(others) {
        if Reference::is_meant(text) {
            *text = vaults.resolve(text)?.expose_secret().to_owned();
        }
    }
    Ok(valued)
}
