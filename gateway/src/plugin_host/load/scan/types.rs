//! How deep the types of a component are nested, and how wide one of them is.
//!
//! Types refer to each other by index, and each component and each instance type has indices of its
//! own, so these are kept as the depth of what they stand for: exactly for types, and as an upper bound
//! for what comes out of an instance. Whether types fit each other is the validator's question.

use std::ops::Range;

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentDefinedType, ComponentExport, ComponentExternName,
    ComponentExternalKind, ComponentImport, ComponentOuterAliasKind, ComponentType, ComponentTypeRef,
    ComponentValType, CoreType, TypeBounds,
};

use super::bounds::{self, at_most, no_deeper};
use super::broken;
use crate::plugin_host::AdmissionError;

/// Depths of what the indices of one component or instance type stand for.
#[derive(Default)]
struct Space {
    types: Vec<usize>,
    instances: Vec<usize>,
}

/// The types seen so far.
#[derive(Default)]
pub(super) struct Types {
    /// The space that is being read, and those around it from the component itself inwards.
    space: Space,
    around: Vec<Space>,
    count: usize,
    deepest: usize,
}

impl Types {
    /// Types defined so far, at all levels.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A component begins.
    pub(super) fn enter(&mut self) {
        self.around.push(std::mem::take(&mut self.space));
    }

    /// A component ends.
    pub(super) fn leave(&mut self) {
        self.space = self.around.pop().unwrap_or_default();
    }

    /// A section of types, at `range` of the whole upload.
    ///
    /// It is taken apart by hand: the parser would follow instance types in instance types by
    /// recursion, as deep as an upload is long.
    pub(super) fn section(&mut self, range: &Range<usize>, bytes: &[u8]) -> Result<(), AdmissionError> {
        let section = bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(section, range.start);
        for _ in 0..reader.read_var_u32().map_err(broken)? {
            let depth = self.read(&mut reader, 0)?;
            self.push_type(depth)?;
        }
        Ok(())
    }

    /// Instances that are made of components or of exports: of unknown types, but none deeper than all
    /// that there are.
    pub(super) fn instances(&mut self, count: u32) {
        let deepest = self.deepest;
        let instances = (0..count).map(|_| deepest);
        self.space.instances.extend(instances);
    }

