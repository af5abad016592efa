//! A small name server on real sockets, UDP and TCP, whose answers a test can change at any time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SRV: u16 = 33;
/// RFC 1035 section 4.2.1: what is longer goes over TCP.
const LONGEST_UDP: usize = 512;

/// One record; its lifetime is in seconds.
#[derive(Debug, Clone)]
pub enum Rr {
    /// An address, IPv4 or IPv6.
    Address(u32, IpAddr),
    /// Another name for the same.
    Alias(u32, String),
    /// Priority, weight, port and name.
    Service(u32, (u16, u16, u16), String),
}

/// What the server says of a name.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These records; of other types there are none.
    Records(Vec<Rr>),
    /// There is no such name, as for every name that was not set.
    NoSuchName,
    /// It cannot say.
    Failure,
    /// Nothing: the question gets no answer.
    Silence,
}

/// A running server; stops when dropped.
pub struct DnsServer {
    address: SocketAddr,
    zone: Arc<Zone>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Zone {
    replies: Mutex<BTreeMap<String, Reply>>,
    /// Names and types asked for, and whether over TCP.
    asked: Mutex<Vec<(String, u16, bool)>>,
}

impl DnsServer {
    /// A server that knows nothing yet.
    ///
    /// # Errors
    ///
    /// If no port can be bound.
    pub async fn start() -> anyhow::Result<Self> {
        // A port that is free for both: UDP decides, TCP must follow.
        for _ in 0..20 {
            let udp = UdpSocket::bind("127.0.0.1:0").await?;
            let address = udp.local_addr()?;
            let Ok(tcp) = TcpListener::bind(address).await else { continue };
            let zone = Arc::new(Zone::default());
            let tasks = vec![
                tokio::spawn(serve_udp(udp, Arc::clone(&zone))),
                tokio::spawn(serve_tcp(tcp, Arc::clone(&zone))),
            ];
            return Ok(Self { address, zone, tasks });
        }
        anyhow::bail!("no port is free for both UDP and TCP")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it says this of a name.
    pub fn set(&self, name: &str, reply: Reply) {
        let mut replies = self.zone.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.insert(name.to_ascii_lowercase(), reply);
    }

    /// These addresses for a name, for so many seconds.
    pub fn addresses(&self, name: &str, ttl: u32, addresses: &[IpAddr]) {
        self.set(name, Reply::Records(addresses.iter().map(|address| Rr::Address(ttl, *address)).collect()));
    }

    /// How often a name was asked for, of any type.
    pub fn asked(&self, name: &str) -> usize {
        let asked = self.zone.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|(known, ..)| known == name).count()
    }

    /// How often over TCP.
    pub fn asked_over_tcp(&self, name: &str) -> usize {
        let asked = self.zone.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|(known, _, tcp)| known == name && *tcp).count()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let Some(answer) = buffer.get(..length).and_then(|query| zone.answer(query, false)) else { continue };
        _ = socket.send_to(&answer, from).await;
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Zone>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let zone = Arc::clone(&zone);
        // How a connection ends is the client's business.
        tokio::spawn(async move { while answer_one(&mut stream, &zone).await.is_ok() {} });
    }
}

async fn answer_one(stream: &mut TcpStream, zone: &Zone) -> anyhow::Result<()> {
    let length = stream.read_u16().await?;
    let mut query = vec![0; length.into()];
    stream.read_exact(&mut query).await?;
    if let Some(answer) = zone.answer(&query, true) {
        stream.write_u16(u16::try_from(answer.len())?).await?;
        stream.write_all(&answer).await?;
    }
    Ok(())
}

impl Zone {
    fn answer(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let (name, kind, question) = question(query).ok()?;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((name.clone(), kind, tcp));
        let reply = self.replies.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let (code, records) = match reply.unwrap_or(Reply::NoSuchName) {
            Reply::Silence => return None,
            Reply::Failure => (2, Vec::new()),
            Reply::NoSuchName => (3, Vec::new()),
            Reply::Records(records) => (0, records),
        };
        let fits = |record: &&Rr| match record {
            Rr::Address(_, IpAddr::V4(_)) => kind == A,
            Rr::Address(_, IpAddr::V6(_)) => kind == AAAA,
            Rr::Alias(..) => true,
            Rr::Service(..) => kind == SRV,
        };
        let records: Vec<&Rr> = records.iter().filter(fits).collect();
        let whole = message(query.get(..2)?, question, code, &records, false);
        if tcp || whole.len() <= LONGEST_UDP {
            return Some(whole);
        }
        Some(message(query.get(..2)?, question, code, &[], true))
    }
}

/// The name in lower case, the type, and the question as it came.
fn question(query: &[u8]) -> anyhow::Result<(String, u16, &[u8])> {
    let rest = query.get(12..).context("no header")?;
    let (mut at, mut labels) = (0, Vec::new());
    loop {
        let length = usize::from(*rest.get(at).context("cut off")?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = rest.get(at..at + length).context("cut off")?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(rest.get(at..at + 2).context("cut off")?.try_into()?);
    Ok((labels.join("."), kind, rest.get(..at + 4).context("cut off")?))
}

fn message(id: &[u8], question: &[u8], code: u8, records: &[&Rr], truncated: bool) -> Vec<u8> {
    let mut out = id.to_vec();
    // An answer with recursion, asked for and offered.
    out.extend([0x81 | if truncated { 2 } else { 0 }, 0x80 | code]);
    for count in [1, records.len(), 0, 0] {
        out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend(question);
    // An alias gives its name to the records behind it.
    let mut owner = vec![0xC0, 12];
    for record in records {
        let (kind, ttl, data) = match record {
            Rr::Address(ttl, IpAddr::V4(ip)) => (A, ttl, ip.octets().to_vec()),
            Rr::Address(ttl, IpAddr::V6(ip)) => (AAAA, ttl, ip.octets().to_vec()),
            Rr::Alias(ttl, name) => (CNAME, ttl, encoded(name)),
            Rr::Service(ttl, (priority, weight, port), name) => {
                let numbers = [priority, weight, port].into_iter().flat_map(|number| number.to_be_bytes());
                (SRV, ttl, numbers.chain(encoded(name)).collect())
            }
        };
        out.extend(&owner);
        out.extend(kind.to_be_bytes());
        out.extend(1_u16.to_be_bytes());
        out.extend(ttl.to_be_bytes());
        out.extend(u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
        out.extend(&data);
        if kind == CNAME {
            owner = data;
        }
    }
    out
}

fn encoded(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}
