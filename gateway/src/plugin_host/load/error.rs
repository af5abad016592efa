//! Why a component is refused, in words for the person who uploads it.

/// Why an upload is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// Larger than the limit.
    #[error("the component has {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// Not a component at all.
    #[error("this is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// A component whose shape is refused before it is compiled.
    #[error("the component is refused: {0}")]
    Shape(String),
    /// It imports what this gateway does not have.
    #[error("the component imports `{import}`, which this gateway does not have{hint}")]
    UnknownImport {
        /// What it imports.
        import: String,
        /// The nearest thing that there is.
        hint: String,
    },
    /// It lacks an export, or has one of another type.
    #[error("the component cannot be used as a plugin: {0}")]
    Contract(String),
    /// It does not compile within the limits.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// The operator asks for a good signature, and there is none.
    #[error("the component is not signed by a trusted key: {0}")]
    Signature(&'static str),
    /// `describe` failed.
    #[error("`describe` failed: {0}")]
    Describe(String),
    /// The gateway failed, not the component.
    #[error("the gateway cannot take the component now: {0}")]
    Internal(String),
}

/// Why a component that was admitted before cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("plugin component {digest}: {source}")]
pub struct LoadError {
    /// The component's digest.
    pub digest: String,
    /// What went wrong.
    pub source: AdmissionError,
}
