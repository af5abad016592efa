//! Path prefixes as radix tries in one arena: a step down for each place where prefixes part.
//!
//! The children of a node lie side by side and so do their first bytes, so that a step is one
//! search through a few bytes. Built whole, never changed.

use std::borrow::Cow;
use std::collections::VecDeque;

/// What may match a path that begins with a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Place of the variant in the ranking; the lower wins.
    pub(super) rank: u32,
    /// The regex that must match as well.
    pub(super) pattern: Option<u32>,
}

/// Where the trie of one host pattern begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root(u32);

/// A prefix and what hangs on it.
pub(super) type Item<'r> = (Cow<'r, [u8]>, Candidate);

/// All tries of a router.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// The byte that leads to each node.
    firsts: Vec<u8>,
    labels: Vec<u8>,
    candidates: Vec<Candidate>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// Bytes that must follow the first one.
    label: Span,
    children: Span,
    candidates: Span,
    /// The best rank in here and below.
    best: u32,
}

#[derive(Debug, Default, Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

/// One node on the way down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'t> {
    /// How many bytes of the path led here.
    pub(super) depth: usize,
    /// Best rank first.
    pub(super) candidates: &'t [Candidate],
    /// No candidate in here or further down ranks better.
    pub(super) best: u32,
}

/// A walk along one path.
#[derive(Debug)]
pub(super) struct Steps<'t, 'p> {
    trie: &'t Trie,
    path: &'p [u8],
    node: Option<Node>,
    depth: usize,
}

/// A part of the sorted items whose node is still to be made.
struct Pending {
    node: usize,
    items: std::ops::Range<usize>,
    depth: usize,
}

impl Trie {
    /// Adds the trie of one host pattern.
    pub(super) fn add(&mut self, mut items: Vec<Item<'_>>) -> Root {
        items.sort_unstable();
        items.dedup();
        let root = self.reserve(0);
        let mut pending = VecDeque::from([Pending { node: root, items: 0..items.len(), depth: 0 }]);
        while let Some(next) = pending.pop_front() {
            self.fill(&next, &items, &mut pending);
        }
        Root(number(root))
    }

    /// The nodes that lie on `path`, from the root down.
    pub(super) fn steps<'t, 'p>(&'t self, root: Root, path: &'p [u8]) -> Steps<'t, 'p> {
        Steps { trie: self, path, node: self.nodes.get(root.0 as usize).copied(), depth: 0 }
    }

    fn reserve(&mut self, first: u8) -> usize {
        let empty = Span::default();
        self.nodes.push(Node { label: empty, children: empty, candidates: empty, best: u32::MAX });
        self.firsts.push(first);
        self.nodes.len() - 1
    }

