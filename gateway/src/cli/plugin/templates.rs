//! The projects that `weir plugin new` can write, out of the layers in `plugin-sdk/templates`.
//!
//! A language has some layers, the later ones over the earlier ones, and a layer has files for every plugin and, in
//! `kinds/KIND/`, for those of one kind. `{{name}}` in file names and contents stands for the name of the plugin,
//! `{{Name}}` and `{{name_}}` for it as a type and as an identifier.

use std::collections::BTreeMap;

use super::PluginError;
use super::embedded::TEMPLATES;

/// The layers of each language. The last one is its own, and says which kinds there are.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("go", &["common", "schema", "go"]),
    ("javascript", &["common", "schema", "node", "javascript"]),
    ("python", &["common", "schema", "python"]),
    // Its schemas are made from types.
    ("rust", &["common", "rust"]),
    ("typescript", &["common", "schema", "node", "typescript"]),
];
/// Where the kinds of a layer are, below its folder.
const KINDS: &str = "kinds/";
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
        let missing = |wanted, known: Vec<_>| PluginError::Template { wanted, known: known.join(", ") };
        let Some((_, layers)) = LANGUAGES.iter().find(|(name, _)| *name == language) else {
            return Err(missing(format!("the language `{language}`"), languages().collect()));
        };
        let (kind, kinds) = (kind.unwrap_or(DEFAULT_KIND), kinds(language));
        if !kinds.contains(&kind) {
            return Err(missing(format!("a plugin of kind `{kind}` in {language}"), kinds));
        }
        let folder = format!("{KINDS}{kind}/");
        let mut files = BTreeMap::new();
        for layer in *layers {
            files.extend(below(layer).filter(|(path, _)| !path.starts_with(KINDS)));
            files.extend(below(layer).filter_map(|(path, bytes)| Some((path.strip_prefix(&folder)?, bytes))));
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
pub(super) fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(name, _)| *name)
}

/// What a language has plugins of, in order.
fn kinds(language: &str) -> Vec<&'static str> {
    let files = below(language).filter_map(|(path, _)| path.strip_prefix(KINDS));
    let mut kinds: Vec<_> = files.filter_map(|path| Some(path.split_once('/')?.0)).collect();
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
        let every = |language| kinds(language).into_iter().map(move |kind| (language, Some(kind)));
        for (language, kind) in languages().flat_map(every) {
            let files = Template::find(language, kind).unwrap().render("my-plugin");
            assert!(files.iter().any(|(path, _)| path == "README.md"), "{language} {kind:?}");
            for (path, content) in files {
                let text = String::from_utf8_lossy(&content).into_owned();
                assert!(!path.contains("{{") && !text.contains("{{name"), "{language} {kind:?}: {path}");
            }
        }
    }

    #[test]
    fn every_language_has_the_same_kinds() {
        for language in languages() {
            assert_eq!(kinds(language), ["auth", "log", "rate-limit", "transform"], "{language}");
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
