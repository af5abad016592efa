//! Uploads that are broken on purpose: each is refused, or is a component after all; none costs more than its bound.

use std::time::{Duration, Instant};

use proptest::test_runner::{Config, TestRunner};
use proptest::{prelude::any, sample::Index};
use wasmparser::Parser;

use crate::plugin_host::bundled::BUNDLED;
use crate::plugin_host::load::scan;
use crate::plugin_host::runtime::{Fuel, compiling_engine};
use crate::plugin_host::tests::Fixture;
use crate::plugin_host::tests::guests::Guest;

const MEMORY: usize = 64 << 20;
/// What one look at an upload of a megabyte may take, unoptimised and on a busy machine.
const LOOK: Duration = Duration::from_secs(5);

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(content.len()), content.to_vec()].concat()
}

/// Seven bits a byte, the lowest first.
fn leb(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn component(content: &[u8]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".as_slice(), content].concat()
}

fn module(content: &[u8]) -> Vec<u8> {
    component(&section(1, &[b"\0asm\x01\0\0\0".as_slice(), content].concat()))
}

#[tokio::test]
async fn an_upload_that_is_cut_anywhere_is_refused() {
    let fixture = Fixture::new();
    let whole = Guest::default().build();
    let mut borders = Vec::new();
    for payload in Parser::new(0).parse_all(&whole).map(Result::unwrap) {
        borders.extend(payload.as_section().map(|(_, range)| [range.start, range.end]).into_iter().flatten());
    }
    assert!(borders.len() > 20, "{}", borders.len());
    let cuts = borders.into_iter().flat_map(|border| [border - 1, border]);
    for at in cuts.filter(|at| *at < whole.len()) {
        let admitted = fixture.host.admit(whole[..at].to_vec().into()).await.is_ok();
        // What follows the last export is about names, and may be missing.
        assert!(!admitted || only_custom(&whole[at..]), "cut at {at} of {}", whole.len());
    }
}

/// Whether sections without meaning for the engine are all that `bytes` hold.
fn only_custom(bytes: &[u8]) -> bool {
    let rest = [b"\0asm\x0d\0\x01\0".as_slice(), bytes].concat();
    let mut sections =
        Parser::new(0).parse_all(&rest).filter_map(|payload| Some(payload.ok()?.as_section()?.0));
    bytes.first() == Some(&0) && sections.all(|id| id == 0)
}

#[tokio::test]
async fn shapes_that_cost_are_refused_before_they_do() {
    let fixture = Fixture::new();
    let artifact =
        compiling_engine(Fuel::Uncounted).unwrap().precompile_component(&Guest::default().build()).unwrap();
    let nested = |levels: usize| {
        let mut inner = component(&[]);
        for _ in 0..levels {
            inner = component(&section(4, &inner));
        }
        inner
    };
    let lying = |size: usize| component(&[vec![0], leb(size), vec![1, b'a']].concat());
    // (block (br_table 0 0 … 0 (local.get 0)))
    let targets = 300_000;
    let table =
        [&[0, 0x02, 0x40, 0x41, 0, 0x0e], leb(targets).as_slice(), &vec![0; targets + 1], &[0x0b, 0x0b]]
            .concat();
    let function = |body: &[u8]| {
        let code = [leb(1), leb(body.len()), body.to_vec()].concat();
        module(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &code)].concat())
    };
    for (case, bytes) in [
        ("machine code with its header", artifact),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0".to_vec()),
        ("zstd", b"\x28\xb5\x2f\xfd\x24\0\x01\0\0".to_vec()),
        ("a header, and no more", b"\0asm".to_vec()),
        ("another version", b"\0asm\x0e\0\x01\0".to_vec()),
        ("a section of two gigabytes that is not there", lying(0x7fff_ffff)),
        ("a section of four gigabytes that is not there", lying(0xffff_ffff)),
        (
            "a custom section of two megabytes",
            component(&section(0, &[vec![1, b'a'], vec![0; 2 << 20]].concat())),
        ),
        ("nested 500 deep", nested(500)),
        ("nested 5000 deep", nested(5000)),
        ("a function of a megabyte", function(&[vec![0], vec![1; 1 << 20], vec![0x0b]].concat())),
        ("a jump to 300 000 places", function(&table)),
        (
            "100 000 functions",
            module(
                &[section(1, &[1, 0x60, 0, 0]), section(3, &[leb(100_000), vec![0; 100_000]].concat())]
                    .concat(),
            ),
        ),
        ("a million exports that are not there", module(&section(7, &leb(1_000_000)))),
        ("ten thousand instances", component(&section(2, &[leb(10_000), vec![0; 30_000]].concat()))),
        ("four billion types", component(&section(7, &leb(0xffff_ffff)))),
    ] {
        let begun = Instant::now();
        let refused = fixture.host.admit(bytes.into()).await;
        assert!(refused.is_err(), "{case}");
        assert!(begun.elapsed() < LOOK, "{case}: {:?}", begun.elapsed());
    }
}

