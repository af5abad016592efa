//! What `wit-bindgen` makes of `wit/plugin.wit`: the values of the contract and the raw calls.
//!
//! Every import sits in one world and every phase in a world of its own, because the component
//! model has no optional exports: a component exports just the worlds whose export macro it uses.
//! Imports that a plugin never calls are dropped when the component is made. Nothing here is
//! called by authors; the rest of this crate gives it names and builders.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::too_many_arguments,
    clippy::too_many_lines,
    clippy::excessive_nesting,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

/// The values and every interface that a plugin can call.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package weir:sdk;
            world imports {
                import weir:plugin/types@0.1.0;
                import weir:plugin/chunks@0.1.0;
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
            }",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

/// `meta` and `lifecycle`, which every plugin exports.
pub mod base {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package weir:sdk;
            world sdk-base { export weir:plugin/meta@0.1.0; export weir:plugin/lifecycle@0.1.0; }",
        with: { "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types },
        generate_unused_types: true,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_base",
    });
}

/// `config-migration`, which a plugin may export.
pub mod config_migration {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-config-migration { export weir:plugin/config-migration@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_config_migration",
    });
}

/// `repeatable`, which a plugin may export.
pub mod repeatable {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-repeatable { export weir:plugin/repeatable@0.1.0; }",
        with: { "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_repeatable",
    });
}

/// The `request-head` phase.
pub mod request_head {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-request-head { export weir:plugin/request-head@0.1.0; }",
        with: { "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_request_head",
    });
}

/// The `response-head` phase.
pub mod response_head {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-response-head { export weir:plugin/response-head@0.1.0; }",
        with: { "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_response_head",
    });
}

/// The `log-phase` phase.
pub mod log_phase {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-log { export weir:plugin/log-phase@0.1.0; }",
        with: { "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_log_phase",
    });
}

/// The `before-routing` phase.
pub mod before_routing {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-before-routing { export weir:plugin/before-routing@0.1.0; }",
        with: {
            "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_before_routing",
    });
}

/// The `request-body` phase.
pub mod request_body {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-request-body { export weir:plugin/request-body@0.1.0; }",
        with: {
            "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_request_body",
    });
}

/// The `request-stream` phase.
pub mod request_stream {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-request-stream { export weir:plugin/request-stream@0.1.0; }",
        with: {
            "weir:plugin/chunks@0.1.0": crate::bindings::imports::weir::plugin::chunks,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_request_stream",
    });
}

/// The `request-trailers` phase.
pub mod request_trailers {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-request-trailers { export weir:plugin/request-trailers@0.1.0; }",
        with: {
            "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_request_trailers",
    });
}

/// The `response-body` phase.
pub mod response_body {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-response-body { export weir:plugin/response-body@0.1.0; }",
        with: {
            "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_response_body",
    });
}

/// The `response-stream` phase.
pub mod response_stream {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-response-stream { export weir:plugin/response-stream@0.1.0; }",
        with: {
            "weir:plugin/chunks@0.1.0": crate::bindings::imports::weir::plugin::chunks,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_response_stream",
    });
}

/// The `response-trailers` phase.
pub mod response_trailers {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "package weir:sdk; world sdk-response-trailers { export weir:plugin/response-trailers@0.1.0; }",
        with: {
            "weir:plugin/types@0.1.0": crate::bindings::imports::weir::plugin::types,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_response_trailers",
    });
}
