//! libseccomp's pseudo filter code, in.

use super::*;

const FROM: import::Format = import::Format::Pfc;

const TEXT: &str = r#"#
# pseudo filter code start
#
# filter for arch x86_64 (3221225534)
if ($arch == 3221225534)
  # filter for syscall "UNKNOWN" (500) [priority: 65535]
  if ($syscall == 500)
    action 0x7fc00000;
  # filter for syscall "socket" (41) [priority: 65532]
  if ($syscall == 41)
    if ($a0.hi32 == 0)
      if ($a0.lo32 == 1)
        action ALLOW;
      if ($a1.lo32 & 0x0000000f == 3)
        action ERRNO(13);
    if ($a2.hi32 >= 1)
    else
      action LOG;
  # default action
  action ERRNO(1);
# filter for arch x32 (3221225534)
if ($arch == 3221225534)
  if ($syscall > 1073741829)
    if ($syscall == 1073741832)
      action ALLOW;
  else # ($syscall <= 1073741829)
    if ($syscall == 1073741824)
      action TRAP(3);
  # default action
  action ERRNO(1);
# invalid architecture action
action KILL_PROCESS;
#
# pseudo filter code end
#
"#;

#[test]
fn the_tree_is_read_in_its_order() {
    assert_eq!(import::Format::of(TEXT), Some(FROM));
    let policy = policy_on(&[Abi::X86_64, Abi::X32], FROM, TEXT, &[]);
    for (args, action) in [
        (&[1][..], Action::Allow),
        (&[2, 3], Action::Errno(13)),
        (&[2, 4], Action::Log),
        (&[2, 4, 1 << 32], Action::Errno(1)),
        (&[1 << 32 | 1, 3], Action::Log),
    ] {
        assert_eq!(done(&policy, "socket", args), action, "{args:x?}");
    }
    let nr = |nr| policy.decide(&SyscallData::new(Abi::X86_64.token(), nr, [0; 6])).action;
    assert_eq!(
        [nr(500), nr(501), nr(0x4000_0000), nr(0x4000_0008)],
        [Action::Notify, Action::Errno(1), Action::Trap(3), Action::Allow]
    );
    assert_eq!(policy.other.action, Action::KillProcess);
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let edited = |from: &str, to: &str| TEXT.replacen(from, to, 1);
    for (text, code) in [
        (edited("action LOG;", "action LOGG;"), "pfc-line!"),
        (edited("($a0.hi32 == 0)", "($a6.hi32 == 0)"), "pfc-line!"),
        (edited("    else\n", "        else\n"), "pfc-structure!"),
        (edited("if ($syscall == 500)\n", ""), "pfc-structure!"),
        (edited("if ($syscall == 500)", "if ($syscall == 1073742324)"), "pfc-structure!"),
        (edited("$arch == 3221225534", "$arch == 17"), "unknown-abi!"),
        (edited("  # default action\n  action ERRNO(1);\n", ""), "pfc-structure!"),
        (edited("action ERRNO(1);", "action ALLOW;"), "pfc-structure!"),
        ("# pseudo filter code start\n".to_owned(), "pfc-structure!"),
    ] {
        assert!(found(FROM, &text).contains(&code.to_owned()), "{code}: {:?}\n{text}", found(FROM, &text));
    }
}
