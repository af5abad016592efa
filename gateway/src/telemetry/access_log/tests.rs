use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::telemetry::metrics::tests::{exchange, facts};

fn open(path: &Path) -> AccessLog {
    AccessLog::open(&AccessLogTarget::File(path.to_owned())).expect("opens")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a log");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[test]
fn each_request_is_one_line() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("logs/access.log");
    let log = open(&path);
    let worker = log.worker();
    let mut first = exchange(Some(facts("orders", "up")), 200);
    first.request.uri = "/a%22b?apikey=secret".parse().expect("a target");
    first.request.headers.insert("user-agent", "wrk\"x".parse().expect("a value"));
    worker.record(&first);
    let mut second = exchange(None, 404);
    second.response = None;
    worker.record(&second);
    drop(worker);
    log.finish();
    let lines = lines(&path);
    assert_eq!(lines.len(), 2);
    for (field, want) in [
        ("time", json!("1970-01-01T00:00:00.000Z")),
        ("request_id", json!("00000000000000000000000000000001")),
        ("client_ip", json!("127.0.0.1")),
        ("path", json!("/a%22b")),
        ("status", json!(200)),
        ("upstream_status", json!(200)),
        ("request_ms", json!(30.0)),
        ("route", json!("orders")),
        ("user_agent", json!("wrk\"x")),
    ] {
        assert_eq!(lines[0].get(field), Some(&want), "{field} in {}", lines[0]);
    }
    assert_eq!(lines[1]["status"], 499, "nobody was answered");
    assert_eq!(lines[1].get("route"), None);
    assert_eq!(log.dropped(), 0);
}

#[test]
fn lines_go_to_the_new_file_after_rotation() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("access.log");
    let log = open(&path);
    let worker = log.worker();
    worker.record(&exchange(None, 200));
    let rotated = folder.path().join("access.log.1");
    std::fs::rename(&path, &rotated).expect("renamed");
    log.reopen();
    // The writer makes the new file: that is the moment after which lines go there.
    while !path.exists() {
        std::thread::yield_now();
    }
    worker.record(&exchange(None, 201));
    log.finish();
    let statuses: Vec<_> =
        lines(&rotated).iter().chain(&lines(&path)).map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [json!(200), json!(201)]);
}

#[test]
fn a_full_lane_drops_and_counts() {
    let shared = Arc::new(Shared::default());
    let lane = Arc::new(Lane::default());
    let worker = WorkerLane {
        lane: Arc::clone(&lane),
        shared: Arc::clone(&shared),
        scratch: RefCell::default(),
        writer: None,
    };
    let worker = WorkerAccessLog { lane: Some(worker) };
    lane.lines.lock().expect("free").push_str(&"x".repeat(LANE_BYTES));
    worker.record(&exchange(None, 200));
    assert_eq!(shared.dropped.load(Ordering::Relaxed), 1);
    {
        let _held_by_the_writer = lane.lines.lock().expect("free");
        for _ in 0..1000 {
            worker.record(&exchange(None, 200));
        }
    }
    let scratch = worker.lane.as_ref().map(|lane| lane.scratch.borrow().lines.len()).unwrap_or_default();
    assert!(scratch <= SPILL_BYTES && scratch > SPILL_BYTES / 2, "{scratch} bytes wait");
    let dropped = shared.dropped.load(Ordering::Relaxed);
    assert!(dropped > 1 && dropped < 1000, "{dropped} dropped");
}

#[test]
fn a_log_that_is_off_does_nothing() {
    let log = AccessLog::open(&AccessLogTarget::Off).expect("nothing to open");
    let worker = log.worker();
    assert!(!worker.is_on());
    worker.record(&exchange(None, 200));
    log.reopen();
    log.finish();
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let target = AccessLogTarget::File("/proc/nowhere/access.log".into());
    assert!(AccessLog::open(&target).is_err());
}
