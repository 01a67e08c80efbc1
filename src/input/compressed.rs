//! Input that is compressed with zstd (RFC 8878), known by its first four bytes whatever its name is.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;

use crate::failure::Failure;

/// The magic number of a frame, as it lies in the file (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// More than this isn't read: a few kilobytes can hold any number of zeros.
const MOST_BYTES: u64 = 1 << 30;

pub(super) fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// What the frames hold, one after the other, as zstd(1) reads them.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{name} can't be decompressed: {error}"))
            .help("look at it with `zstd -t`; if it was cut, write it again")
    };
    let mut text = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut decoder = StreamingDecoder::new(&mut rest).map_err(|error| broken(&error))?;
        decoder.by_ref().take(MOST_BYTES + 1).read_to_end(&mut text).map_err(|error| broken(&error))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(Failure::new(format!("{name} holds more than a gibibyte"))
                .help("split it: recordings can be given as several files"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [&b""[..], b"x", &b"abc".repeat(100_000), &(0..=255).collect::<Vec<u8>>()] {
            let compressed = compress_to_vec(text, CompressionLevel::Fastest);
            assert!(is_compressed(&compressed));
            assert_eq!(read("x", &compressed).expect("it is whole"), text);
            assert_eq!(
                read("x", &[compressed.clone(), compressed].concat()).expect("two frames"),
                [text, text].concat()
            );
        }
    }

    #[test]
    fn what_is_broken_is_said() {
        let mut compressed = compress_to_vec(&b"abc".repeat(1000)[..], CompressionLevel::Fastest);
        for end in 4..compressed.len() - 1 {
            let said = read("x", &compressed[..end]).expect_err("it was cut").to_string();
            assert!(said.contains("can't be decompressed") && said.contains("zstd -t"), "{said}");
        }
        for at in 4..compressed.len() {
            compressed[at] ^= 0xff;
            let _ = read("x", &compressed);
            compressed[at] ^= 0xff;
        }
    }
}
