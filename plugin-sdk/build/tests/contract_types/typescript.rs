//! From WIT to TypeScript, in the shapes that componentize-qjs hands to a guest and takes from it.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{
    Docs, Function, FunctionKind, Handle, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, TypeOwner,
};

/// One `declare module` for each interface.
pub(crate) fn declarations(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    resolve.push_file(wit).unwrap();
    let mut out =
        "// Made from wit/plugin.wit by a test of weir-plugin-build; not to be edited.\n".to_owned();
    for (id, interface) in resolve.interfaces.iter() {
        writeln!(out, "\ndeclare module \"{}\" {{", resolve.id_of(id).unwrap()).unwrap();
        Module { resolve: &resolve, interface }.write(&mut out);
        out.push_str("}\n");
    }
    out
}

struct Module<'a> {
    resolve: &'a Resolve,
    interface: &'a Interface,
}

impl Module<'_> {
    fn write(&self, out: &mut String) {
        for (name, id) in &self.interface.types {
            let def = &self.resolve.types[*id];
            docs(&def.docs, "  ", out);
            self.type_def(name, *id, def, out);
        }
        let functions = self.interface.functions.values();
        for function in functions.filter(|function| matches!(function.kind, FunctionKind::Freestanding)) {
            docs(&function.docs, "  ", out);
            self.function(function, out);
        }
    }

    fn function(&self, function: &Function, out: &mut String) {
        let (name, local) = (lower_camel(&function.name), variable(&function.name));
        if name == local {
            writeln!(out, "  export function {name}{};", self.signature(function)).unwrap();
        } else {
            writeln!(out, "  function {local}{};", self.signature(function)).unwrap();
            writeln!(out, "  export {{ {local} as {name} }};").unwrap();
        }
    }

    fn type_def(&self, name: &str, id: TypeId, def: &TypeDef, out: &mut String) {
        let name = upper_camel(name);
        match &def.kind {
            TypeDefKind::Type(Type::Id(other)) if self.owner(*other) != self.owner(id) => {
                let from = self.owner(*other).unwrap();
                writeln!(out, "  export type {name} = import(\"{from}\").{name};").unwrap();
            }
            TypeDefKind::Record(record) => {
                writeln!(out, "  export interface {name} {{").unwrap();
                for field in &record.fields {
                    docs(&field.docs, "    ", out);
                    writeln!(out, "    {}: {};", lower_camel(&field.name), self.name(&field.ty)).unwrap();
                }
                out.push_str("  }\n");
            }
            TypeDefKind::Variant(variant) => {
                let payload = |ty: &Type| format!("; val: {}", self.name(ty));
                let cases = variant.cases.iter().map(|case| {
                    format!(
                        "{{ tag: \"{}\"{} }}",
                        case.name,
                        case.ty.as_ref().map(payload).unwrap_or_default()
                    )
                });
                union(&name, cases, out);
            }
            TypeDefKind::Enum(cases) => {
                union(&name, cases.cases.iter().map(|case| format!("\"{}\"", case.name)), out);
            }
            TypeDefKind::Resource => self.resource(&name, id, out),
            other => writeln!(out, "  export type {name} = {};", self.kind(other)).unwrap(),
        }
    }

    fn resource(&self, name: &str, id: TypeId, out: &mut String) {
        writeln!(out, "  export class {name} {{").unwrap();
        let mut has_constructor = false;
        for function in self.interface.functions.values() {
            let (prefix, constructs) = match function.kind {
                FunctionKind::Method(of) if of == id => ("", false),
                FunctionKind::Static(of) if of == id => ("static ", false),
                FunctionKind::Constructor(of) if of == id => ("", true),
                _ => continue,
            };
            docs(&function.docs, "    ", out);
            if constructs {
                has_constructor = true;
                writeln!(out, "    constructor({});", self.parameters(function)).unwrap();
            } else {
                let name = lower_camel(function.item_name());
                writeln!(out, "    {prefix}{name}{};", self.signature(function)).unwrap();
            }
        }
        if !has_constructor {
            out.push_str("    private constructor();\n");
        }
        out.push_str("  }\n");
    }

    fn signature(&self, function: &Function) -> String {
        let result = function.result.map_or("void".into(), |ty| self.result(&ty));
        format!("({}): {result}", self.parameters(function))
    }

    fn parameters(&self, function: &Function) -> String {
        let params = function.params.iter().filter(|param| param.name != "self");
        let params = params.map(|param| format!("{}: {}", variable(&param.name), self.name(&param.ty)));
        params.collect::<Vec<_>>().join(", ")
    }

    /// A result that a function has is returned, and its error thrown.
    fn result(&self, ty: &Type) -> String {
        if let Type::Id(id) = ty
            && let TypeDefKind::Result(result) = &self.resolve.types[*id].kind
        {
            return result.ok.map_or("void".into(), |ok| self.name(&ok));
        }
        self.name(ty)
    }

    fn name(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "boolean".into(),
            Type::Char | Type::String => "string".into(),
            Type::Id(id) => {
                let def = &self.resolve.types[*id];
                def.name.as_deref().map_or_else(|| self.kind(&def.kind), upper_camel)
            }
            _ => "number".into(),
        }
    }

    fn kind(&self, kind: &TypeDefKind) -> String {
        match kind {
            TypeDefKind::Type(ty) => self.name(ty),
            TypeDefKind::List(Type::U8) => "Uint8Array".into(),
            TypeDefKind::List(ty) => format!("Array<{}>", self.name(ty)),
            TypeDefKind::Option(ty) => format!("{} | null", self.name(ty)),
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.name(ty)).collect();
                format!("[{}]", types.join(", "))
            }
            TypeDefKind::Result(result) => {
                let case = |tag: &str, ty: &Option<Type>| match ty {
                    Some(ty) => format!("{{ tag: \"{tag}\"; val: {} }}", self.name(ty)),
                    None => format!("{{ tag: \"{tag}\" }}"),
                };
                format!("{} | {}", case("ok", &result.ok), case("err", &result.err))
            }
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.name(&Type::Id(*id)),
            other => panic!("the contract has a kind of type that is not known here: {other:?}"),
        }
    }

    fn owner(&self, id: TypeId) -> Option<String> {
        match self.resolve.types[id].owner {
            TypeOwner::Interface(interface) => self.resolve.id_of(interface),
            TypeOwner::World(_) | TypeOwner::None => None,
        }
    }
}

