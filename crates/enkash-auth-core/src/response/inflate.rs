use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use zeroize::Zeroizing;

use super::{TokenResponse, content::Extent};

/// Inflates `bytes`, to at most [`TokenResponse::MAX_BODY`]; `None` if they are not compressed.
///
/// Gzip is recognised by its first two bytes, since gateways drop or keep `Content-Encoding` as they like.
/// `deflate` is zlib's format (RFC 9110 section 8.4.1.2), or the bare one.
pub(super) fn inflate(bytes: &[u8], is_deflate: bool) -> Option<(Zeroizing<Vec<u8>>, Extent)> {
    match bytes {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(bytes)),
        // Inflated already on the way here.
        _ if !is_deflate || bytes.trim_ascii_start().starts_with(b"{") => None,
        [method, flags, ..]
            if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0 =>
        {
            read(ZlibDecoder::new(bytes))
        }
        _ => read(DeflateDecoder::new(bytes)),
    }
}

/// Reads to the end or the limit; `None` if an error came before any byte.
fn read(mut decoder: impl Read) -> Option<(Zeroizing<Vec<u8>>, Extent)> {
    // Allocated in full: growing would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; TokenResponse::MAX_BODY]);
    let mut filled = 0;
    let extent = loop {
        let room = bytes.get_mut(filled..).unwrap_or_default();
        let is_full = room.is_empty();
        let read = match room {
            [] => decoder.read(&mut [0]),
            room => decoder.read(room),
        };
        match read {
            Ok(0) => break Extent::Complete,
            Ok(_) if is_full => {
                filled = 0;
                break Extent::TooLarge;
            }
            Ok(more) => filled += more,
            Err(_) if filled == 0 => return None,
            Err(_) => break Extent::Truncated,
        }
    };
    bytes.truncate(filled);
    Some((bytes, extent))
}
