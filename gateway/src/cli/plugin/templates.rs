//! The projects that `weir plugin new` can write: every folder of `plugin-sdk/templates` is a language.
//!
//! A template is `common/…`, over it `LANG/…` and, over that, `LANG/kinds/KIND/…` for what differs by
//! kind. `{{name}}` in file names and contents stands for the name of the plugin, `{{Name}}` and
//! `{{name_}}` for it as a type and as an identifier.

use std::collections::BTreeMap;

use super::PluginError;
use super::embedded::TEMPLATES;

/// Where the kinds of a language are, below its folder.
const KINDS: &str = "kinds/";
/// What all languages begin with.
const COMMON: &str = "common";
/// The kind that is written if none is asked for.
const DEFAULT_KIND: &str = "transform";

/// A template, chosen.
pub(super) struct Template {
    files: BTreeMap<&'static str, &'static [u8]>,
}

impl Template {
    /// Finds the template of a language; `kind` is one of its kinds.
    ///
    /// # Errors
    ///
    /// [`PluginError::Template`] names those that there are.
    pub(super) fn find(language: &str, kind: Option<&str>) -> Result<Self, PluginError> {
        let own = || below(language);
        let known = languages();
        if !known.contains(&language) {
            let known = known.join(", ");
            return Err(PluginError::Template { wanted: format!("the language `{language}`"), known });
        }
        let mut files: BTreeMap<_, _> = below(COMMON).collect();
        files.extend(own().filter(|(path, _)| !path.starts_with(KINDS)));
        let kinds = kinds(language);
        let wanted = kind.unwrap_or(DEFAULT_KIND);
        if kinds.is_empty() && wanted != DEFAULT_KIND || !kinds.is_empty() && !kinds.contains(&wanted) {
            let wanted = format!("a plugin of kind `{wanted}` in {language}");
            let known = if kinds.is_empty() { DEFAULT_KIND.to_owned() } else { kinds.join(", ") };
            return Err(PluginError::Template { wanted, known });
        }
        if !kinds.is_empty() {
            let folder = format!("{KINDS}{wanted}/");
            files.extend(own().filter_map(|(path, bytes)| Some((path.strip_prefix(&folder)?, bytes))));
        }
        Ok(Self { files })
    }

    /// The files of a project called `name`: path and content.
    pub(super) fn render(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let fill = |text: &str| {
            text.replace("{{name}}", name)
                .replace("{{name_}}", &name.replace('-', "_"))
                .replace("{{Name}}", &camel(name))
        };
        let file = |(path, bytes): (&&str, &&[u8])| {
            let content =
                std::str::from_utf8(bytes).map_or_else(|_| bytes.to_vec(), |text| fill(text).into_bytes());
            (fill(path), content)
        };
        self.files.iter().map(file).collect()
    }
}

/// The files below a folder of the templates.
fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    TEMPLATES
        .iter()
        .filter_map(move |(path, bytes)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, *bytes)))
}

/// The languages, in order.
pub(super) fn languages() -> Vec<&'static str> {
    let mut all: Vec<_> = TEMPLATES.iter().filter_map(|(path, _)| Some(path.split_once('/')?.0)).collect();
    all.dedup();
    all.retain(|name| *name != COMMON);
    all
}

fn kinds(language: &str) -> Vec<&'static str> {
    let folder = format!("{language}/{KINDS}");
    let kinds = TEMPLATES.iter().filter_map(|(path, _)| Some(path.strip_prefix(&folder)?.split_once('/')?.0));
    let mut kinds: Vec<_> = kinds.collect();
    kinds.dedup();
    kinds
}

fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_renders_without_a_placeholder_left() {
        let wanted = languages().into_iter().flat_map(|language| {
            let all = kinds(language);
            let kinds: Vec<Option<&str>> =
                if all.is_empty() { vec![None] } else { all.into_iter().map(Some).collect() };
            kinds.into_iter().map(move |kind| (language, kind))
        });
        for (language, kind) in wanted {
            let files = Template::find(language, kind).unwrap().render("my-plugin");
            assert!(files.iter().any(|(path, _)| path == "README.md"), "{language} {kind:?}");
            for (path, content) in files {
                let text = String::from_utf8_lossy(&content).into_owned();
                assert!(!path.contains("{{") && !text.contains("{{name"), "{language} {kind:?}: {path}");
            }
        }
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        let said = |language, kind| Template::find(language, kind).err().unwrap().to_string();
        assert!(said("cobol", None).contains("rust"), "{}", said("cobol", None));
        let text = said("rust", Some("cache"));
        assert!(text.ends_with("there are: auth, log, rate-limit, transform"), "{text}");
    }

    #[test]
    fn names_become_types() {
        assert_eq!(camel("my-own-plugin"), "MyOwnPlugin");
    }
}