fn union(name: &str, cases: impl Iterator<Item = String>, out: &mut String) {
    let cases: Vec<_> = cases.collect();
    writeln!(out, "  export type {name} =\n    | {};", cases.join("\n    | ")).unwrap();
}

fn docs(docs: &Docs, indent: &str, out: &mut String) {
    // The banners between the sections of the contract are no docs of what follows them.
    let text = docs.contents.as_deref().unwrap_or_default();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("-----")).collect();
    match lines.as_slice() {
        [] => {}
        [line] => writeln!(out, "{indent}/** {line} */").unwrap(),
        lines => {
            writeln!(out, "{indent}/**").unwrap();
            for line in lines {
                writeln!(out, "{indent} * {line}").unwrap();
            }
            writeln!(out, "{indent} */").unwrap();
        }
    }
}

/// A name that a variable may have in JavaScript.
fn variable(name: &str) -> String {
    let name = lower_camel(name);
    if matches!(name.as_str(), "delete" | "new") { name + "_" } else { name }
}

fn upper_camel(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (head, rest) = word.split_at(1.min(word.len()));
        head.to_ascii_uppercase() + rest
    });
    words.collect()
}

fn lower_camel(name: &str) -> String {
    let upper = upper_camel(name);
    let (head, rest) = upper.split_at(1.min(upper.len()));
    head.to_ascii_lowercase() + rest
}
