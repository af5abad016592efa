//! What `Router::find` costs as the number of routes grows, and what building the router costs.
//!
//! `cargo bench -p weir --bench router` prints one line for each shape of table and each size.

use std::hint::black_box;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use serde_json::json;
use uuid::Uuid;
use weir::model::Route;
use weir::router::{RouteIndex, RouteInput, Router};

/// How a table of routes looks: what tells its routes apart.
struct Shape {
    name: &'static str,
    fields: fn(usize) -> serde_json::Value,
    /// Host and path that route number `n` answers.
    request: fn(usize) -> (String, String),
    /// The largest table of this shape.
    most: usize,
}

const SHAPES: [Shape; 4] = [
    Shape {
        name: "paths",
        fields: |n| json!({"paths": [format!("/api/v{}/team-{}/item-{n}", n % 3, n % 97)]}),
        request: |n| ("api.example.com".into(), format!("/api/v{}/team-{}/item-{n}/detail", n % 3, n % 97)),
        most: 100_000,
    },
    Shape {
        name: "hosts",
        fields: |n| json!({"hosts": [format!("tenant-{n}.example.com")], "paths": ["/"]}),
        request: |n| (format!("tenant-{n}.example.com"), "/orders/17".into()),
        most: 100_000,
    },
    Shape {
        name: "wildcards",
        fields: |n| json!({"hosts": [format!("*.tenant-{n}.example.com")], "paths": ["/orders"], "methods": ["GET"]}),
        request: |n| (format!("eu.tenant-{n}.example.com"), "/orders/17".into()),
        most: 100_000,
    },
    Shape {
        name: "regexes",
        fields: |n| json!({"paths": [format!("~/api/item-{n}/(?<id>[0-9]+)$")]}),
        request: |n| ("api.example.com".into(), format!("/api/item-{n}/17")),
        most: 10_000,
    },
];

/// Look-ups of one measurement.
const ROUNDS: usize = 200_000;

fn main() {
    println!("{:<10} {:>8} {:>12} {:>12} {:>12}", "routes", "count", "build ms", "rebuild ms", "find ns");
    for shape in &SHAPES {
        for count in [10, 1_000, 10_000, 100_000].into_iter().filter(|count| *count <= shape.most) {
            measure(shape, count);
        }
    }
}

fn measure(shape: &Shape, count: usize) {
    let routes: Vec<Route> = (0..count).map(|n| route(n, &(shape.fields)(n))).collect();
    let indexed: Vec<_> = (0..).map(RouteIndex).zip(&routes).collect();
    let (first, (router, problems)) = timed(|| Router::build(&indexed));
    assert!(problems.is_empty(), "{problems:?}");
    let (again, router) = timed(|| Router::rebuild(&indexed, &router));

    // A stride that is no divisor of any count visits the whole table in no order.
    let targets: Vec<_> = (0..count.min(4_096)).map(|n| (n * 7_919) % count).collect();
    let requests: Vec<_> = targets.iter().map(|n| (*n, (shape.request)(*n))).collect();
    let (method, headers) = (Method::GET, HeaderMap::new());
    let (took, ()) = timed(|| {
        for (n, (host, path)) in requests.iter().cycle().take(ROUNDS) {
            let input = RouteInput { port: 8000, ..RouteInput::plain(&method, host, path, &headers) };
            let found = black_box(&router).find(black_box(&input)).map(|found| found.index.0 as usize);
            assert_eq!(found, Some(*n), "{host}{path}");
        }
    });
    let each = took.as_nanos() / ROUNDS as u128;
    println!("{:<10} {count:>8} {:>12.1} {:>12.1} {each:>12}", shape.name, ms(first), ms(again));
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

#[expect(clippy::expect_used, reason = "a benchmark may stop at its own mistake")]
fn route(n: usize, fields: &serde_json::Value) -> Route {
    let mut whole = json!({
        "id": Uuid::from_u128(n as u128), "name": null, "service": null, "protocols": ["http", "https"], "methods": null,
        "hosts": null, "paths": null, "headers": null, "snis": null, "sources": null, "destinations": null,
        "regex_priority": 0, "strip_path": true, "preserve_host": false, "https_redirect_status_code": 426,
        "path_handling": "v0", "request_buffering": true, "response_buffering": true, "tags": null,
        "created_at": 0, "updated_at": 0,
    });
    let given = fields.as_object().cloned().unwrap_or_default();
    whole.as_object_mut().expect("an object").extend(given);
    serde_json::from_value(whole).expect("a route")
}