/// Changes `bytes` in a few places: other values, cuts, and parts that stand twice.
fn mutate(bytes: &mut Vec<u8>, changes: &[(Index, u8, u8)]) {
    for (place, kind, value) in changes {
        if bytes.len() < 16 {
            return;
        }
        let at = place.index(bytes.len());
        match kind % 5 {
            0 => bytes[at] = *value,
            1 => bytes[at] ^= 1 << (value % 8),
            2 => drop(bytes.drain(at..(at + usize::from(*value)).min(bytes.len()))),
            3 => {
                let part = bytes[at..(at + usize::from(*value)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, part));
            }
            _ => bytes.insert(at, *value),
        }
    }
}

fn changes() -> impl proptest::strategy::Strategy<Value = Vec<(Index, u8, u8)>> {
    proptest::collection::vec((any::<Index>(), any::<u8>(), any::<u8>()), 1..8)
}

#[test]
fn mutated_bytes_never_break_the_scan() {
    let whole = Guest::default().build();
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let tried = runner.run(&changes(), |changes| {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &changes);
        let begun = Instant::now();
        drop(scan(&bytes, MEMORY));
        proptest::prop_assert!(begun.elapsed() < LOOK, "{:?}", begun.elapsed());
        Ok(())
    });
    tried.unwrap();
}

/// The components of the gateway itself, as compilers make them, changed in a few places.
#[tokio::test]
async fn mutated_components_of_real_plugins_break_nothing() {
    const CHANGED: usize = 2000;
    // Few get past the scan without a difference to the compiler, and each of those costs seconds.
    const COMPILED: usize = 16;
    let fixture = Fixture::new();
    let mut runner = TestRunner::deterministic();
    let (mut passed, mut refused) = (0, 0);
    for (_, whole) in BUNDLED.iter().cycle().take(CHANGED) {
        let mut bytes = whole.to_vec();
        let tree = proptest::strategy::Strategy::new_tree(&changes(), &mut runner).unwrap();
        mutate(&mut bytes, &proptest::strategy::ValueTree::current(&tree));
        let begun = Instant::now();
        let seen = scan(&bytes, MEMORY);
        assert!(begun.elapsed() < LOOK, "{:?}", begun.elapsed());
        match seen {
            Ok(_) if passed < COMPILED => {
                passed += 1;
                drop(fixture.host.admit(bytes.into()).await);
                assert!(begun.elapsed() < 12 * LOOK, "{:?}", begun.elapsed());
            }
            Ok(_) => passed += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(passed >= COMPILED && refused > CHANGED / 10, "{passed} passed the scan, {refused} did not");
    assert_eq!(fixture.host.instances().0, 0, "nothing is left of them");
}

#[tokio::test]
async fn mutated_bytes_never_break_admission() {
    let fixture = Fixture::new();
    let whole = Guest::default().build();
    let mut runner = TestRunner::deterministic();
    let (mut admitted, mut refused) = (0, 0);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        let tree = proptest::strategy::Strategy::new_tree(&changes(), &mut runner).unwrap();
        mutate(&mut bytes, &proptest::strategy::ValueTree::current(&tree));
        let begun = Instant::now();
        match fixture.host.admit(bytes.into()).await {
            Ok(_) => admitted += 1,
            Err(_) => refused += 1,
        }
        assert!(begun.elapsed() < 2 * LOOK, "{:?}", begun.elapsed());
    }
    // Some changes touch nothing that counts, such as data; most do.
    assert!(refused > 100 && admitted > 0, "{admitted} admitted, {refused} refused");
    let alive = fixture.host.instances().0;
    assert_eq!(alive, 0, "nothing is left of them");
}
