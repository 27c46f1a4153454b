//! Bytes as hexadecimal text, and back.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use serde::{Deserialize, Deserializer, Serializer, de, ser};

pub(crate) fn write(bytes: &[u8], f: &mut impl Write) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// `None` for anything but `2 * N` lower-case digits.
pub(crate) fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair
            .iter()
            .try_fold(0, |value, digit| Some(value << 4 | nibble(*digit)?))?;
    }
    Some(bytes)
}

/// Writes `bytes` as a string.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(2 * bytes.len());
    write(bytes, &mut text).map_err(ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    read(&text).ok_or_else(|| de::Error::custom("not hexadecimal, or of another length"))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
