//! LXC's policies, out.

use super::*;

#[test]
fn lxc_reads_this() {
    let gate = "arch: x86_64, x86, x32\ndeny: all\nallow: read, socket(raw(arg0) & 0xffffffff in {1, 2})\nerrno(ENOSYS): clone3, socketcall\nkill-thread: ptrace\n";
    let text = written(&lowered(gate, &[]), export::Format::Lxc);
    assert_eq!(
        text,
        "2\nallowlist errno 1\n[all]\nclone3 errno 38\nptrace kill\nread allow\nsocket allow [0,0x1,&=,0xffffffff]\n\
             socket allow [0,0x2,&=,0xffffffff]\nsocketcall errno 38\n"
    );
    assert_eq!(import::Format::of(&text), Some(import::Format::Lxc));
    let refused =
        export(&lowered("kill: all\nallow: read", &[Abi::X86_64]), &Program::default(), export::Format::Lxc, &EXACT);
    assert!(refused.unwrap_err().to_string().contains("`all` is kill"), "no such action");
}

const NAMES: &[&str] = &["read", "kill", "ioctl", "openat", "clone", "umount2"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_written_means_the_same(drawn in some_policy_of(Abi::X86_64, NAMES)) {
        let mut policy_in = drawn.0;
        let rest = policy_in.abis[&Abi::X86_64].rest.action;
        let text = match export(&policy_in, &Program::default(), export::Format::Lxc, &EXACT) {
            Ok(export) => String::from_utf8(export.bytes).unwrap(),
            Err(
                export::ExportError::Differs { .. }
                | export::ExportError::TooManyRules { .. }
                | export::ExportError::NotReadBack { .. },
            ) => return Ok(()),
            Err(other) => panic!("{other}"),
        };
        policy_in.abis.get_mut(&Abi::X86_64).unwrap().rest = decision(rest);
        proven_equal(&policy_in, &policy(import::Format::Lxc, &text), &text);
    }
}
