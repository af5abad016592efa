//! The fields of requests and connections, and their types.

use super::Fields;

/// What a comparison looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Protocol,
    Sni,
    Method,
    Host,
    Path,
    /// The segments from the first to the last number, from 0, joined by slashes.
    Segments(usize, usize),
    SegmentCount,
    /// In lower case, with `_` for `-`.
    Header(Box<str>),
    Query(Box<str>),
    SourceIp,
    SourcePort,
    DestinationIp,
    DestinationPort,
}

/// What a field can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Address,
}

/// Why a name stands for no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoField {
    Unknown,
    /// Segments are numbered in another way.
    Segments,
}

impl Field {
    /// The field of this name.
    pub(super) fn find(name: &str, fields: Fields) -> Result<Self, NoField> {
        match name {
            "net.protocol" => Ok(Self::Protocol),
            "tls.sni" => Ok(Self::Sni),
            "net.src.ip" => Ok(Self::SourceIp),
            "net.src.port" => Ok(Self::SourcePort),
            "net.dst.ip" => Ok(Self::DestinationIp),
            // Kong's older name beside the one that it has now.
            "net.dst.port" | "net.port" => Ok(Self::DestinationPort),
            _ if fields == Fields::Stream => Err(NoField::Unknown),
            "http.method" => Ok(Self::Method),
            "http.host" => Ok(Self::Host),
            "http.path" => Ok(Self::Path),
            "http.path.segments.len" => Ok(Self::SegmentCount),
            _ => Self::of_family(name),
        }
    }

    fn of_family(name: &str) -> Result<Self, NoField> {
        let (family, member) = name.rsplit_once('.').ok_or(NoField::Unknown)?;
        match family {
            _ if member.is_empty() => Err(NoField::Unknown),
            "http.headers" => Ok(Self::Header(member.to_ascii_lowercase().into())),
            "http.queries" => Ok(Self::Query(member.into())),
            "http.path.segments" => segments(member).ok_or(NoField::Segments),
            _ => Err(NoField::Unknown),
        }
    }

    pub(super) fn kind(&self) -> Type {
        match self {
            Self::Protocol | Self::Sni | Self::Method | Self::Host | Self::Path => Type::Text,
            Self::Segments(..) | Self::Header(_) | Self::Query(_) => Type::Text,
            Self::SegmentCount | Self::SourcePort | Self::DestinationPort => Type::Number,
            Self::SourceIp | Self::DestinationIp => Type::Address,
        }
    }
}

/// `3`, or `1_3` for three of them.
fn segments(member: &str) -> Option<Field> {
    let number = |text: &str| {
        let is_plain =
            text.bytes().all(|digit| digit.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if is_plain { text.parse::<usize>().ok() } else { None }
    };
    let Some((first, last)) = member.split_once('_') else {
        return number(member).map(|only| Field::Segments(only, only));
    };
    let (first, last) = (number(first)?, number(last)?);
    (first < last).then_some(Field::Segments(first, last))
}
