//! Names and values of headers, checked where they lie in the guest's memory.
//!
//! The types that `bindgen!` makes would copy each of them into a string or a vector first; a call
//! with a few edits spends a tenth of its time on that.

#![expect(
    unsafe_code,
    reason = "`ComponentType` and `Lift` promise that the layout is that of the type in the contract: it is, \
              for it is taken over from `str`, `[u8]` and `T`"
)]

use http::{HeaderName, HeaderValue};
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::StringEncoding;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift};

use super::edits::MAX_VALUE;
use super::names;

/// A `string` of the contract that is the name of a header, or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Name(pub(super) Result<HeaderName, String>);

/// A `list<u8>` of the contract that is the value of a header, or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Value(Result<HeaderValue, Wrong>);

/// A large part of an answer, kept apart, so that moving the rest costs little.
#[derive(Debug)]
pub(crate) struct Apart<T>(pub(crate) Box<T>);

#[derive(Debug)]
enum Wrong {
    Long,
    Illegal,
}

impl Name {
    /// A name that is no text at all is a trap, as for every `string`.
    fn lifted(bytes: &[u8]) -> wasmtime::Result<Self> {
        let name = names::name(bytes);
        if name.is_err() {
            std::str::from_utf8(bytes)?;
        }
        Ok(Self(name))
    }
}

impl Value {
    #[expect(clippy::unnecessary_wraps, reason = "as for `Name`")]
    fn lifted(bytes: &[u8]) -> wasmtime::Result<Self> {
        Ok(Self::read(bytes))
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        if bytes.len() > MAX_VALUE {
            return Self(Err(Wrong::Long));
        }
        Self(HeaderValue::from_bytes(bytes).map_err(|_| Wrong::Illegal))
    }

    /// The value, under its name.
    pub(super) fn of(self, name: &HeaderName) -> Result<HeaderValue, String> {
        self.0.map_err(|wrong| match wrong {
            Wrong::Long => format!("the value of `{name}` is longer than 64 KiB"),
            Wrong::Illegal => format!("the value of `{name}` holds a control character"),
        })
    }
}

/// The bytes behind a pointer and a length, paid for from what the call may hand over.
fn bytes<'a>(cx: &mut LiftContext<'a>, at: u32, length: u32) -> wasmtime::Result<&'a [u8]> {
    let (at, length) = (at as usize, length as usize);
    cx.consume_fuel(length)?;
    let found = cx.memory().get(at..).and_then(|rest| rest.get(..length));
    found.ok_or_else(|| wasmtime::Error::msg("a pointer out of bounds of memory"))
}

/// The pointer and the length of a `string` or a `list` that lies in memory.
fn pair([at @ .., a, b, c, d]: &[u8; 8]) -> (u32, u32) {
    (u32::from_le_bytes(*at), u32::from_le_bytes([*a, *b, *c, *d]))
}

macro_rules! lifted {
    ($type:ty, $as:ty, $owned:ty, $read:path) => {
        // SAFETY: every item is that of `$as`.
        unsafe impl ComponentType for $type {
            type Lower = <$as as ComponentType>::Lower;
            const ABI: CanonicalAbiInfo = <$as as ComponentType>::ABI;

            fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
                <$as as ComponentType>::typecheck(ty, types)
            }
        }

        // SAFETY: only the bytes that the guest names are read, and within its memory.
        unsafe impl Lift for $type {
            fn linear_lift_from_flat(
                cx: &mut LiftContext<'_>,
                ty: InterfaceType,
                source: &[ValRaw; 2],
            ) -> wasmtime::Result<Self> {
                if cx.options().string_encoding != StringEncoding::Utf8 {
                    return $read(<$owned>::linear_lift_from_flat(cx, ty, source)?.as_ref());
                }
                let [at, length] = source;
                $read(bytes(cx, at.get_u32(), length.get_u32())?)
            }

            fn linear_lift_from_memory(
                cx: &mut LiftContext<'_>,
                ty: InterfaceType,
                source: &[u8],
            ) -> wasmtime::Result<Self> {
                if cx.options().string_encoding != StringEncoding::Utf8 {
                    return $read(<$owned>::linear_lift_from_memory(cx, ty, source)?.as_ref());
                }
                let (at, length) = pair(source.try_into()?);
                $read(bytes(cx, at, length)?)
            }
        }
    };
}

lifted!(Name, str, String, Self::lifted);
lifted!(Value, [u8], Vec<u8>, Self::lifted);

// SAFETY: every item is that of `T`.
unsafe impl<T: ComponentType> ComponentType for Apart<T> {
    type Lower = T::Lower;
    const ABI: CanonicalAbiInfo = T::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        T::typecheck(ty, types)
    }
}

// SAFETY: `T` does the reading.
unsafe impl<T: Lift> Lift for Apart<T> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &T::Lower,
    ) -> wasmtime::Result<Self> {
        T::linear_lift_from_flat(cx, ty, source).map(|value| Self(Box::new(value)))
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &[u8],
    ) -> wasmtime::Result<Self> {
        T::linear_lift_from_memory(cx, ty, source).map(|value| Self(Box::new(value)))
    }
}