    fn fill(&mut self, next: &Pending, items: &[Item<'_>], pending: &mut VecDeque<Pending>) {
        let group = items.get(next.items.clone()).unwrap_or_default();
        // The root has no label: every walk begins there, and shorter paths must reach it.
        let depth = if next.depth == 0 { 0 } else { common_prefix(group) };
        let path = group.first().map(|(path, _)| &**path).unwrap_or_default();
        let label = path.get(next.depth..depth).unwrap_or_default();
        let ending = group.partition_point(|(path, _)| path.len() == depth);
        let node = Node {
            label: extend(&mut self.labels, label.iter().copied()),
            candidates: extend(
                &mut self.candidates,
                group.iter().take(ending).map(|(_, candidate)| *candidate),
            ),
            children: self.add_children(
                group.get(ending..).unwrap_or_default(),
                next.items.start + ending,
                depth,
                pending,
            ),
            best: group.iter().map(|(_, candidate)| candidate.rank).min().unwrap_or(u32::MAX),
        };
        if let Some(place) = self.nodes.get_mut(next.node) {
            *place = node;
        }
    }

    fn add_children(
        &mut self,
        group: &[Item<'_>],
        from: usize,
        depth: usize,
        pending: &mut VecDeque<Pending>,
    ) -> Span {
        let start = number(self.nodes.len());
        let byte = |item: &Item<'_>| item.0.get(depth).copied().unwrap_or(0);
        let mut from = from;
        for siblings in group.chunk_by(|a, b| byte(a) == byte(b)) {
            let node = self.reserve(siblings.first().map_or(0, byte));
            pending.push_back(Pending { node, items: from..from + siblings.len(), depth: depth + 1 });
            from += siblings.len();
        }
        Span { start, length: number(self.nodes.len()) - start }
    }

    fn child(&self, parent: &Node, rest: &[u8]) -> Option<(Node, usize)> {
        let (first, after) = rest.split_first()?;
        let place = memchr::memchr(*first, parent.children.of(&self.firsts))?;
        let node = parent.children.of(&self.nodes).get(place)?;
        let label = node.label.of(&self.labels);
        after.starts_with(label).then_some((*node, 1 + label.len()))
    }
}

impl<'t> Iterator for Steps<'t, '_> {
    type Item = Step<'t>;

    fn next(&mut self) -> Option<Step<'t>> {
        let node = self.node?;
        let step = Step {
            depth: self.depth,
            candidates: node.candidates.of(&self.trie.candidates),
            best: node.best,
        };
        let rest = self.path.get(self.depth..).unwrap_or_default();
        let next = self.trie.child(&node, rest);
        self.node = next.map(|(node, _)| node);
        self.depth += next.map_or(0, |(_, length)| length);
        Some(step)
    }
}

impl Span {
    fn of<T>(self, all: &[T]) -> &[T] {
        let start = self.start as usize;
        all.get(start..start + self.length as usize).unwrap_or_default()
    }
}

fn extend<T>(all: &mut Vec<T>, more: impl Iterator<Item = T>) -> Span {
    let start = number(all.len());
    all.extend(more);
    Span { start, length: number(all.len()) - start }
}

/// How many bytes the paths of a sorted group have in common.
fn common_prefix(group: &[Item<'_>]) -> usize {
    let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else {
        return 0;
    };
    first.iter().zip(last.iter()).take_while(|(a, b)| a == b).count()
}

/// Arenas never come near four thousand million entries.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(path: &'static str, rank: u32) -> Item<'static> {
        (Cow::Borrowed(path.as_bytes()), Candidate { rank, pattern: None })
    }

    fn found(trie: &Trie, root: Root, path: &str) -> Vec<(usize, u32)> {
        let steps = trie.steps(root, path.as_bytes());
        steps
            .flat_map(|step| step.candidates.iter().map(move |candidate| (step.depth, candidate.rank)))
            .collect()
    }

    #[test]
    fn walks_every_prefix_of_a_path() {
        let mut trie = Trie::default();
        let items = [("", 9), ("/", 8), ("/foo", 3), ("/foo", 2), ("/foo/bar", 1), ("/fob", 4), ("/x", 0)];
        let root = trie.add(items.map(|(path, rank)| item(path, rank)).to_vec());
        for (path, want) in [
            ("/foo/bar/x", vec![(0, 9), (1, 8), (4, 2), (4, 3), (8, 1)]),
            ("/foobar", vec![(0, 9), (1, 8), (4, 2), (4, 3)]),
            ("/fo", vec![(0, 9), (1, 8)]),
            ("/fob", vec![(0, 9), (1, 8), (4, 4)]),
            ("*", vec![(0, 9)]),
            ("", vec![(0, 9)]),
        ] {
            assert_eq!(found(&trie, root, path), want, "{path}");
        }
    }

    #[test]
    fn tries_of_one_arena_do_not_mix() {
        let mut trie = Trie::default();
        let one = trie.add(vec![item("/a", 1), item("/b", 2)]);
        let other = trie.add(vec![item("/a", 3)]);
        assert_eq!(found(&trie, one, "/a"), [(2, 1)]);
        assert_eq!(found(&trie, other, "/a"), [(2, 3)]);
        assert_eq!(found(&trie, other, "/b"), []);
    }
}
