//! The cage of the process: what an intruder would try fails in it, and what a gateway does goes on.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use gateway_tests::{Gateway, Upstream, eventually};
use http::Method;
use serde_json::json;

use crate::setup::{gateway, header_edit, serve};

/// What is tried, in a process of its own.
const ATTEMPT: &str = "WEIR_TEST_ATTEMPT";
/// A folder that is the process's own.
const INSIDE: &str = "WEIR_TEST_INSIDE";
/// A folder that is not.
const OUTSIDE: &str = "WEIR_TEST_OUTSIDE";
/// Whether the process confines itself before it tries.
const CONFINED: &str = "WEIR_TEST_CONFINED";

type Try = fn(&Path, &Path) -> io::Result<()>;

/// All must work without the cage, where the user may do it; then only the last ones do.
const TRIES: &[(&str, bool, Try)] = &[
    ("write outside", false, |_, outside| std::fs::write(outside.join("new"), "x")),
    ("change a file outside", false, |_, outside| std::fs::write(outside.join("old"), "x")),
    ("truncate a file outside", false, |_, outside| {
        std::fs::File::options().write(true).truncate(true).open(outside.join("old")).map(drop)
    }),
    ("delete a file outside", false, |_, outside| std::fs::remove_file(outside.join("old"))),
    ("read a file outside", false, |_, outside| std::fs::read(outside.join("old")).map(drop)),
    ("move a file out", false, |inside, outside| std::fs::rename(inside.join("own"), outside.join("new"))),
    ("link a file out", false, |inside, outside| std::fs::hard_link(inside.join("own"), outside.join("new"))),
    ("reach out by a link", false, |inside, outside| {
        std::os::unix::fs::symlink(outside.join("old"), inside.join("link"))?;
        std::fs::write(inside.join("link"), "x")
    }),
    ("run a program", false, |_, _| Command::new("/bin/true").status().map(drop)),
    ("run a program of its own making", false, |inside, _| {
        let program = inside.join("program");
        std::fs::copy("/bin/true", &program)?;
        Command::new(&program).status().map(drop)
    }),
    ("trace", false, |_, _| {
        let seize = libc::PTRACE_SEIZE.into();
        said(call(libc::SYS_ptrace, [seize, std::os::unix::process::parent_id().into(), 0]))
    }),
    ("read another's memory", false, |_, _| {
        said(call(libc::SYS_process_vm_readv, [std::os::unix::process::parent_id().into(), 0, 0]))
    }),
    ("raw socket", false, |_, _| socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)),
    ("raw socket of version 6", false, |_, _| socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)),
    ("frames", false, |_, _| socket(libc::AF_PACKET, libc::SOCK_RAW, 0)),
    ("a new namespace", false, |_, _| said(call(libc::SYS_unshare, [libc::CLONE_NEWNET.into(), 0, 0]))),
    ("become another", false, |_, _| said(call(libc::SYS_setuid, [0, 0, 0]))),
    ("signal another", false, |_, _| {
        said(call(libc::SYS_kill, [std::os::unix::process::parent_id().into(), 0, 0]))
    }),
    ("write inside", true, |inside, _| std::fs::write(inside.join("new"), "x")),
    ("move inside", true, |inside, _| std::fs::rename(inside.join("own"), inside.join("moved"))),
    ("read certificates", true, |_, _| std::fs::read_dir("/etc").map(drop)),
    ("listen", true, |_, _| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("datagrams", true, |_, _| UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("listen on a path", true, |inside, _| {
        std::os::unix::net::UnixListener::bind(inside.join("s")).map(drop)
    }),
    ("name look-ups", true, |_, _| socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)),
    ("run itself", true, |_, _| Command::new("/proc/self/exe").arg("--list").output().map(drop)),
    ("threads", true, |_, _| std::thread::Builder::new().spawn(|| {}).map(drop)),
];

#[expect(unsafe_code, reason = "calls that no library wraps, with numbers for arguments")]
fn call(number: libc::c_long, [a, b, c]: [i64; 3]) -> libc::c_long {
    // SAFETY: none of the calls above is given a pointer but null, with a length of 0.
    unsafe { libc::syscall(number, a, b, c, 0, 0, 0) }
}

fn said(answer: libc::c_long) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn socket(family: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<()> {
    said(call(libc::SYS_socket, [family.into(), kind.into(), protocol.into()]))
}

/// Not a test by itself: the process in which one thing is tried.
#[test]
fn attempt() -> anyhow::Result<()> {
    let Ok(wanted) = std::env::var(ATTEMPT) else { return Ok(()) };
    let [inside, outside] = [std::env::var(INSIDE)?, std::env::var(OUTSIDE)?];
    if std::env::var_os(CONFINED).is_some() {
        let environment = [("WEIR_PREFIX".to_owned(), inside.clone())];
        let sources = weir::config::Sources { file: None, environment: &environment };
        let plan = weir::confinement::Plan::new(&weir::config::load(sources)?.settings)?;
        let in_force = weir::confinement::enter(&plan)?;
        anyhow::ensure!(in_force.is_whole(), "this kernel confines in part: {in_force:?}");
    }
    let (.., attempt) = TRIES.iter().find(|(name, ..)| *name == wanted).context("an attempt")?;
    match attempt(Path::new(&inside), Path::new(&outside)) {
        Ok(()) => println!("\noutcome: done"),
        Err(error) => println!("\noutcome: {error}"),
    }
    Ok(())
}

/// What becomes of an attempt: `done`, or the system's words.
fn outcome(name: &str, confined: bool) -> anyhow::Result<String> {
    let [inside, outside] = [tempfile::tempdir()?, tempfile::tempdir()?];
    std::fs::write(inside.path().join("own"), "own")?;
    std::fs::write(outside.path().join("old"), "old")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "confinement::attempt", "--nocapture"]);
    command.env(ATTEMPT, name).env(INSIDE, inside.path()).env(OUTSIDE, outside.path());
    if confined {
        command.env(CONFINED, "yes");
    }
    let ended = command.output()?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    let said = text.lines().find_map(|line| line.strip_prefix("outcome: ").map(str::to_owned));
    said.with_context(|| format!("{name}: {text}"))
}

