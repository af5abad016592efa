//! What Kong's texts owe to Lua: patterns, and tables as they are printed in messages.
//!
//! It deliberately covers what schemas and messages use, no more: no captures, `%b` or `%f`.

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

/// Translates a Lua pattern; `None` if it uses what is not covered.
pub(super) fn pattern(source: &str) -> Option<Regex> {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source.chars().peekable();
    let mut in_set = false;
    let mut may_repeat = false;
    let mut first = true;
    while let Some(next) = rest.next() {
        let repeats = may_repeat && !in_set;
        may_repeat = false;
        match next {
            '%' => {
                out.push_str(&class(rest.next()?, in_set)?);
                may_repeat = true;
            }
            '[' if !in_set => {
                in_set = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            ']' if in_set => {
                in_set = false;
                out.push(']');
                may_repeat = true;
            }
            '-' if repeats => out.push_str("*?"),
            '*' | '+' | '?' if repeats => out.push(next),
            '^' if first => out.push_str(r"\A"),
            '$' if rest.peek().is_none() && !in_set => out.push_str(r"\z"),
            '.' if !in_set => {
                out.push('.');
                may_repeat = true;
            }
            '-' if in_set => out.push('-'),
            other => {
                out.push_str(&regex::escape(&other.to_string()));
                may_repeat = true;
            }
        }
        first = false;
    }
    RegexBuilder::new(&out).dot_matches_new_line(true).build().ok()
}

fn class(letter: char, in_set: bool) -> Option<String> {
    let inner = match letter {
        'd' => "0-9",
        'a' => "A-Za-z",
        'w' => "0-9A-Za-z",
        'u' => "A-Z",
        'l' => "a-z",
        'x' => "0-9A-Fa-f",
        's' => r"\t\n\x0b\x0c\r ",
        'p' => "!-/:-@\\[-`{-~",
        other if other.is_ascii_alphanumeric() => return None,
        other => return Some(format!("\\{other}")),
    };
    Some(if in_set { inner.to_owned() } else { format!("[{inner}]") })
}

/// A table on one line: `{id="…"}`.
#[must_use]
pub fn table(fields: &Map<String, Value>) -> String {
    text(&Value::Object(fields.clone()), None)
}

/// A value over several lines, as nested errors are printed.
pub(super) fn pretty(value: &Value) -> String {
    text(value, Some(0))
}

fn text(value: &Value, indent: Option<usize>) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(list) => braces(list_items(list, indent), indent),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let equals = if indent.is_some() { " = " } else { "=" };
            let item = |key: &String| {
                let value = map.get(key).unwrap_or(&Value::Null);
                format!("{}{equals}{}", bare(key), text(value, indent.map(|depth| depth + 1)))
            };
            braces(keys.into_iter().map(item).collect(), indent)
        }
    }
}

/// Positions are written only behind a hole.
fn list_items(list: &[Value], indent: Option<usize>) -> Vec<String> {
    let mut items = Vec::new();
    let mut hole = false;
    for (index, value) in list.iter().enumerate() {
        let shown = text(value, indent.map(|depth| depth + 1));
        match (value.is_null(), hole) {
            (true, _) => hole = true,
            (false, true) => items.push(format!("[{}]={shown}", index + 1)),
            (false, false) => items.push(shown),
        }
    }
    items
}

fn braces(items: Vec<String>, indent: Option<usize>) -> String {
    match indent {
        None => format!("{{{}}}", items.join(",")),
        Some(_) if items.is_empty() => "{}".to_owned(),
        Some(depth) => {
            let inner = "  ".repeat(depth + 1);
            let items: Vec<String> = items.into_iter().map(|item| format!("{inner}{item}")).collect();
            format!("{{\n{}\n{}}}", items.join(",\n"), "  ".repeat(depth))
        }
    }
}

fn bare(key: &str) -> String {
    let mut chars = key.chars();
    let starts = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if starts && chars.all(|next| next.is_ascii_alphanumeric() || next == '_') {
        key.to_owned()
    } else {
        format!("[{}]", quoted(key))
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lua_patterns_mean_what_they_mean_in_kong() {
        for (case, source, text, want) in [
            ("upper case", "^%u+$", "GET", true),
            ("lower case is not upper", "^%u+$", "get", false),
            ("empty is not one letter", "^%u+$", "", false),
            ("escaped star", "^%*%.", "*.example.com", true),
            ("escaped star elsewhere", "^%*%.", "a.*.com", false),
            ("at most one wildcard", "^[^*]*%*?[^*]*$", "*.a", true),
            ("two wildcards", "^[^*]*%*?[^*]*$", "*.*", false),
            ("name and value", "^[^:]+:.*$", "x:y", true),
            ("no colon", "^[^:]+:.*$", "xy", false),
            ("plain text", "//", "/a//b", true),
            ("sets of letters", "^[Hh][Oo][Ss][Tt]$", "hOsT", true),
            ("dollar is the end, not the line", "^a$", "a\n", false),
        ] {
            let found = pattern(source).map(|regex| regex.is_match(text));
            assert_eq!(found, Some(want), "{case}");
        }
    }

    #[test]
    fn tables_print_as_lua_prints_them() {
        for (case, value, want) in [
            ("one text", json!({"id": "expected a valid UUID"}), r#"{id="expected a valid UUID"}"#),
            (
                "keys sorted, null, nested",
                json!({"name": "k", "consumer": null, "service": {"id": "x"}}),
                r#"{consumer=null,name="k",service={id="x"}}"#,
            ),
            ("odd key", json!({"@entity": ["a"]}), r#"{["@entity"]={"a"}}"#),
            ("hole", json!({"services": [null, "x"]}), r#"{services={[2]="x"}}"#),
        ] {
            assert_eq!(table(value.as_object().unwrap()), want, "{case}");
        }
    }
}
