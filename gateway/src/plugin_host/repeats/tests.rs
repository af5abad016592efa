//! When a verdict is given again, and how many are kept.

use std::cell::RefCell;

use http::HeaderValue;

use super::{Basis, Known, MAX_BYTES, Repeats};
use crate::exchange::{Exchange, Identity};
use crate::plugin_host::FoundCredential;
use crate::plugin_host::guest::Held;
use crate::plugin_host::tests::bundled::alice;
use crate::plugin_host::tests::{Cached, exchange};

/// What the cache answers to every question.
type Answer = Option<Option<FoundCredential>>;

/// The verdicts of one worker, which are texts here.
struct Worker {
    repeats: RefCell<Repeats<String>>,
    cache: Answer,
    exchange: Box<Exchange>,
}

impl Worker {
    fn new() -> Self {
        Self { repeats: RefCell::default(), cache: None, exchange: exchange() }
    }

    /// The caller is in these groups, or unknown.
    fn caller_in(mut self, groups: Option<&[&str]>) -> Self {
        self.exchange.identity = groups.map(|groups| Identity {
            consumer: None,
            credential: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            anonymous: false,
        });
        self
    }

    /// What is known; if nothing is, `verdict` is kept on this basis.
    fn ask(&self, assignment: u64, inputs: &[Held], (basis, verdict): (Basis, &str)) -> Option<String> {
        let mut repeats = self.repeats.borrow_mut();
        let answer = self.cache.clone();
        let cache = Cached(move |_: &str| answer.clone());
        match repeats.look_up(assignment, inputs, (&self.exchange, &cache)) {
            Known::Verdict(verdict) => Some(verdict),
            Known::Never => None,
            Known::Nothing(question) => {
                repeats.keep(question, basis, verdict.to_owned(), verdict.len());
                None
            }
        }
    }
}

fn alone() -> Basis {
    Basis::begin(true)
}

fn text(text: &str) -> Held {
    Held::Text(text.into())
}

#[test]
fn the_same_inputs_get_the_same_verdict_and_others_do_not() {
    let header = |value: &'static str| Held::Header(HeaderValue::from_static(value));
    let several = |values: [&'static str; 2]| {
        Held::Headers(values.map(|value| (http::header::ACCEPT, HeaderValue::from_static(value))).into())
    };
    let worker = Worker::new();
    let kept = [Held::Number(1), header("a"), several(["b", "c"]), Held::Path("/p?q".parse().unwrap())];
    let split = |one: &str, other: &str| vec![text(one), text(other)];
    assert_eq!(worker.ask(1, &kept, (alone(), "first")), None);
    assert_eq!(worker.ask(1, &split("a", "bc"), (alone(), "first")), None);
    let as_text = [Held::Number(1), Held::Bytes("a".into()), several(["b", "c"]), text("/p")];
    for (case, assignment, inputs, want) in [
        ("the same", 1, kept.to_vec(), true),
        ("the same to a guest, held otherwise", 1, as_text.to_vec(), true),
        ("of another assignment", 2, kept.to_vec(), false),
        ("another number", 1, [&[Held::Number(2)], &kept[1..]].concat(), false),
        ("another header", 1, [&kept[..1], &[header("b")], &kept[2..]].concat(), false),
        ("a text for bytes", 1, [&kept[..1], &[text("a")], &kept[2..]].concat(), false),
        ("another order", 1, [&kept[..2], &[several(["c", "b"])], &kept[3..]].concat(), false),
        ("one that is not there", 1, [&kept[..3], &[Held::Absent]].concat(), false),
        ("one less", 1, kept[..3].to_vec(), false),
        ("one input's end as the next one's beginning", 1, split("ab", "c"), false),
        ("the other way", 1, split("a", "bc"), true),
    ] {
        let want = want.then(|| "first".to_owned());
        assert_eq!(worker.ask(assignment, &inputs, (Basis::More, "")), want, "{case}");
    }
}

