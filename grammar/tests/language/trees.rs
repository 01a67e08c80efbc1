//! What each form of the language is as a tree.

use callgate_grammar::{SourceId, Sources, parse, parse_call, parse_verb};

use crate::shape;

#[track_caller]
fn check(text: &str, expected: &str) {
    let (file, diagnostics) = parse(SourceId(0), text);
    assert_eq!(diagnostics, [], "in {text:?}");
    assert_eq!(shape::statements(&file.statements), expected);
}

/// A condition, seen through the call it stands in.
#[track_caller]
fn check_condition(text: &str, expected: &str) {
    check(&format!("allow: f({text})"), &format!("(allow f[{expected}])"));
}

/// The example of the design page, whole.
const EXAMPLE: &str = r#"# web.gate
arch: x86_64, aarch64                 # ABIs this policy speaks for; any other ABI is killed
deny: all                             # the default: errno(EPERM)
known: 6.12                           # numbers newer than this kernel answer ENOSYS, so libc can fall back

use: @glibc                           # a shipped policy; use: "base/glibc.gate" reads a file
let PUBLIC = {AF_UNIX, AF_INET, AF_INET6}

allow: read, write, close, @signals, @memory
allow: socket(family in PUBLIC, type & 0xf != SOCK_RAW)
allow: clone(flags lacks CLONE_NEWNS|CLONE_NEWUSER|CLONE_NEWPID)
allow: ioctl(cmd in {FIONBIO, FIONREAD, 0x5401..0x5408})
allow: personality(persona in {0, 8, 0xffffffff}), prctl(option == PR_SET_NAME || option == PR_GET_NAME)
errno(ENOSYS): clone3
kill: process_vm_writev
log: mknodat
kill: arch x86                        # an unlisted ABI with an action of its own

when cap SYS_ADMIN and not arch s390x { allow: mount, umount2 }
when kernel >= 4.8 { allow: ptrace }

expect: socket(AF_VSOCK, SOCK_STREAM, 0) => errno(EPERM)      # a test inside the policy
expect on x86_64: read => allow
"#;

const EXAMPLE_TREE: &str = r"(arch x86_64 aarch64)
(deny *all*)
(known 6.12)
(use (shipped glibc))
(let PUBLIC {AF_UNIX AF_INET AF_INET6})
(allow read write close @signals @memory)
(allow socket[(family in PUBLIC), ((type & 15) != SOCK_RAW)])
(allow clone[(flags lacks ((CLONE_NEWNS | CLONE_NEWUSER) | CLONE_NEWPID))])
(allow ioctl[(cmd in {FIONBIO FIONREAD (21505 .. 21512)})])
(allow personality[(persona in {0 8 4294967295})] prctl[((option == PR_SET_NAME) || (option == PR_GET_NAME))])
(errno:ENOSYS clone3)
(kill process_vm_writev)
(log mknodat)
(kill (arch x86))
(when [(cap SYS_ADMIN) (not arch s390x)] (allow mount umount2))
(when [(kernel >= 4.8)] (allow ptrace))
(expect [] socket[AF_VSOCK, SOCK_STREAM, 0] => errno:EPERM)
(expect [x86_64] read => allow)";

#[test]
fn the_example_of_the_design() {
    check(EXAMPLE, EXAMPLE_TREE);
    check(&EXAMPLE.replace('\n', "\r\n"), EXAMPLE_TREE);
    check(&format!("\u{feff}{EXAMPLE}"), EXAMPLE_TREE);
}

#[test]
fn comments_are_kept_to_before_the_line_end() {
    let text = "# one\r\nallow: read # \"two\"\nuse: \"a#b\"\n#";
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let (file, _) = parse(source, text);
    let comments: Vec<&str> = file.comments.iter().map(|&comment| sources.snippet(comment)).collect();
    assert_eq!(comments, ["# one", "# \"two\"", "#"]);
}

#[test]
fn spans_cover_what_was_written() {
    let text = "allow: read\n when cap X {  kill: f( (a == 1, b) ) , g }  # x\n";
    let mut sources = Sources::default();
    let source = sources.add("test", text);
    let (file, _) = parse(source, text);
    let covered: Vec<&str> = file.statements.iter().map(|statement| sources.snippet(statement.span)).collect();
    assert_eq!(covered, ["allow: read", "when cap X {  kill: f( (a == 1, b) ) , g }"]);
}

#[test]
fn operator_spans_hold_the_operator_only() {
    let text = "allow: f(a   <   1)";
    let (file, _) = parse(SourceId(0), text);
    let shown = format!("{:?}", file.statements);
    assert!(shown.contains("Lt, span: Span { source: SourceId(0), start: 13, end: 14 }"), "{shown}");
}