    /// One name for what has another.
    pub(super) fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), AdmissionError> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, .. } => {
                let depth = at(&self.space.instances, *instance_index);
                self.push(*kind, depth)
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, count, index } => {
                let mut outwards = std::iter::once(&self.space).chain(self.around.iter().rev());
                let depth = outwards.nth(*count as usize).map_or(0, |space| at(&space.types, *index));
                self.push_type(depth)
            }
            ComponentAlias::Outer { .. } | ComponentAlias::CoreInstanceExport { .. } => Ok(()),
        }
    }

    /// An export gives what it exports one more index.
    pub(super) fn export(&mut self, export: &ComponentExport<'_>) -> Result<(), AdmissionError> {
        let is_type = export.kind == ComponentExternalKind::Type;
        let known = if is_type { &self.space.types } else { &self.space.instances };
        let depth = at(known, export.index);
        self.push(export.kind, depth)
    }

    /// Something is imported, or declared as exported, with this type.
    pub(super) fn refer(&mut self, reference: ComponentTypeRef) -> Result<(), AdmissionError> {
        match reference {
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                let depth = at(&self.space.types, index);
                self.push_type(depth)
            }
            ComponentTypeRef::Type(TypeBounds::SubResource) => self.push_type(1),
            ComponentTypeRef::Instance(index) => {
                let depth = at(&self.space.types, index);
                self.push(ComponentExternalKind::Instance, depth)
            }
            ComponentTypeRef::Module(_)
            | ComponentTypeRef::Func(_)
            | ComponentTypeRef::Value(_)
            | ComponentTypeRef::Component(_) => Ok(()),
        }
    }

    /// Reads one type, `level` instance types inwards; gives its depth.
    fn read(&mut self, reader: &mut BinaryReader<'_>, level: usize) -> Result<usize, AdmissionError> {
        self.count += 1;
        at_most(self.count, bounds::TYPES, "types")?;
        let mut ahead = reader.clone();
        let depth = match ahead.read_u8().map_err(broken)? {
            // A component type or an instance type.
            0x41 | 0x42 => {
                *reader = ahead;
                self.declarations(reader, level + 1)?
            }
            _ => self.depth(&reader.read().map_err(broken)?)?,
        };
        Ok(depth + 1)
    }

    /// Reads what a component type or an instance type declares; gives the depth of its deepest type.
    fn declarations(&mut self, reader: &mut BinaryReader<'_>, level: usize) -> Result<usize, AdmissionError> {
        no_deeper(level, bounds::DEPTH, "its instance types are")?;
        self.enter();
        for _ in 0..reader.read_var_u32().map_err(broken)? {
            match reader.read_u8().map_err(broken)? {
                0x00 => {
                    reader.read::<CoreType<'_>>().map_err(broken)?;
                }
                0x01 => {
                    let depth = self.read(reader, level)?;
                    self.push_type(depth)?;
                }
                0x02 => self.alias(&reader.read().map_err(broken)?)?,
                0x03 => self.refer(reader.read::<ComponentImport<'_>>().map_err(broken)?.ty)?,
                0x04 => {
                    reader.read::<ComponentExternName<'_>>().map_err(broken)?;
                    self.refer(reader.read().map_err(broken)?)?;
                }
                _ => return Err(AdmissionError::NotAComponent("it has a broken type".to_owned())),
            }
        }
        let deepest = self.space.types.iter().copied().max();
        self.leave();
        Ok(deepest.unwrap_or(0))
    }

    /// The depth of the deepest part of a type.
    fn depth(&mut self, kind: &ComponentType<'_>) -> Result<usize, AdmissionError> {
        let parts: Vec<ComponentValType> = match kind {
            ComponentType::Func(function) => {
                function.params.iter().map(|(_, kind)| *kind).chain(function.result).collect()
            }
            ComponentType::Defined(defined) => parts(defined),
            ComponentType::Component(_) | ComponentType::Instance(_) | ComponentType::Resource { .. } => {
                Vec::new()
            }
        };
        at_most(width(kind).max(parts.len()), bounds::CASES, "cases or fields in one type")?;
        let types = &self.space.types;
        let depth = |part: &ComponentValType| match part {
            ComponentValType::Primitive(_) => 0,
            ComponentValType::Type(index) => at(types, *index),
        };
        Ok(parts.iter().map(depth).max().unwrap_or(0))
    }

    fn push(&mut self, kind: ComponentExternalKind, depth: usize) -> Result<(), AdmissionError> {
        match kind {
            ComponentExternalKind::Type => self.push_type(depth),
            ComponentExternalKind::Instance => {
                self.space.instances.push(depth);
                Ok(())
            }
            ComponentExternalKind::Module
            | ComponentExternalKind::Func
            | ComponentExternalKind::Value
            | ComponentExternalKind::Component => Ok(()),
        }
    }

    fn push_type(&mut self, depth: usize) -> Result<(), AdmissionError> {
        no_deeper(depth, bounds::TYPE_DEPTH, "its types are")?;
        self.deepest = self.deepest.max(depth);
        self.space.types.push(depth);
        Ok(())
    }
}

/// The depth at an index; what is not there is for the validator to refuse.
fn at(depths: &[usize], index: u32) -> usize {
    depths.get(index as usize).copied().unwrap_or(0)
}

/// Names in a type that have no type of their own.
fn width(kind: &ComponentType<'_>) -> usize {
    match kind {
        ComponentType::Defined(ComponentDefinedType::Variant(cases)) => cases.len(),
        ComponentType::Defined(ComponentDefinedType::Enum(names) | ComponentDefinedType::Flags(names)) => {
            names.len()
        }
        ComponentType::Defined(_)
        | ComponentType::Func(_)
        | ComponentType::Component(_)
        | ComponentType::Instance(_)
        | ComponentType::Resource { .. } => 0,
    }
}

/// The types that a type is made of.
fn parts(defined: &ComponentDefinedType<'_>) -> Vec<ComponentValType> {
    match defined {
        ComponentDefinedType::Record(fields) => fields.iter().map(|(_, kind)| *kind).collect(),
        ComponentDefinedType::Variant(cases) => cases.iter().filter_map(|case| case.ty).collect(),
        ComponentDefinedType::Tuple(parts) => parts.to_vec(),
        ComponentDefinedType::List(kind)
        | ComponentDefinedType::FixedLengthList(kind, _)
        | ComponentDefinedType::Option(kind) => vec![*kind],
        ComponentDefinedType::Map(key, value) => vec![*key, *value],
        ComponentDefinedType::Result { ok, err } => ok.iter().chain(err).copied().collect(),
        ComponentDefinedType::Future(kind) | ComponentDefinedType::Stream(kind) => {
            kind.iter().copied().collect()
        }
        ComponentDefinedType::Primitive(_)
        | ComponentDefinedType::Flags(_)
        | ComponentDefinedType::Enum(_)
        | ComponentDefinedType::Own(_)
        | ComponentDefinedType::Borrow(_) => Vec::new(),
    }
}
