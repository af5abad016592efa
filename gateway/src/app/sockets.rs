//! Listening sockets that a process before this one hands over, or that are opened.

use std::net::{SocketAddr, TcpListener};

use super::AppError;
use crate::config::{Listener, Settings};
use crate::handover::Inherited;

/// The sockets of the control plane, open from the first moment on.
pub(super) struct ControlSockets {
    pub(super) status: Vec<TcpListener>,
    pub(super) admin: Vec<TcpListener>,
}

impl ControlSockets {
    /// Takes what a process before this one has, and opens the rest.
    pub(super) fn open(settings: &Settings, inherited: &mut Inherited) -> Result<Self, AppError> {
        Ok(Self {
            status: open(&settings.status_listen, "status_listen", inherited)?,
            admin: open(&settings.admin_listen, "admin_listen", inherited)?,
        })
    }
}

fn open(
    listeners: &[Listener],
    setting: &'static str,
    inherited: &mut Inherited,
) -> Result<Vec<TcpListener>, AppError> {
    let socket = |listener: &Listener| {
        let address = listener.address;
        let failed = |source| AppError::Listen { setting, address, source };
        inherited.take(address).map_or_else(|| bind(address).map_err(failed), Ok)
    };
    listeners.iter().map(socket).collect()
}

/// Not shared with any other socket: a second gateway on this port is a mistake.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
