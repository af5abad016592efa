//! The plugins in the gateway's own binary.

use std::sync::Arc;

use bytes::Bytes;

use super::host::digest;
use super::{AdmissionError, Host, LoadError, Plugin};
use crate::task;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

impl Host {
    /// The plugins of the gateway itself. They are compiled at the first start, and loaded from
    /// artifacts after that.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for the first that does not pass.
    pub async fn bundled(&self) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let _hurry = self.compiler().hurry();
        let load = |(_, bytes): &'static (&str, &[u8])| {
            let this = self.clone();
            let load = async move { this.load(&digest(bytes), &Bytes::from_static(bytes)).await };
            task::spawn("bundled plugin", load)
        };
        let loads: Vec<_> = BUNDLED.iter().map(load).collect();
        let mut plugins = Vec::with_capacity(loads.len());
        for (load, (name, _)) in loads.into_iter().zip(BUNDLED) {
            let lost = || LoadError {
                digest: (*name).to_owned(),
                source: AdmissionError::Internal("its task is gone".to_owned()),
            };
            plugins.push(load.await.ok().flatten().ok_or_else(lost)??);
        }
        Ok(plugins)
    }
}
