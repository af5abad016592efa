//! Each bound bites just beyond itself, and not before.

use super::bounds::{
    BODY, CASES, COMPONENTS, CUSTOM, DEPTH, FUNCTIONS, INSTANCES, MEMORIES, MODULES, NAMES, SEGMENTS,
    TYPE_DEPTH, TYPES,
};
use super::scan;

const MEMORY: usize = 64 << 20;

/// A component of this text, `count` times what is counted in it.
type Make = fn(usize) -> Vec<u8>;

fn component(inside: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {inside})")).unwrap()
}

fn module(inside: &str) -> Vec<u8> {
    component(&format!("(core module {inside})"))
}

fn nested(levels: usize) -> Vec<u8> {
    component(&format!("{}{}", "(component ".repeat(levels), ")".repeat(levels)))
}

fn nested_types(levels: usize) -> Vec<u8> {
    component(&format!("{}{}", "(type (instance ".repeat(levels), "))".repeat(levels)))
}

/// `count` types of which each contains the one before it, from the index `first` on.
fn lists(first: usize, count: usize) -> String {
    (first..first + count).map(|before| format!("(type (list {}))", before - 1)).collect()
}

fn type_depth(levels: usize) -> Vec<u8> {
    component(&format!("(type (list u8)) {}", lists(1, levels - 1)))
}

/// As deep, but partly in an instance type whose export is taken up again.
fn type_depth_by_alias(levels: usize) -> Vec<u8> {
    let inner = TYPE_DEPTH / 2;
    // The instance type itself is one level more; it and the alias are the indices 0 and 1.
    component(&format!(
        "(import \"weir:plugin/types@0.1.0\" (instance $i (type (list u8)) {} (export \"t\" (type (eq {})))))
         (alias export $i \"t\" (type)) {}",
        lists(1, inner - 1),
        inner - 1,
        lists(2, levels - inner - 1)
    ))
}

fn variant(cases: usize) -> Vec<u8> {
    let cases: String = (0..cases).map(|case| format!("(case \"c{case}\")")).collect();
    component(&format!("(type (variant {cases}))"))
}

fn record(fields: usize) -> Vec<u8> {
    let fields: String = (0..fields).map(|field| format!("(field \"f{field}\" u8)")).collect();
    component(&format!("(type (record {fields}))"))
}

/// Number `id`, then the content with its length.
fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend_from_slice(content);
    bytes
}

fn custom(bytes: usize) -> Vec<u8> {
    let mut content = vec![1, b'x'];
    content.resize(2 + bytes, 0);
    [component(""), section(0, &content)].concat()
}

/// One function of `bytes`: those of its locals and its end are two.
fn body(bytes: usize) -> Vec<u8> {
    module(&format!("(func {})", "nop ".repeat(bytes - 2)))
}

#[test]
fn each_bound_bites_just_beyond_itself() {
    let cases: [(&str, usize, &str, Make); 17] = [
        ("components in components", DEPTH, "it is nested deeper", nested),
        ("instance types in instance types", DEPTH, "instance types are nested deeper", nested_types),
        ("modules", MODULES, "modules", |count| component(&"(core module)".repeat(count))),
        ("components", COMPONENTS, "components inside", |count| component(&"(component)".repeat(count))),
        ("instances", INSTANCES, "instances", |count| {
            component(&format!("(core module) {}", "(core instance (instantiate 0))".repeat(count)))
        }),
        ("imports", NAMES, "imports and exports", |count| {
            module(&"(import \"a\" \"b\" (func))".repeat(count))
        }),
        ("types", TYPES, "types", |count| component(&"(type (list u8))".repeat(count))),
        ("core types", TYPES, "types", |count| module(&"(type (func))".repeat(count))),
        ("type depth", TYPE_DEPTH, "types are nested deeper", type_depth),
        ("type depth by alias", TYPE_DEPTH, "types are nested deeper", type_depth_by_alias),
        ("variant", CASES, "cases or fields", variant),
        ("record", CASES, "cases or fields", record),
        ("custom section", CUSTOM, "bytes in a custom section", custom),
        ("functions", FUNCTIONS, "functions", |count| module(&"(func)".repeat(count))),
        ("body", BODY, "bytes in one function", body),
        ("segments", SEGMENTS, "segments", |count| module(&"(data \"\")".repeat(count))),
        ("memories", MEMORIES, "memories", |count| module(&"(memory 1)".repeat(count))),
    ];
    for (case, bound, words, make) in cases {
        let within = scan(&make(bound), MEMORY);
        assert!(within.is_ok(), "{case} at the bound: {within:?}");
        let refused = scan(&make(bound + 1), MEMORY).expect_err(case).to_string();
        assert!(refused.contains(words), "{case}: {refused}");
    }
}

#[test]
fn a_memory_may_not_begin_larger_than_it_may_get() {
    for (pages, want) in [(1, true), (1024, true), (1025, false), (65_536, false)] {
        let got = scan(&module(&format!("(memory {pages})")), MEMORY);
        assert_eq!(got.is_ok(), want, "{pages} pages: {got:?}");
    }
}

#[test]
fn strings_are_in_utf_8() {
    for (encoding, want) in [("utf8", true), ("utf16", false), ("latin1+utf16", false)] {
        let bytes = component(&format!(
            "(import \"weir:plugin/logging@0.1.0\" (instance $l (export \"log\" (func (param \"m\" string)))))
             (core module $m (memory (export \"m\") 1))
             (core instance $i (instantiate $m))
             (core func (canon lower (func $l \"log\") (memory (core memory $i \"m\")) string-encoding={encoding}))"
        ));
        let got = scan(&bytes, MEMORY);
        assert_eq!(got.is_ok(), want, "{encoding}: {got:?}");
    }
}

#[test]
fn imports_count_at_the_outside_only() {
    let outside = component("(import \"env\" (func))");
    assert!(scan(&outside, MEMORY).is_err(), "of the component");
    let inside = component("(component (import \"env\" (func)))");
    assert!(scan(&inside, MEMORY).is_ok(), "of a component in it");
}

#[test]
fn types_as_deep_as_an_upload_is_long_do_not_overflow_the_stack() {
    let levels = 1_000_000;
    // One type; an instance type with one declaration, a type; and so on.
    let content = [vec![1], [0x42, 1, 1].repeat(levels), vec![0x42, 0]].concat();
    let bytes = [component(""), section(7, &content)].concat();
    let refused = scan(&bytes, MEMORY).expect_err("too deep").to_string();
    assert!(refused.contains("nested deeper"), "{refused}");
}

#[test]
fn what_is_cut_off_anywhere_is_refused_or_seen_whole() {
    let whole = variant(3);
    for length in 0..whole.len() {
        // A cut at the border of a section leaves a smaller component; the compiler judges that one.
        drop(scan(&whole[..length], MEMORY));
    }
    assert!(scan(&whole[..whole.len() - 1], MEMORY).is_err());
    assert!(scan(&whole, MEMORY).is_ok());
}
