//! What is left to the validator has an end: it follows references each time that it validates.

use serde_json::Value;

use super::{MAX_DEPTH, SchemaFault};

/// Nodes that one part of a schema may unfold to.
const MAX_NODES: usize = 50_000;
/// Keywords that lead elsewhere than a pointer into the definitions does.
const ELSEWHERE: [&str; 6] =
    ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"];

/// A walk as the validator makes it, references followed.
pub(super) struct Unfolding<'a> {
    root: &'a Value,
    pointer: &'a str,
    nodes: usize,
    /// The references that are being followed, to find loops.
    open: Vec<&'a str>,
}

impl<'a> Unfolding<'a> {
    /// Of the part of `root` that is at `pointer`.
    pub(super) fn new(root: &'a Value, pointer: &'a str) -> Self {
        Self { root, pointer, nodes: 0, open: Vec::new() }
    }

    /// Walks `node`.
    ///
    /// # Errors
    ///
    /// It leads back to itself, to nothing, out of the definitions, or unfolds to too much.
    pub(super) fn walk(&mut self, node: &'a Value) -> Result<(), SchemaFault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.fault("schema_too_large", "the schema unfolds to too much"));
        }
        match node {
            Value::Object(keywords) => keywords.iter().try_for_each(|(name, value)| match value {
                Value::String(target) if name == "$ref" => self.follow(target),
                Value::String(_) | Value::Bool(_) if ELSEWHERE.contains(&name.as_str()) => {
                    let words = format!("{name} is not followed here");
                    Err(self.fault("schema_remote_ref", &words))
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => self.walk(value),
            }),
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn follow(&mut self, target: &'a str) -> Result<(), SchemaFault> {
        if target == "#" || self.open.contains(&target) {
            let words = format!("the reference {target} leads back to itself");
            return Err(self.fault("schema_ref_loop", &words));
        }
        let path = target.strip_prefix('#').unwrap_or_default();
        if !(path.starts_with("/$defs/") || path.starts_with("/definitions/")) {
            let words = format!("only references to definitions are followed here, not {target}");
            return Err(self.fault("schema_remote_ref", &words));
        }
        let found = self.root.pointer(path);
        let found = found
            .ok_or_else(|| self.fault("schema_dangling_ref", &format!("there is nothing at {target}")))?;
        if self.open.len() >= MAX_DEPTH {
            let words = format!("more than {MAX_DEPTH} references, one behind the other");
            return Err(self.fault("schema_too_deep", &words));
        }
        self.open.push(target);
        let walked = self.walk(found);
        self.open.pop();
        walked
    }

    fn fault(&self, reason: &'static str, words: &str) -> SchemaFault {
        SchemaFault::at(self.pointer, reason, words)
    }
}
