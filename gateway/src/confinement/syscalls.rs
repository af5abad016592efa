//! System calls, by seccomp: those that a gateway has no use for, and an intruder has, fail with EPERM.
//!
//! A list of what is forbidden rather than of what is allowed: a C library that learns a new call must not bring
//! gateways down. What only root can do is on it as well, for those that run as root.

use std::collections::BTreeMap;
use std::io;

use libc::{c_int, c_long};
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{self, Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, apply_filter,
};

/// Whose calls are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// May open sockets, and start its compiler.
    Gateway,
    /// May compute.
    Compiler,
}

/// Other processes, kernel code, mounts, namespaces, clocks, keys, identities, and doors that filters do not see through.
const FORBIDDEN: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_execveat,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mknodat,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_settimeofday,
    libc::SYS_setuid,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Calls that other processors never had.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[c_long] =
    &[libc::SYS_ioperm, libc::SYS_iopl, libc::SYS_kexec_file_load, libc::SYS_mknod, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_HERE: &[c_long] = &[libc::SYS_kexec_file_load];

/// What a compiler does without, beyond that.
const NO_COMPILER: &[c_long] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_execve,
    libc::SYS_kill,
    libc::SYS_listen,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_socket,
    libc::SYS_socketpair,
];

/// New namespaces are new ground to attack the kernel from.
const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Whether this kernel filters system calls.
pub(super) fn are_available() -> bool {
    std::path::Path::new("/proc/sys/kernel/seccomp").exists()
}

/// Filters the calls of this thread and of what it starts.
pub(super) fn restrict(who: Who) -> io::Result<()> {
    let errno = |number: c_int| SeccompAction::Errno(number.unsigned_abs());
    let mut forbidden: BTreeMap<_, _> =
        FORBIDDEN.iter().chain(FORBIDDEN_HERE).map(|call| (*call, Vec::new())).collect();
    if who == Who::Compiler {
        forbidden.extend(NO_COMPILER.iter().map(|call| (*call, Vec::new())));
    } else {
        forbidden.insert(libc::SYS_socket, sockets().map_err(io::Error::other)?);
    }
    forbidden.insert(libc::SYS_clone, namespaces().map_err(io::Error::other)?);
    // Its flags lie in memory, where a filter cannot look. Without it, the C library takes `clone`.
    let hidden = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    apply_filter(&program(hidden, errno(libc::ENOSYS))?).map_err(io::Error::other)?;
    apply_filter(&program(forbidden, errno(libc::EPERM))?).map_err(io::Error::other)?;
    #[cfg(target_arch = "x86_64")]
    apply_filter(&no_x32()).map_err(io::Error::other)?;
    Ok(())
}

fn program(rules: BTreeMap<c_long, Vec<SeccompRule>>, otherwise: SeccompAction) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, otherwise, architecture);
    filter.and_then(BpfProgram::try_from).map_err(io::Error::other)
}

fn when(argument: u8, is: SeccompCmpOp, value: c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, is, value.unsigned_abs().into())
}

/// Any family but the four in use; raw sockets of the internet; netlink beyond routes, which name look-ups read.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    const KIND: u64 = 0xf;
    // SOCK_PACKET of linux/net.h: an old name for raw frames, which the kernel still understands.
    const PACKET: c_int = 10;
    let used = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let unused = used.iter().map(|family| when(0, Ne, *family)).collect::<Result<Vec<_>, _>>()?;
    let mut rules = vec![SeccompRule::new(unused)?];
    for family in [libc::AF_INET, libc::AF_INET6] {
        for kind in [libc::SOCK_RAW, PACKET] {
            rules.push(SeccompRule::new(vec![when(0, Eq, family)?, when(1, MaskedEq(KIND), kind)?])?);
        }
    }
    rules.push(SeccompRule::new(vec![when(0, Eq, libc::AF_NETLINK)?, when(2, Ne, libc::NETLINK_ROUTE)?])?);
    Ok(rules)
}

fn namespaces() -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |flag: &c_int| SeccompRule::new(vec![when(0, MaskedEq(flag.unsigned_abs().into()), *flag)?]);
    NAMESPACES.iter().map(rule).collect()
}

/// The calls of the x32 form have numbers of their own, which the lists above do not name.
#[cfg(target_arch = "x86_64")]
fn no_x32() -> BpfProgram {
    use seccompiler::sock_filter;
    const X32: u32 = 0x4000_0000;
    // As in linux/bpf_common.h: load a word, jump if at least, return.
    const LOAD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    vec![
        sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 },
        sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: X32 },
        sock_filter {
            code: RETURN,
            jt: 0,
            jf: 0,
            k: SeccompAction::Errno(libc::ENOSYS.unsigned_abs()).into(),
        },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: SeccompAction::Allow.into() },
    ]
}