#[test]
fn statements() {
    check("", "");
    check("# nothing\n\n", "");
    check("flags: LOG, SPEC_ALLOW", "(flags LOG SPEC_ALLOW)");
    check(r#"listener: "/run/x.sock""#, r#"(listener "/run/x.sock")"#);
    check(r#"listener: "a\"b\\c""#, r#"(listener "a\"b\\c")"#);
    check(r#"listener-metadata: "web""#, r#"(listener-metadata "web")"#);
    check(r#"use: @runc-1.2, "base/glibc.gate""#, r#"(use (shipped runc-1.2) (path "base/glibc.gate"))"#);
    check("let MASK = ~0xf & -1", "(let MASK ((~ 15) & (- 1)))");
    check("expect on x86_64, arm: read, getpid() => trap(7)", "(expect [x86_64 arm] read getpid[] => trap:7)");
    check("expect: socket(family == AF_UNIX) => deny", "(expect [] socket[(family == AF_UNIX)] => deny)");
}

#[test]
fn verbs() {
    for (text, verb) in [
        ("allow", "allow"),
        ("deny", "deny"),
        ("errno(38)", "errno:38"),
        ("errno( ENOSYS )", "errno:ENOSYS"),
        ("kill", "kill"),
        ("kill-thread", "killthread"),
        ("trap", "trap"),
        ("trap(0x10)", "trap:16"),
        ("trace", "trace"),
        ("trace(0)", "trace:0"),
        ("log", "log"),
        ("notify", "notify"),
    ] {
        check(&format!("{text}: read"), &format!("({verb} read)"));
        assert_eq!(parse_verb(SourceId(0), text).map(|verb| shape::verb(&verb.node)), Ok(verb.to_owned()));
    }
}

#[test]
fn targets() {
    check("allow: 41, 0x29, read, @file-system", "(allow 41 41 read @file-system)");
    check("kill: all, unknown, arch x86, arch other", "(kill *all* *unknown* (arch x86) (arch other))");
    check("allow: allow, unknown_call, arch_prctl, all_", "(allow allow unknown_call arch_prctl all_)");
    check("allow: 41(arg0 == 1)", "(allow 41[(arg0 == 1)])");
    check("allow:read,write", "(allow read write)");
}

#[test]
fn guards() {
    check(
        "when not cap CAP_SYS_ADMIN { }\nallow: a".replace("{ }", "{ log: b }").as_str(),
        "(when [(not cap CAP_SYS_ADMIN)] (log b))\n(allow a)",
    );
    check(
        "when kernel<4.8 and arch x86 {\n  allow: a # x\n\n  log: b\n}",
        "(when [(kernel < 4.8) (arch x86)] (allow a) (log b))",
    );
    check("when cap A { when arch b { allow: c }\n }", "(when [(cap A)] (when [(arch b)] (allow c)))");
}

#[test]
fn a_statement_goes_on_after_a_comma_and_inside_brackets() {
    check("allow: a,\n  b, # why\n\n  # more\n  c", "(allow a b c)");
    check("allow: f(\n  x == 1, # why\n  y == 2\n), g", "(allow f[(x == 1), (y == 2)] g)");
    check("let A = {\n  1,\n  2,\n}", "(let A {1 2})");
    check(
        "allow: f(\n  flags has X,\n  log in {1},\n  known == 2)",
        "(allow f[(flags has X), (log in {1}), (known == 2)])",
    );
}

#[test]
fn numbers() {
    check_condition("41, 0x29, 0X2a, 0o51, 0b10_1001", "41, 41, 42, 41, 41");
    check_condition("0, 00, 1_000, 0xffff_ffff_ffff_ffff", "0, 0, 1000, 18446744073709551615");
    check_condition("5..9", "(5 .. 9)");
}

#[test]
fn precedence() {
    check_condition("-a & b", "((- a) & b)");
    check_condition("~-1", "(~ (- 1))");
    check_condition("a | b & c", "(a | (b & c))");
    check_condition("a & b | c", "((a & b) | c)");
    check_condition("a|b..c&d", "((a | b) .. (c & d))");
    check_condition("a & b == c | d", "((a & b) == (c | d))");
    check_condition("a in 1..2", "(a in (1 .. 2))");
    check_condition("!flags has X", "(! (flags has X))");
    check_condition("!!a", "(! (! a))");
    check_condition("!a && b", "((! a) && b)");
    check_condition("a || b && c || d", "((a || (b && c)) || d)");
    check_condition("a && !b == 1 || c", "((a && (! (b == 1))) || c)");
    check_condition("(a || b) && c", "((a || b) && c)");
    check_condition("(a < b) == c", "((a < b) == c)");
    check_condition("a != b, c >= d, e > f, g <= h, i < j", "(a != b), (c >= d), (e > f), (g <= h), (i < j)");
}

#[test]
fn a_comma_in_nested_parentheses_is_an_and() {
    check_condition("(a, b, c)", "((a && b) && c)");
    check_condition("x, !(a, b || c)", "x, (! (a && (b || c)))");
}

#[test]
fn words_do_not_split_names() {
    check_condition("inode == 1, a in in_x", "(inode == 1), (a in in_x)");
    check_condition("hash has has_y, lacks_ lacks raw", "(hash has has_y), (lacks_ lacks raw)");
    check_condition("notes, android, order", "notes, android, order");
    check_condition("raw == 1, raw(arg1) == 2, raws", "(raw == 1), (raw:arg1 == 2), raws");
    check_condition("a in{1}", "(a in {1})");
}

#[test]
fn a_call_alone() {
    let call = |text| parse_call(SourceId(0), text).map(|call| shape::call(&call));
    assert_eq!(call("socket(AF_UNIX, SOCK_STREAM, 0)"), Ok("socket[AF_UNIX, SOCK_STREAM, 0]".to_owned()));
    assert_eq!(call(" 41 "), Ok("41".to_owned()));
    assert_eq!(call("getpid()\n"), Ok("getpid[]".to_owned()));
    for bad in ["", "a b", "a(", "a)", "@x", "all", "a(1 = 2)", "a, b", "a(99999999999999999999)", "{", "a(\"", "a;b"] {
        let errors = call(bad).expect_err(bad);
        assert!(errors.iter().all(callgate_grammar::Diagnostic::is_error) && !errors.is_empty(), "{bad}: {errors:?}");
    }
}

#[test]
fn a_verb_alone() {
    for bad in ["", "alow", "errno", "errno()", "allow: read", "deny(EPERM)", "trap(x)", "kill-process"] {
        assert!(parse_verb(SourceId(0), bad).is_err_and(|errors| !errors.is_empty()), "{bad}");
    }
}
