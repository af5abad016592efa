//! Listening sockets from one process to the next, so that a change of binary refuses nobody.
//!
//! A running gateway offers its sockets at a Unix socket below its prefix. One that starts there asks for
//! them, serves beside the other until it is ready, and says so; then the other drains. The sockets are the
//! same ones, and so are the kernel's queues behind them: a connection that was on its way is accepted by
//! whoever is there. Two sockets that merely share a port have two queues, and what waits in the one that is
//! closed is lost.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::socket_type;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketType, getsockname, recvmsg, sendmsg,
};
use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;

use crate::shutdown::Drain;

/// The socket below the prefix.
const NAME: &str = "handover.sock";

/// Sockets in one message; the kernel takes 253.
const AT_ONCE: usize = 64;

/// How long the other side may take for a message.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a new process may take to become ready: it may have plugins to compile.
const START: Duration = Duration::from_secs(600);

/// More messages come.
const MORE: u8 = 1;
/// All sockets are there.
const END: u8 = 0;
/// The new process serves.
const READY: u8 = 2;

/// What another process has handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<OwnedFd>,
    from: Option<UnixStream>,
    has_taken: bool,
}

impl Inherited {
    /// Asks the gateway that runs with this prefix, if there is one. Waits for it for some seconds at most.
    pub fn ask(prefix: &Path) -> Self {
        let Ok(stream) = UnixStream::connect(prefix.join(NAME)) else { return Self::default() };
        match receive(&stream) {
            Ok(sockets) => {
                tracing::info!(sockets = sockets.len(), "taking over from a running gateway");
                Self { sockets, from: Some(stream), has_taken: false }
            }
            Err(error) => {
                tracing::warn!(%error, "a running gateway does not hand its sockets over");
                Self::default()
            }
        }
    }

    /// One of the sockets that listen there.
    pub fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        self.take_any(address, SocketType::STREAM).map(TcpListener::from)
    }

    /// One of the sockets that take datagrams there.
    pub fn take_datagrams(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        self.take_any(address, SocketType::DGRAM).map(UdpSocket::from)
    }

    fn take_any(&mut self, address: SocketAddr, kind: SocketType) -> Option<OwnedFd> {
        let is_there = |socket: &OwnedFd| {
            let local = getsockname(socket).ok().and_then(|local| SocketAddr::try_from(local).ok());
            local == Some(address) && socket_type(socket) == Ok(kind)
        };
        let place = self.sockets.iter().position(is_there)?;
        self.has_taken = true;
        Some(self.sockets.swap_remove(place))
    }

    /// Says that this process serves, so that the other one drains. What was not taken is closed. A process
    /// that listens elsewhere is a neighbour, and takes nobody's place.
    pub fn ready(self) {
        if !self.has_taken {
            return;
        }
        if let Some(mut stream) = self.from
            && let Err(error) = stream.write_all(&[READY])
        {
            tracing::warn!(%error, "the gateway before this one does not hear that it can go");
        }
    }
}

fn receive(stream: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut sockets = Vec::new();
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut kind = [END];
        let read = recvmsg(stream, &mut [IoSliceMut::new(&mut kind)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                sockets.extend(descriptors);
            }
        }
        match (read.bytes, kind) {
            (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (_, [END]) => return Ok(sockets),
            (_, _) => {}
        }
    }
}

/// The sockets of this process, for the one that comes after it.
#[derive(Debug)]
pub struct Offer {
    listener: UnixListener,
    sockets: Vec<OwnedFd>,
}

impl Offer {
    /// Offers copies of `sockets`, in the place of any process before this one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(prefix: &Path, sockets: Vec<OwnedFd>) -> io::Result<Self> {
        let path: PathBuf = prefix.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, sockets })
    }

    /// Hands the sockets to whoever asks; ends when one of those says that it is ready, with true, or when
    /// this process drains for another reason. The copies are closed then: they would keep ports open that
    /// nobody serves.
    pub async fn taken(self, drain: Drain) -> bool {
        loop {
            let stream = tokio::select! {
                () = drain.started() => return false,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "nobody can take over from this gateway");
                        return false;
                    }
                },
            };
            tokio::select! {
                () = drain.started() => return false,
                taken = self.hand_to(stream) => match taken {
                    Ok(()) => return true,
                    Err(error) => tracing::warn!(%error, "a gateway that wanted to take over has not come up"),
                },
            }
        }
    }

    async fn hand_to(&self, mut stream: tokio::net::UnixStream) -> io::Result<()> {
        tokio::time::timeout(PATIENCE, self.send(&stream)).await??;
        tracing::info!(
            sockets = self.sockets.len(),
            "handed over; waiting for the other gateway to be ready"
        );
        match tokio::time::timeout(START, stream.read_u8()).await?? {
            READY => Ok(()),
            other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("unexpected message {other}"))),
        }
    }

    async fn send(&self, stream: &tokio::net::UnixStream) -> io::Result<()> {
        for some in self.sockets.chunks(AT_ONCE) {
            let descriptors: Vec<BorrowedFd<'_>> = some.iter().map(AsFd::as_fd).collect();
            send(stream, MORE, &descriptors).await?;
        }
        send(stream, END, &[]).await
    }
}

async fn send(stream: &tokio::net::UnixStream, kind: u8, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    stream
        .async_io(tokio::io::Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            Ok(sendmsg(stream, &[IoSlice::new(&[kind])], &mut control, SendFlags::NOSIGNAL)?)
        })
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shutdown;

    fn copies(sockets: &[TcpListener]) -> Vec<OwnedFd> {
        sockets.iter().map(|socket| socket.try_clone().unwrap().into()).collect()
    }

    #[tokio::test]
    async fn sockets_go_to_the_next_process_and_the_one_before_hears_that_it_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let (_trigger, drain) = shutdown::channel();
        let sockets: Vec<_> = (0..70).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let wanted = sockets[69].local_addr().unwrap();
        let offer = Offer::new(folder.path(), copies(&sockets)).unwrap();
        let offering = tokio::spawn(offer.taken(drain));
        let prefix = folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || Inherited::ask(&prefix)).await.unwrap();
        // One that does not come up leaves things as they were.
        assert_eq!(asked.sockets.len(), 70);
        drop(asked);
        // So does one that listens elsewhere.
        let prefix = folder.path().to_owned();
        tokio::task::spawn_blocking(move || Inherited::ask(&prefix).ready()).await.unwrap();
        let prefix = folder.path().to_owned();
        let mut asked = tokio::task::spawn_blocking(move || Inherited::ask(&prefix)).await.unwrap();
        drop(sockets);
        let _taken = asked.take(wanted).expect("one of the seventy");
        assert!(asked.take(wanted).is_none());
        std::net::TcpStream::connect(wanted).expect("the same socket still listens");
        asked.ready();
        assert!(offering.await.unwrap());
    }

    #[tokio::test]
    async fn without_a_process_before_there_is_nothing_to_inherit() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Inherited::ask(folder.path()).sockets.is_empty());
        drop(Offer::new(folder.path(), Vec::new()).unwrap());
        assert!(Inherited::ask(folder.path()).sockets.is_empty(), "one that is gone");
        let (trigger, drain) = shutdown::channel();
        let offer = Offer::new(folder.path(), Vec::new()).unwrap();
        trigger.advance(shutdown::Phase::Draining);
        assert!(!offer.taken(drain).await, "a drain for another reason");
    }
}
