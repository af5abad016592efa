//! Files that are made to do harm.

use super::read_alone;

fn refused(case: &str, text: &str, want: &str) {
    let faults = read_alone(text).map(|records| records.len()).expect_err(case);
    assert_eq!(faults.list.len(), 1, "{case}");
    let told = faults.to_string();
    assert!(told.contains(want) && told.len() < 300, "{case}: {told}");
}

#[test]
fn bombs_and_depths_are_refused() {
    let mut bomb = "_format_version: '3.0'\n_comment:\n- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let below = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("- &a{at} [{below}]\n"));
    }
    refused("an alias bomb", &bomb, "");
    for depth in [1_000, 10_000] {
        let lists = format!(
            "{{\"_format_version\": \"3.0\", \"_comment\": {}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        );
        refused("lists in JSON", &lists, "");
        let lists = format!("_format_version: '3.0'\n_comment: {}{}\n", "[".repeat(depth), "]".repeat(depth));
        refused("lists in YAML", &lists, "");
        let records = format!("_comment: {}1{}\n", "{a: ".repeat(depth), "}".repeat(depth));
        refused("records in YAML", &records, "");
        let blocks: String = (0..depth).map(|at| format!("{}a:\n", " ".repeat(at))).collect();
        refused("blocks in YAML", &blocks, "");
    }
}

#[test]
fn doubles_and_nuls_are_refused() {
    for (case, text, want) in [
        ("a key twice in YAML", "_format_version: '3.0'\nservices: []\nservices: []\n", "line 3: "),
        (
            "a key twice in JSON",
            "{\"_format_version\": \"3.0\",\n\"services\": [], \"services\": []}",
            "there twice",
        ),
        ("a NUL", "_format_version: '3.0'\nservices: \"\0\"\n", "line 2: the text holds a NUL"),
        ("two documents", "_format_version: '3.0'\n---\n_format_version: '3.0'\n", ""),
        ("a large number", "{\"_format_version\": \"3.0\", \"_comment\": 1e999}", "number out of range"),
        ("no end", "_format_version: '3.0\nservices: []\n", ""),
        ("a tab", "_format_version: '3.0'\nservices:\n\t- name: a\n", "line 3: "),
    ] {
        refused(case, text, want);
    }
}

#[test]
fn a_secret_is_not_quoted_in_a_fault_of_form() {
    let text = "_format_version: '3.0'\nconsumers:\n- username: a\n  password: hunter2: x: {\n";
    let told = read_alone(text).expect_err("broken").to_string();
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn ten_mebibytes_are_read() {
    let text = format!("_format_version: '3.0'\n_comment: {}\nservices: []\n", "x".repeat(10 << 20));
    assert_eq!(read_alone(&text).unwrap().len(), 0);
}
