//! Edits of the request's headers.
//!
//! The edits of a configuration build on one another, so each header that is touched has a state
//! for the length of a call, and the result is written as few edits as possible.

use weir_plugin_sdk::{ConfigProblem, HeaderOp, Input, InputList, Inputs, Slot};

use crate::config::{Config, split};
use crate::template::Template;

const HOST: &str = "host";

/// The compiled edits.
#[derive(Default)]
pub(crate) struct HeaderEdits {
    touched: Vec<Touched>,
    steps: Vec<Step>,
    /// `Host` can only be replaced, and is part of where the request goes.
    host: Option<Template>,
}

struct Touched {
    name: String,
    /// Where it matters what the caller sent.
    slot: Option<Slot>,
}

enum Step {
    Remove(usize),
    Rename(usize, usize),
    Replace(usize, Template),
    Add(usize, Template),
    Append(usize, Template),
}

/// What became of one header so far.
#[derive(Default, Clone)]
struct State {
    /// What the caller sent is gone.
    cleared: bool,
    added: Vec<Vec<u8>>,
}

impl HeaderEdits {
    pub(crate) fn compile(
        config: &Config,
        inputs: &mut InputList,
        problems: &mut Vec<ConfigProblem>,
    ) -> Self {
        let mut edits = Self::default();
        for pair in config.remove.headers.iter().filter(|pair| !is_host(pair)) {
            let at = edits.touch(pair);
            edits.steps.push(Step::Remove(at));
        }
        for pair in config.rename.headers.iter().filter(|pair| !is_host(pair)) {
            if let Some(new) = split(pair).1 {
                let (from, to) = (edits.look_at(pair, inputs), edits.look_at(new, inputs));
                edits.steps.push(Step::Rename(from, to));
            }
        }
        edits.valued("replace", &config.replace.headers, inputs, problems);
        edits.valued("add", &config.add.headers, inputs, problems);
        edits.valued("append", &config.append.headers, inputs, problems);
        edits
    }

    fn valued(
        &mut self,
        place: &str,
        pairs: &[String],
        inputs: &mut InputList,
        problems: &mut Vec<ConfigProblem>,
    ) {
        for (at, pair) in pairs.iter().enumerate() {
            let Some(value) = split(pair).1 else { continue };
            let value = match Template::compile(value, inputs) {
                Ok(value) => value,
                Err(message) => {
                    problems.push(ConfigProblem::new(&format!("/{place}/headers/{at}"), &message));
                    continue;
                }
            };
            match (place, is_host(pair)) {
                ("replace", true) => self.host = Some(value),
                (_, true) => {}
                ("replace", false) => {
                    let at = self.look_at(pair, inputs);
                    self.steps.push(Step::Replace(at, value));
                }
                ("add", false) => {
                    let at = self.look_at(pair, inputs);
                    self.steps.push(Step::Add(at, value));
                }
                (_, false) => {
                    let at = self.touch(pair);
                    self.steps.push(Step::Append(at, value));
                }
            }
        }
    }

    /// The place of the header that a pair begins with.
    fn touch(&mut self, pair: &str) -> usize {
        let name = split(pair).0.to_ascii_lowercase();
        let known = self.touched.iter().position(|touched| touched.name == name);
        known.unwrap_or_else(|| {
            self.touched.push(Touched { name, slot: None });
            self.touched.len() - 1
        })
    }

    /// As `touch`, and the caller's values are asked for.
    fn look_at(&mut self, pair: &str, inputs: &mut InputList) -> usize {
        let at = self.touch(pair);
        if let Some(touched) = self.touched.get_mut(at) {
            touched.slot = Some(inputs.want(Input::Header(touched.name.clone())));
        }
        at
    }

    /// The new host, if the configuration replaces it.
    pub(crate) fn host(&self, inputs: &Inputs) -> Option<String> {
        let host = self.host.as_ref()?.render(inputs);
        Some(String::from_utf8_lossy(&host).into_owned())
    }

    /// The edits for one request.
    pub(crate) fn edits(&self, inputs: &Inputs) -> Vec<HeaderOp> {
        let mut states = vec![State::default(); self.touched.len()];
        for step in &self.steps {
            self.run(step, &mut states, inputs);
        }
        let mut edits = Vec::new();
        for (touched, state) in self.touched.iter().zip(states) {
            touched.finish(state, inputs, &mut edits);
        }
        edits
    }

    fn run(&self, step: &Step, states: &mut [State], inputs: &Inputs) {
        let value = |template: &Template| template.render(inputs).into_owned();
        match step {
            Step::Remove(at) => set(states, *at, Vec::new()),
            Step::Rename(from, to) if from == to => {}
            Step::Rename(from, to) => {
                let values = self.values(*from, states, inputs);
                if !values.is_empty() {
                    set(states, *from, Vec::new());
                    set(states, *to, values);
                }
            }
            Step::Replace(at, template) if self.is_present(*at, states, inputs) => {
                set(states, *at, vec![value(template)])
            }
            Step::Add(at, template) if !self.is_present(*at, states, inputs) => {
                set(states, *at, vec![value(template)])
            }
            Step::Replace(..) | Step::Add(..) => {}
            Step::Append(at, template) => {
                if let Some(state) = states.get_mut(*at) {
                    state.added.push(value(template));
                }
            }
        }
    }

    fn is_present(&self, at: usize, states: &[State], inputs: &Inputs) -> bool {
        let state = states.get(at);
        let sent =
            self.touched.get(at).and_then(|touched| touched.slot).is_some_and(|slot| inputs.is_present(slot));
        state.is_some_and(|state| !state.added.is_empty() || (sent && !state.cleared))
    }

    fn values(&self, at: usize, states: &[State], inputs: &Inputs) -> Vec<Vec<u8>> {
        let Some(state) = states.get(at) else {
            return Vec::new();
        };
        let slot = self.touched.get(at).and_then(|touched| touched.slot).filter(|_| !state.cleared);
        let sent = slot.into_iter().flat_map(|slot| inputs.all(slot)).map(<[u8]>::to_vec);
        sent.chain(state.added.iter().cloned()).collect()
    }
}

impl Touched {
    fn finish(&self, state: State, inputs: &Inputs, edits: &mut Vec<HeaderOp>) {
        let was_sent = self.slot.is_none_or(|slot| inputs.is_present(slot));
        let mut values = state.added.into_iter();
        if state.cleared {
            match values.next() {
                Some(first) => edits.push(HeaderOp::to_set(self.name.as_str(), first)),
                None if was_sent => edits.push(HeaderOp::Remove(self.name.clone())),
                None => {}
            }
        }
        edits.extend(values.map(|value| HeaderOp::to_append(self.name.as_str(), value)));
    }
}

fn set(states: &mut [State], at: usize, values: Vec<Vec<u8>>) {
    if let Some(state) = states.get_mut(at) {
        *state = State { cleared: true, added: values };
    }
}

fn is_host(pair: &str) -> bool {
    split(pair).0.eq_ignore_ascii_case(HOST)
}
