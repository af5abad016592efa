//! Engine settings: what guests may use, and what an instance costs.
//!
//! There is one engine for plugins of `wit/plugin.wit`. It has no component-model async: that makes
//! a warm call three times as fast, and a plugin that waits is suspended on a fiber all the same.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use super::reserved;
use crate::plugin_host::HostSettings;

/// Wasmtime checks only its major version when it loads an artifact; a security fix in a patch
/// release must invalidate artifacts too, so its full version stands in the build id.
const BUILD_ID: &str = concat!("wasmtime-48.0.8+weir-", env!("CARGO_PKG_VERSION"));

/// Address space is reserved for each memory slot; where so much is not to be had, fewer will do.
const SMALLEST_POOL: u32 = 16;

/// Whether code counts the instructions that it runs. Code that does is slower, and other code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuel {
    /// As in a gateway.
    Uncounted,
    /// For trials.
    Counted,
}

impl Fuel {
    /// What a call begins with: more than any call can use.
    pub(crate) const FULL: u64 = u64::MAX;

    /// What a host with these settings needs.
    pub(crate) fn of(settings: &HostSettings) -> Self {
        if settings.trial.is_some() { Self::Counted } else { Self::Uncounted }
    }
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot start: {0}")]
pub(crate) struct EngineError(String);

/// The engine that runs plugins, and how many instances it has room for.
pub(crate) fn running_engine(settings: &HostSettings) -> Result<(Engine, u32), EngineError> {
    let mut instances = settings.instances.max(SMALLEST_POOL);
    loop {
        let mut config = shared_config(Fuel::of(settings))?;
        let pool = pool(instances, settings.max_memory_bytes);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        match Engine::new(&config) {
            Ok(engine) => {
                reserved::leave_out_of_dumps();
                return Ok((engine, instances));
            }
            Err(error) if instances <= SMALLEST_POOL => return Err(EngineError(format!("{error:#}"))),
            Err(_) => instances = (instances / 2).max(SMALLEST_POOL),
        }
    }
}

/// The engine of the compiler process: makes the same code, but reserves no address space.
pub(crate) fn compiling_engine(fuel: Fuel) -> Result<Engine, EngineError> {
    let mut config = shared_config(fuel)?;
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config).map_err(|error| EngineError(format!("{error:#}")))
}

/// Names everything that an artifact depends on but its bytes: settings, version, target and CPU.
pub(crate) fn engine_id(engine: &Engine) -> String {
    let mut hasher = IdHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let digest = hasher.0.chain_update(BUILD_ID).finalize();
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// `DefaultHasher` has 64 bits; an artifact that is taken for another would run as native code.
struct IdHasher(Sha256);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn shared_config(fuel: Fuel) -> Result<Config, EngineError> {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(fuel == Fuel::Counted)
        .max_wasm_stack(256 << 10)
        .async_stack_size(1 << 20)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .memory_init_cow(true)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(false);
    config
        .module_version(ModuleVersionStrategy::Custom(BUILD_ID.into()))
        .map_err(|error| EngineError(format!("{error:#}")))?;
    Ok(config)
}

/// Core instances of one component: CPython links its libraries from some 60 modules.
const CORE_INSTANCES: u32 = 96;
/// Memories of one component: QuickJS comes with two small ones for what replaces WASI.
const MEMORIES: u32 = 4;

fn pool(instances: u32, max_memory_bytes: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(8))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(16)
        .max_memory_size(max_memory_bytes)
        .table_elements(100_000)
        .max_component_instance_size(2 << 20)
        .max_core_instance_size(2 << 20)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(16 << 10)
        .max_unused_warm_slots(instances.min(200));
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_for_guests_stays_out_of_core_dumps() {
        let settings = HostSettings { instances: 16, ..HostSettings::new("/tmp".into(), 1) };
        let _engine = running_engine(&settings).unwrap();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let flags = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
        let sizes = maps.lines().filter_map(|line| line.strip_prefix("Size:")?.trim().strip_suffix(" kB"));
        let large: Vec<_> = sizes
            .zip(flags)
            .filter(|(kib, _)| kib.trim().parse::<usize>().unwrap() >= 4 << 20)
            .map(|(_, flags)| flags.split_whitespace().any(|flag| flag == "dd"))
            .collect();
        assert!(!large.is_empty(), "the slots are there");
        assert!(large.iter().all(|left_out| *left_out), "{large:?}");
    }

    #[test]
    fn compiler_and_runner_agree_on_artifacts() {
        let settings = HostSettings { instances: 16, ..HostSettings::new("/tmp".into(), 1) };
        let (running, _) = running_engine(&settings).unwrap();
        assert_eq!(engine_id(&running), engine_id(&compiling_engine(Fuel::Uncounted).unwrap()));
        assert_ne!(engine_id(&running), engine_id(&compiling_engine(Fuel::Counted).unwrap()), "other code");
    }
}
