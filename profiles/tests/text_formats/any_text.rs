//! Any text of any of them is answered.

use super::*;

/// Something of every format.
const SAMPLES: &[(import::Format, &str)] = &[
    (
        import::Format::Kafel,
        "#define A 0x1\nPOLICY p { ALLOW { read, write(a, b) { (a & A) == 1 && !(b > 2), a != 3 } }, ERRNO(1) { SYSCALL[-1] ON { x86, arm } } }\nUSE p DEFAULT KILL // end",
    ),
    (
        import::Format::Minijail,
        "@default trap\n@include ./a\n{ read[arch=x86], write }: { arg0 in ~(1|PROT_EXEC) && arg1 & 4; return EPERM, 1 }\nopen: arg1 == 0x1 \\\n || arg2 != 3\n",
    ),
    (
        import::Format::Systemd,
        "[Service]\nSystemCallFilter=~@mount read:EPERM \\\n write\nSystemCallErrorNumber=kill\nSystemCallArchitectures=native x86\nSystemCallLog=read\n",
    ),
    (
        import::Format::Lxc,
        "2\nallowlist errno 1\n[x86_64]\nread allow [0,0x1,&=,0xf][1,2,SCMP_CMP_GT]\nreject_force_umount\n",
    ),
    (
        import::Format::Firejail,
        "seccomp.block-secondary\nseccomp-error-action EPERM\nseccomp.keep @basic-io,!read,$5:ENOSYS,write:kill\n",
    ),
    (
        import::Format::Pfc,
        "# pseudo filter code start\n# filter for arch x86_64 (3221225534)\nif ($arch == 3221225534)\n  if ($syscall == 1)\n    if ($a0.hi32 & 0x0000000f == 1)\n      action ALLOW;\n    else\n      action TRACE(3);\n  # default action\n  action ERRNO(1);\n# invalid architecture action\naction KILL;\n",
    ),
];

#[test]
fn the_samples_are_read() {
    for (format, text) in SAMPLES {
        let imported = read(*format, text, &[("./a", "close: 1\n")]);
        assert!(imported.file.is_some(), "{format}: {:#?}", imported.diagnostics);
        assert_eq!(import::Format::of(text), Some(*format), "{text}");
    }
}

/// A text, cut and put together again.
fn mutated() -> impl Strategy<Value = (import::Format, String)> {
    let edits = proptest::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5_u8, "\\PC{0,3}"),
        1..6,
    );
    (prop::sample::select(SAMPLES), edits).prop_map(|((format, text), edits)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (from, to, kind, new) in edits {
            if characters.is_empty() {
                break;
            }
            let (one, two) = (from.index(characters.len()), to.index(characters.len()));
            let (start, end) = (one.min(two), one.max(two));
            match kind {
                0 => drop(characters.drain(start..end)),
                1 => characters.swap(start, end),
                2 => {
                    let part: Vec<char> = characters[start..end].to_vec();
                    characters.splice(start..start, part);
                }
                3 => characters.truncate(end),
                _ => drop(characters.splice(start..start, new.chars())),
            }
        }
        (format, characters.into_iter().collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_breaks_an_importer((format, text) in mutated()) {
        found(format, &text);
        let _ = import::Format::of(&text);
    }

    #[test]
    fn nor_does_any_text(text in "\\PC{0,80}", lines in proptest::collection::vec("[a-zA-Z0-9_@~#$%&|=!<>(){}\\[\\],.:; \"\\\\-]{0,30}", 0..6)) {
        for format in import::Format::ALL {
            found(*format, &text);
            found(*format, &lines.join("\n"));
        }
        let _ = import::Format::of(&text);
    }
}