#[test]
fn what_an_intruder_would_try_fails_and_what_a_gateway_does_goes_on() -> anyhow::Result<()> {
    let root = rustix_is_root();
    for (name, allowed, _) in TRIES {
        let free = outcome(name, false)?;
        // Without the cage it works: a failure in it is the cage's doing.
        assert!(free == "done" || !root, "{name}, without the cage: {free}");
        let caged = outcome(name, true)?;
        let refused = ["(os error 1)", "(os error 13)", "(os error 18)"];
        if *allowed {
            assert_eq!(caged, "done", "{name}");
        } else {
            assert!(refused.iter().any(|error| caged.ends_with(error)), "{name}: {caged}");
        }
    }
    Ok(())
}

fn rustix_is_root() -> bool {
    status("self").is_ok_and(|status| row(&status, "Uid").starts_with('0'))
}

fn status(process: &str) -> io::Result<String> {
    std::fs::read_to_string(format!("/proc/{process}/status"))
}

fn row<'a>(status: &'a str, name: &str) -> &'a str {
    let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_default().trim()
}

/// The state of every thread.
fn threads(gateway: &Gateway) -> anyhow::Result<Vec<String>> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", gateway.pid()))?;
    tasks.flatten().map(|task| Ok(std::fs::read_to_string(task.path().join("status"))?)).collect()
}

#[tokio::test]
async fn every_thread_of_a_gateway_is_confined_and_it_says_so() -> anyhow::Result<()> {
    let gateway = gateway().start().await?;
    for thread in threads(&gateway)? {
        let name = row(&thread, "Name").to_owned();
        assert_eq!((row(&thread, "Seccomp"), row(&thread, "NoNewPrivs")), ("2", "1"), "{name}");
    }
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains("\"message\":\"confined\"")).context("a line")?;
    let prefix = gateway.prefix().display().to_string();
    assert!(line.contains(&prefix) && line.contains("\"files\":\"Confined\""), "{line}");
    Ok(())
}

#[tokio::test]
async fn confinement_can_be_turned_off_and_says_so() -> anyhow::Result<()> {
    let gateway = gateway().set("WEIR_CONFINEMENT", "off").start().await?;
    assert_eq!(row(&status(&gateway.pid().to_string())?, "Seccomp"), "0");
    assert!(gateway.log().contains("confinement is off"), "{}", gateway.log());
    Ok(())
}

#[tokio::test]
async fn plugins_log_where_the_settings_let_them() -> anyhow::Result<()> {
    let [open, closed] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let folders = open.path().display().to_string();
    let gateway = gateway().set("WEIR_PLUGIN_LOG_FOLDERS", folders).start().await?;
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    serve(&gateway, "b", &upstream.url()).await?;
    let own = gateway.prefix().join("plugin.log");
    for (route, path) in [("a", open.path().join("a.log")), ("b", closed.path().join("b.log"))] {
        let plugin = json!({"name": "file-log", "config": {"path": path}});
        gateway.apply(Method::POST, &format!("/routes/{route}/plugins"), &plugin).await?;
    }
    let plugin = json!({"name": "file-log", "config": {"path": own}});
    gateway.apply(Method::POST, "/plugins", &plugin).await?;
    let written = |path: &Path| std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    eventually("what is open is written, and what is closed is told", Duration::from_secs(30), || async {
        for path in ["/a", "/b", "/none"] {
            drop(gateway.get(path, &[]).await);
        }
        written(&open.path().join("a.log")) && written(&own) && gateway.log().contains("plugin_log_folders")
    })
    .await?;
    assert!(!closed.path().join("b.log").exists(), "nothing was made elsewhere");
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_is_started_as_root_becomes_its_user() -> anyhow::Result<()> {
    if !rustix_is_root() {
        eprintln!("left out: only root can become another");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    // Compiled plugins of other tests belong to root: this one compiles its own.
    let artifacts = folder.path().join("artifacts");
    std::fs::create_dir(&artifacts)?;
    std::os::unix::fs::chown(&artifacts, Some(65534), Some(65534))?;
    let gateway = gateway().prefix(folder.path()).set("WEIR_USER", "65534").start().await?;
    for thread in threads(&gateway)? {
        assert_eq!(row(&thread, "Uid"), "65534\t65534\t65534\t65534");
        assert_eq!(row(&thread, "Gid"), "65534\t65534\t65534\t65534");
        // CAP_NET_BIND_SERVICE.
        assert_eq!(row(&thread, "CapEff"), "0000000000000400");
    }
    let upstream = Upstream::saying("fine").await?;
    serve(&gateway, "a", &upstream.url()).await?;
    assert_eq!(gateway.upload(header_edit("0.1.0")?).await?.status, 201, "it compiles as that user, too");
    Ok(())
}