#[test]
fn a_verdict_lasts_as_long_as_what_it_rests_on() {
    let on = |found: Option<&FoundCredential>| {
        let mut basis = alone();
        basis.note_credential("keyauth_credentials".into(), "k".into(), found);
        basis
    };
    let (one, other) = (alice(), alice());
    for (case, basis, then, now, want) in [
        ("more than inputs", Basis::More, None, None, false),
        ("a plugin that does not allow it", Basis::begin(false), None, None, false),
        ("inputs alone", alone(), None, None, true),
        ("a credential", on(Some(&one)), Some(Some(&one)), Some(Some(&one)), true),
        ("one that was read anew", on(Some(&one)), Some(Some(&one)), Some(Some(&other)), false),
        ("one that is gone", on(Some(&one)), Some(Some(&one)), Some(None), false),
        ("one that has to be looked up", on(Some(&one)), Some(Some(&one)), None, false),
        ("nobody's key", on(None), Some(None), Some(None), true),
        ("nobody's key, and now somebody's", on(None), Some(None), Some(Some(&one)), false),
    ] {
        let mut worker = Worker::new();
        worker.cache = then.map(|found| found.cloned());
        assert_eq!(worker.ask(1, &[text("a")], (basis, "kept")), None, "{case}");
        worker.cache = now.map(|found| found.cloned());
        let want = want.then(|| "kept".to_owned());
        assert_eq!(worker.ask(1, &[text("a")], (Basis::More, "")), want, "{case}");
    }
}

#[test]
fn a_verdict_on_groups_is_for_callers_in_the_same_groups() {
    for (case, then, now, want) in [
        ("the same", Some(&["a", "b"][..]), Some(&["a", "b"][..]), true),
        ("others", Some(&["a"]), Some(&["b"]), false),
        ("fewer", Some(&["a", "b"]), Some(&["a"]), false),
        ("nobody known", Some(&["a"]), None, false),
        ("nobody known either time", None, None, true),
    ] {
        let worker = Worker::new().caller_in(then);
        let mut basis = alone();
        basis.note_groups(worker.exchange.groups());
        assert_eq!(worker.ask(1, &[text("a")], (basis, "kept")), None, "{case}");
        let worker = worker.caller_in(now);
        let want = want.then(|| "kept".to_owned());
        assert_eq!(worker.ask(1, &[text("a")], (Basis::More, "")), want, "{case}");
    }
}

#[test]
fn what_is_kept_is_bounded_and_what_is_used_stays() {
    let worker = Worker::new();
    let verdict = "v".repeat(1000);
    let much = 20 * MAX_BYTES / verdict.len();
    for number in 0..much {
        // Often enough that looking pays.
        let used = worker.ask(1, &[text("used")], (alone(), "used"));
        assert_eq!(used.is_some(), number > 0, "after {number}");
        worker.ask(1, &[text(&number.to_string())], (alone(), &verdict));
        let repeats = worker.repeats.borrow();
        let held: usize = repeats.newer.values().chain(repeats.older.values()).map(|entry| entry.bytes).sum();
        assert!(held <= MAX_BYTES + super::MAX_ENTRY, "{held} bytes after {number}");
        assert_eq!(repeats.bytes, repeats.newer.values().map(|entry| entry.bytes).sum::<usize>());
    }
    assert!(worker.ask(1, &[text("used")], (alone(), "")).is_some(), "used all the time");
    assert_eq!(worker.ask(1, &[text("0")], (Basis::More, "")), None, "not used again");
    worker.repeats.borrow_mut().clear();
    assert_eq!(worker.ask(1, &[text("used")], (Basis::More, "")), None, "forgotten");
}

#[test]
fn what_is_large_is_not_kept() {
    for (case, input, verdict) in [("a question", 10_000, 1), ("a verdict", 1, 10_000)] {
        let worker = Worker::new();
        let inputs = [text(&"i".repeat(input))];
        worker.ask(1, &inputs, (alone(), &"v".repeat(verdict)));
        assert_eq!(worker.ask(1, &inputs, (alone(), "")), None, "{case}");
    }
}
