//! Makes an assignment of what an operator wrote: grants, limits and policies, and an instance that has agreed
//! to its configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;

use super::{
    AssignError, Assignment, AssignmentSpec, BreakerRules, CallFailure, Conduct, Core, FailurePolicy,
    Granted, Grants, Limits, Quota, Setup, next_uid,
};
use crate::plugin_host::load::Linked;
use crate::plugin_host::{Plugin, Services, function, guest};

/// Tries a configuration, with every capability denied.
///
/// # Errors
///
/// Any [`AssignError`].
pub(crate) async fn try_out(
    services: &Arc<Services>,
    max_memory_bytes: usize,
    plugin: &Arc<Plugin>,
    spec: &AssignmentSpec,
) -> Result<Assignment, AssignError> {
    configure((services, max_memory_bytes), plugin, spec, Grants::default()).await
}

/// Makes an assignment of `plugin` whose instances have `max_memory_bytes` at most, whatever its limits say.
///
/// # Errors
///
/// Any [`AssignError`].
pub(crate) async fn make(
    services: &Arc<Services>,
    max_memory_bytes: usize,
    plugin: &Arc<Plugin>,
    spec: &AssignmentSpec,
) -> Result<Assignment, AssignError> {
    let mut grants = grants(plugin, spec)?;
    for (name, grant) in grants.shared() {
        let backend = services.deps.shared.backend(grant.wanted.as_ref()).map_err(|error| {
            let reason = format!("{error}; see the redis_ settings");
            AssignError::Sandbox { field: format!("grants.{name}"), reason }
        });
        grant.backend = Some(backend?);
    }
    configure((services, max_memory_bytes), plugin, spec, grants).await
}

async fn configure(
    (services, max_memory_bytes): (&Arc<Services>, usize),
    plugin: &Arc<Plugin>,
    spec: &AssignmentSpec,
    mut grants: Grants,
) -> Result<Assignment, AssignError> {
    grants.secrets = Arc::new(grants.secrets.hiding(&spec.hidden));
    let usual = match plugin.linked {
        Linked::Contract(_) => Limits::of(plugin.language),
        Linked::Function(_) => Limits::of_functions(plugin.language),
    };
    let mut limits = limits(usual, spec)?;
    limits.memory_bytes = limits.memory_bytes.min(max_memory_bytes);
    let caches = &services.caches;
    let cache = grants.local_cache.as_ref().map(|grant| caches.open(grant, &plugin.info.name));
    let core = Arc::new(Core {
        uid: next_uid(),
        id: spec.id,
        plugin: Arc::clone(plugin),
        config_json: spec.config_json.clone(),
        limits,
        cache,
        grants,
        on_failure: FailurePolicy::read([&spec.defaults, &spec.sandbox])?,
        breaker: BreakerRules::default().overlay(spec.sandbox.get("breaker").unwrap_or(&Value::Null))?,
        reuse: plugin.info.reuse && !per_call(spec)?,
        priority: spec.priority.unwrap_or(plugin.info.default_priority),
        services: Arc::clone(services),
        conduct: Conduct::default(),
        alive: Arc::default(),
        log_quota: Quota::default(),
        reports: Quota::default(),
        backtraces: Quota::default(),
        retired: AtomicBool::new(false),
        fibers: AtomicU32::new(0),
        recent: services.recent.of(&plugin.info.name),
    });
    let setup = configured(&core).await?;
    plugin.assignments.fetch_add(1, Ordering::Relaxed);
    Ok(Assignment { core, setup: Arc::new(setup) })
}

async fn configured(core: &Arc<Core>) -> Result<Setup, AssignError> {
    let broken = AssignError::Configure;
    let permit = core.room().ok_or(CallFailure::Capacity);
    let permit = permit.map_err(broken)?;
    core.services.control.call();
    if core.plugin.function().is_some() {
        return function::try_out(core).await.map(|()| Setup::function()).map_err(broken);
    }
    let started = if core.suspends() {
        guest::start_suspending(core, permit).await
    } else {
        guest::start(core, permit)
    };
    let (_, said) = started.map_err(broken)?;
    let setup = said.map_err(AssignError::Config)?;
    Ok(Setup::read(setup, &core.plugin))
}

fn grants(plugin: &Plugin, spec: &AssignmentSpec) -> Result<Grants, AssignError> {
    let asked = &plugin.info.capabilities;
    if spec.bundled {
        let config = serde_json::from_str(&spec.config_json).unwrap_or(Value::Null);
        return Grants::resolve(asked, &Granted::Everything(&config));
    }
    let mut granted = serde_json::Map::new();
    for source in [&spec.defaults, &spec.sandbox] {
        match source.get("grants") {
            None | Some(Value::Null) => {}
            Some(Value::Object(all)) => granted.extend(all.clone()),
            Some(_) => {
                let reason = "expected an object".to_owned();
                return Err(AssignError::Sandbox { field: "grants".into(), reason });
            }
        }
    }
    Grants::resolve_with(asked, &Granted::Only(&granted), &spec.granted)
}

fn limits(mut limits: Limits, spec: &AssignmentSpec) -> Result<Limits, AssignError> {
    for source in [&spec.defaults, &spec.sandbox] {
        if let Some(Value::Object(set)) = source.get("limits") {
            limits = limits.overlay(set)?;
        }
    }
    Ok(limits)
}

/// Whether the operator wants a fresh instance for each call of this assignment.
fn per_call(spec: &AssignmentSpec) -> Result<bool, AssignError> {
    match spec.sandbox.get("instances").map(|policy| (policy, policy.as_str())) {
        None | Some((Value::Null, _) | (_, Some("reuse"))) => Ok(false),
        Some((_, Some("per-call"))) => Ok(true),
        Some(_) => Err(AssignError::Sandbox {
            field: "instances".into(),
            reason: "expected one of: per-call, reuse".into(),
        }),
    }
}
