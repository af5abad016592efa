//! Certificates and keys, read once for as long as the entities stay the same.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::configuration::{Configuration, Entity};
use crate::client::{Speaks, TlsIdentity, TlsProfile, TlsRequirements, TlsRoots, TlsVerify};
use crate::model::{CaCertificate, Certificate, Service};

/// What was read of an entity, or why it could not be.
type Read<S, T> = (S, Result<T, String>);
type Authorities = Vec<Arc<Entity<CaCertificate>>>;

/// Certificates and keys of one snapshot. Profiles keep the TLS sessions of upstreams, so they are handed on
/// from one snapshot to the next.
#[derive(Debug, Default)]
pub(super) struct Materials {
    identities: HashMap<Uuid, Read<Arc<Entity<Certificate>>, TlsIdentity>>,
    roots: HashMap<Vec<Uuid>, Read<Authorities, TlsRoots>>,
    profiles: HashSet<TlsProfile>,
}

/// Makes the next ones. What nobody asks for is not taken over.
pub(super) struct MaterialsBuilder<'c> {
    configuration: &'c Configuration,
    previous: &'c Materials,
    next: Materials,
}

impl<'c> MaterialsBuilder<'c> {
    pub(super) fn new(configuration: &'c Configuration, previous: &'c Materials) -> Self {
        Self { configuration, previous, next: Materials::default() }
    }

    pub(super) fn finish(self) -> Materials {
        self.next
    }

    /// How TLS is spoken with the upstream of a service. `certificate` is shown if the service names none of
    /// its own.
    ///
    /// # Errors
    ///
    /// What is missing or cannot be read: without it the upstream would not be spoken to as it should be.
    pub(super) fn profile(
        &mut self,
        service: &Service,
        certificate: Option<Uuid>,
        speaks: Speaks,
    ) -> Result<TlsProfile, String> {
        let verify = service.tls_verify.map(|verify| if verify { TlsVerify::Full } else { TlsVerify::Off });
        let identity = service.client_certificate.or(certificate).map(|id| self.identity(id)).transpose()?;
        let named = service.ca_certificates.as_deref().filter(|ids| !ids.is_empty());
        let roots = named.map(|ids| self.roots(ids)).transpose()?;
        let depth = service.tls_verify_depth;
        let made = TlsProfile::new(TlsRequirements { verify, depth, roots, identity, speaks });
        let known = self.next.profiles.get(&made).or_else(|| self.previous.profiles.get(&made));
        let profile = known.cloned().unwrap_or(made);
        self.next.profiles.insert(profile.clone());
        Ok(profile)
    }

    fn identity(&mut self, id: Uuid) -> Result<TlsIdentity, String> {
        let missing = || format!("there is no certificate {id}");
        let entity = self.configuration.certificates.get(&id).ok_or_else(missing)?;
        let known =
            self.next.identities.get(&id).or_else(|| {
                self.previous.identities.get(&id).filter(|(source, _)| Arc::ptr_eq(source, entity))
            });
        let read = known.map_or_else(|| identity(&entity.value), |(_, read)| read.clone());
        self.next.identities.insert(id, (Arc::clone(entity), read.clone()));
        read
    }

    fn roots(&mut self, ids: &[Uuid]) -> Result<TlsRoots, String> {
        let find = |id: &Uuid| {
            let found = self.configuration.ca_certificates.get(id).cloned();
            found.ok_or_else(|| format!("there is no CA certificate {id}"))
        };
        let entities = ids.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let is_same = |source: &[Arc<Entity<CaCertificate>>]| {
            source.len() == entities.len()
                && source.iter().zip(&entities).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let known = self
            .next
            .roots
            .get(ids)
            .or_else(|| self.previous.roots.get(ids).filter(|(source, _)| is_same(source)));
        let read = known.map_or_else(|| roots(&entities), |(_, read)| read.clone());
        self.next.roots.insert(ids.to_vec(), (entities, read.clone()));
        read
    }
}

fn identity(certificate: &Certificate) -> Result<TlsIdentity, String> {
    TlsIdentity::from_pem(&certificate.cert, &certificate.key)
        .map_err(|error| format!("certificate {} cannot be used: {error}", certificate.id))
}

fn roots(entities: &[Arc<Entity<CaCertificate>>]) -> Result<TlsRoots, String> {
    TlsRoots::from_pem(entities.iter().map(|entity| entity.value.cert.as_str()))
        .map_err(|error| format!("its CA certificates cannot be used: {error}"))
}
