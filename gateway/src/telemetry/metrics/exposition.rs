//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write};

/// Gives metrics at each scrape.
///
/// Called from the control plane, one scrape at a time. A family is given whole by one collector.
pub trait Collect: Send + Sync {
    /// Writes families and their samples to `out`. May take milliseconds; must not wait.
    fn collect(&self, out: &mut Exposition);
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// Text that grows family by family.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One sample of the current family.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// One histogram of the current family: `counts` has one entry for each bound and one for what
    /// is above all of them; they are not cumulative.
    pub fn histogram(&mut self, labels: &[(&str, &str)], bounds: &[f64], counts: &[u64], sum: f64) {
        let mut total = 0;
        for (bound, count) in bounds.iter().copied().chain([f64::INFINITY]).zip(counts) {
            total += count;
            self.line("_bucket", labels, Some(bound), total);
        }
        self.line("_count", labels, None, total);
        self.line("_sum", labels, None, sum);
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<f64>, value: impl Display) {
        self.text.push_str(self.family);
        self.text.push_str(suffix);
        let mut before = '{';
        for (name, text) in labels {
            self.text.push(before);
            before = ',';
            label(name, text, &mut self.text);
        }
        if let Some(bound) = bound {
            self.text.push(before);
            before = ',';
            // Kong writes every bound with a decimal point.
            let bound = if bound.is_finite() { format!("{bound:?}") } else { "+Inf".to_owned() };
            label("le", &bound, &mut self.text);
        }
        self.text.push_str(if before == '{' { "" } else { "}" });
        _ = writeln!(self.text, " {value}");
    }
}

fn label(name: &str, text: &str, out: &mut String) {
    out.push_str(name);
    out.push_str("=\"");
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_prometheus_text() {
        let mut out = Exposition::default();
        out.family("weir_up", Kind::Gauge, "Whether it is.");
        out.sample(&[], 1);
        out.family("weir_ms", Kind::Histogram, "How long.");
        out.histogram(&[("route", "a\"b\\c\nd")], &[0.5, 25.0], &[1, 2, 3], 70.25);
        let want = "# HELP weir_up Whether it is.\n# TYPE weir_up gauge\nweir_up 1\n\
            # HELP weir_ms How long.\n# TYPE weir_ms histogram\n\
            weir_ms_bucket{route=\"a\\\"b\\\\c\\nd\",le=\"0.5\"} 1\n\
            weir_ms_bucket{route=\"a\\\"b\\\\c\\nd\",le=\"25.0\"} 3\n\
            weir_ms_bucket{route=\"a\\\"b\\\\c\\nd\",le=\"+Inf\"} 6\n\
            weir_ms_count{route=\"a\\\"b\\\\c\\nd\"} 6\n\
            weir_ms_sum{route=\"a\\\"b\\\\c\\nd\"} 70.25\n";
        assert_eq!(out.into_text(), want);
    }
}
