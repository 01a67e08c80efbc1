//! Numbers, versions and strings: what their digits and escapes stand for.

use super::build::{Builder, Pair};
use crate::tree::Version;
use crate::{Diagnostic, Spanned, codes};

impl Builder<'_> {
    /// A number as written; what is no number is reported and read as 0.
    pub(super) fn number(&self, pair: &Pair<'_>) -> u64 {
        let written = pair.as_str();
        let (digits, radix) = match written.as_bytes() {
            [b'0', b'x' | b'X', ..] => (&written[2..], 16),
            [b'0', b'o' | b'O', ..] => (&written[2..], 8),
            [b'0', b'b' | b'B', ..] => (&written[2..], 2),
            _ => (written, 10),
        };
        let digits = digits.replace('_', "");
        let without_zeros = digits.trim_start_matches('0');
        let looks_octal = radix == 10 && digits.starts_with('0') && !without_zeros.is_empty();
        if digits.is_empty() || looks_octal || !digits.chars().all(|digit| digit.is_digit(radix)) {
            let help = if looks_octal && digits.chars().all(|digit| digit.is_digit(8)) {
                format!("write 0o{without_zeros} for octal, {without_zeros} for decimal")
            } else {
                "numbers are written 41, 0x29, 0o51 or 0b10_1001".to_owned()
            };
            self.report.push(
                Diagnostic::error(codes::BAD_NUMBER, "these digits make no number").at(self.span(pair), "").help(help),
            );
            return 0;
        }
        u64::from_str_radix(&digits, radix).unwrap_or_else(|_| {
            self.report.push(
                Diagnostic::error(codes::NUMBER_TOO_LARGE, "this number does not fit 64 bits")
                    .at(self.span(pair), "")
                    .help("the largest is 0xffff_ffff_ffff_ffff"),
            );
            0
        })
    }

    /// A kernel version; parts over 65,535 are reported and read as 0.
    pub(super) fn version(&self, pair: &Pair<'_>) -> Spanned<Version> {
        let (major, minor) = pair.as_str().split_once('.').unwrap_or((pair.as_str(), "0"));
        let version = match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) => Version { major, minor },
            _ => {
                self.report.push(
                    Diagnostic::error(codes::BAD_VERSION, "no kernel has this version")
                        .at(self.span(pair), "")
                        .help("write MAJOR.MINOR, 6.12 for instance"),
                );
                Version { major: 0, minor: 0 }
            }
        };
        Spanned::new(version, self.span(pair))
    }

    /// What stands between the quotes, escapes resolved.
    pub(super) fn string(&self, pair: &Pair<'_>) -> Spanned<String> {
        let written = pair.as_str();
        let inside = written.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(written);
        let mut text = String::with_capacity(inside.len());
        let mut characters = inside.char_indices();
        while let Some((at, character)) = characters.next() {
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                other => {
                    let length = 1 + other.map_or(0, |(_, escaped)| escaped.len_utf8());
                    let start = self.base + pair.as_span().start() + 1 + at;
                    self.report.push(
                        Diagnostic::error(codes::BAD_ESCAPE, "only `\\\"` and `\\\\` can be escaped in a string")
                            .at(self.report.span(start, start + length), "")
                            .help("write `\\\\` for a backslash"),
                    );
                }
            }
        }
        Spanned::new(text, self.span(pair))
    }
}
