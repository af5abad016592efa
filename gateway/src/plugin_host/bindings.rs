//! What `bindgen!` makes of `wit/`: types of both directions, the traits of the imports, and the
//! two interfaces that every plugin exports.
//!
//! The calls of the phases are not made through here: their inputs are lowered from borrowed
//! values (`guest::wire`). The generated types of their results are used, so that a change of the
//! contract is a compile error and not a surprise at load.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package weir:gateway;
        world gateway {
            import weir:plugin/types@0.1.0;
            import weir:plugin/exchange@0.1.0;
            import weir:plugin/body@0.1.0;
            import weir:plugin/logging@0.1.0;
            import weir:plugin/metrics@0.1.0;
            import weir:plugin/clock@0.1.0;
            import weir:plugin/random@0.1.0;
            import weir:plugin/secrets@0.1.0;
            import weir:plugin/credentials@0.1.0;
            import weir:plugin/crypto@0.1.0;
            import weir:plugin/local-counters@0.1.0;
            import weir:plugin/local-cache@0.1.0;
            import weir:plugin/log-file@0.1.0;
            import weir:plugin/shared-counters@0.1.0;
            import weir:plugin/shared-kv@0.1.0;
            import weir:plugin/http-client@0.1.0;
            export weir:plugin/meta@0.1.0;
            export weir:plugin/lifecycle@0.1.0;
            export weir:plugin/config-migration@0.1.0;
            export weir:plugin/repeatable@0.1.0;
            export weir:plugin/request-head@0.1.0;
            export weir:plugin/request-body@0.1.0;
            export weir:plugin/request-stream@0.1.0;
            export weir:plugin/request-trailers@0.1.0;
            export weir:plugin/response-head@0.1.0;
            export weir:plugin/response-body@0.1.0;
            export weir:plugin/response-stream@0.1.0;
            export weir:plugin/response-trailers@0.1.0;
            export weir:plugin/before-routing@0.1.0;
            export weir:plugin/log-phase@0.1.0;
        }
    ",
    world: "weir:gateway/gateway",
    imports: { default: trappable },
    require_store_data_send: true,
    with: {
        "weir:plugin/crypto.public-key": crate::plugin_host::imports::PublicKey,
        "weir:plugin/secrets.secret": crate::plugin_host::imports::SecretHandle,
        "weir:plugin/metrics.counter": crate::plugin_host::imports::CounterHandle,
        "weir:plugin/metrics.histogram": crate::plugin_host::imports::HistogramHandle,
    },
});
