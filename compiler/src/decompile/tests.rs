use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::abi::X32_BIT;
use crate::bpf::{Instruction, assemble, op};
use crate::condition::{Atom, Width};
use crate::generate::generate;
use crate::prove::{self, Budget, Filter, Verdict, WordOrder};
use crate::samples;

fn proven(policy: &Policy, program: &Program) -> Verdict {
    prove::policy_equals_program(policy, program, Budget::default())
}

#[track_caller]
fn back(program: &Program) -> Policy {
    let policy = decompile(program, Endian::Little).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(proven(&policy, program), Verdict::Holds, "{policy:#?}");
    policy
}

/// The clauses of one number's decision as text, for a look at their shape.
fn shape(policy: &Policy, abi: Abi, nr: u32) -> String {
    let call = &policy.abis[&abi].calls[&nr];
    let clauses: Vec<String> = call
        .clauses
        .iter()
        .map(|clause| format!("{} if {}", clause.decision.action, said(&clause.condition)))
        .collect();
    format!("{}; else {}", clauses.join("; "), call.otherwise.action)
}

fn said(condition: &Condition) -> String {
    let list =
        |parts: &[Condition], between: &str| format!("({})", parts.iter().map(said).collect::<Vec<_>>().join(between));
    match condition {
        Condition::Always => "always".to_owned(),
        Condition::Not(inner) => format!("not {}", said(inner)),
        Condition::All(parts) => list(parts, " and "),
        Condition::Any(parts) => list(parts, " or "),
        Condition::Atom(Atom { arg, width, mask, values }) => {
            let bits = if *width == Width::W32 { 32 } else { 64 };
            let mask = if *mask == Width::max(*width) { String::new() } else { format!("&{mask:#x}") };
            let other = values.complement(Width::max(*width));
            if mask.is_empty() && other.ranges().len() < values.ranges().len() {
                return format!("arg{arg}:{bits} not in {:x?}", other.ranges());
            }
            format!("arg{arg}:{bits}{mask} in {:x?}", values.ranges())
        }
    }
}

fn program(text: &str) -> Program {
    assemble(text).unwrap()
}

/// A filter for x86-64 that does this with call 1, allows all else and kills x32 and other machines.
fn about_one_call(body: &str) -> Program {
    program(&format!(
        "ld [4]\njne #0xc000003e, kill\nld [0]\njge #0x40000000, high\njeq #1, one\nja allow\n\
         high:\njeq #0xffffffff, allow, kill\none:\n{body}\nallow:\nret #0x7fff0000\ndeny:\nret #0x50001\nkill:\nret #0x80000000\n"
    ))
}

#[test]
fn conditions_are_told_by_their_meaning() {
    for (body, expected) in [
        ("ld [16]\njeq #5, deny, allow", "errno(1) if arg0:32 in [(5, 5)]; else allow"),
        ("ld [20]\njne #0, deny\nld [16]\njeq #5, allow, deny", "errno(1) if arg0:64 not in [(5, 5)]; else allow"),
        // Masks.
        ("ld [16]\njset #0x7e020000, deny, allow", "errno(1) if not arg0:32&0x7e020000 in [(0, 0)]; else allow"),
        ("ld [24]\nand #0xf\njeq #3, deny, allow", "errno(1) if arg1:32&0xf in [(3, 3)]; else allow"),
        // A list, told through a search tree, a chain or a mask.
        (
            "ld [16]\njge #3, up\njeq #1, deny, allow\nup:\njeq #3, deny\njeq #7, deny, allow",
            "errno(1) if arg0:32 in [(1, 1), (3, 3), (7, 7)]; else allow",
        ),
        // The same through X, scratch memory and arithmetic.
        (
            "ldx #5\nld [16]\nst M[3]\nld #7\nldx M[3]\ntxa\nadd #1\nsub #1\nneg\nneg\nxor #0\njeq #5, deny, allow",
            "errno(1) if arg0:32 in [(5, 5)]; else allow",
        ),
        ("ld [16]\nrsh #4\njeq #1, deny, allow", "errno(1) if arg0:32 in [(10, 1f)]; else allow"),
        ("ld [16]\ndiv #10\njeq #1, deny, allow", "errno(1) if arg0:32 in [(a, 13)]; else allow"),
        ("ld [16]\nmul #3\njeq #9, deny, allow", "errno(1) if arg0:32 in [(3, 3)]; else allow"),
        // Both halves at once.
        ("ldx [16]\nld [20]\nor x\njeq #0, deny, allow", ""),
        // Two arguments.
        (
            "ld [16]\njne #1, allow\nld [24]\njeq #2, deny, allow",
            "errno(1) if (arg0:32 in [(1, 1)] and arg1:32 in [(2, 2)]); else allow",
        ),
        (
            "ld [16]\njeq #1, deny\nld [24]\njeq #2, deny, allow",
            "errno(1) if arg1:32 in [(2, 2)]; errno(1) if arg0:32 in [(1, 1)]; else allow",
        ),
        ("ld [16]\nret a", ""),
        ("ld [16]\nand #0xff\nor #0x50000\nret a", ""),
        ("ld #len\njeq #64, deny, allow", "; else errno(1)"),
        ("ld [16]\nldx [24]\ndiv x\njgt #3, deny, allow", ""),
    ] {
        let body = body.replace("ldx [16]", "ld [16]\ntax").replace("ldx [24]", "st M[0]\nld [24]\ntax\nld M[0]");
        let program = about_one_call(&body);
        match decompile(&program, Endian::Little) {
            Ok(policy) => {
                assert_eq!(proven(&policy, &program), Verdict::Holds, "{body}");
                if !expected.is_empty() {
                    assert_eq!(shape(&policy, Abi::X86_64, 1), expected, "{body}");
                }
            }
            Err(error) => assert!(expected.is_empty(), "{body}: {error}"),
        }
    }
}

#[test]
fn what_no_policy_says_is_named() {
    let error = |body: &str| decompile(&about_one_call(body), Endian::Little).unwrap_err();
    assert_eq!(error("ld [8]\njeq #5, deny, allow"), DecompileError::InstructionPointer);
    let two = "ld [16]\ntax\nld [24]\njeq x, deny, allow";
    assert!(matches!(error(two), DecompileError::TwoWords(_) | DecompileError::TooComplex(_)));
    let scattered = program("ld [0]\njset #1, a, b\na:\nret #0\nb:\nret #0x7fff0000\n");
    assert_eq!(decompile(&scattered, Endian::Little), Err(DecompileError::Scattered("numbers")));
    assert!(matches!(decompile(&Program::default(), Endian::Little), Err(DecompileError::Refused(_))));
}

#[test]
fn a_filter_that_never_looks_at_the_token_is_read_for_some_machine() {
    let program = program("ld [0]\njeq #60, a, b\na:\nret #0x7fff0000\nb:\nret #0\n");
    assert!(matches!(decompile(&program, Endian::Little), Err(DecompileError::Beyond(_))));
    let Decompiled { policy, beyond } = decompile_for(&program, Endian::Little, &[Abi::X86_64]).unwrap();
    assert_eq!(policy.abis.keys().collect::<Vec<_>>(), [&Abi::X86_64]);
    assert_eq!(policy.foreign.keys().collect::<Vec<_>>(), [&Abi::X32]);
    assert_eq!(
        beyond,
        [Beyond::Tokens { tokens: (0, 0xc000_003d) }, Beyond::Tokens { tokens: (0xc000_003f, u32::MAX) }]
    );
    assert_eq!(policy.abis[&Abi::X86_64].calls[&60].otherwise.action, Action::Allow);
    assert_eq!(policy.abis[&Abi::X86_64].rest.action, Action::KillThread);
}

/// As Chromium does: x32 is a bit of the number there, so numbers from bit 31 up without bit 30 aren't x32's.
#[test]
fn numbers_no_kernel_has_may_go_another_way() {
    let program = program(
        "ld [4]\njne #0xc000003e, kill\nld [0]\njset #0x40000000, kill, next\nnext:\njeq #0, allow\nret #0x50026\n\
         allow:\nret #0x7fff0000\nkill:\nret #0x80000000\n",
    );
    let Decompiled { policy, beyond } = decompile_for(&program, Endian::Little, &[]).unwrap();
    assert_eq!(beyond, [Beyond::Numbers { abi: Abi::X32, numbers: (0x8000_0000, 0xbfff_ffff) }]);
    let differences = prove::differences(
        prove::Relation::Equal,
        Filter::Policy(&policy),
        Filter::Program(&program, WordOrder::of(&policy)),
        9,
        Budget::default(),
    )
    .unwrap();
    assert_eq!(differences.ranges.len(), 1);
    assert_eq!(differences.ranges[0].numbers, (0x8000_0000, 0xbfff_ffff));
}

#[test]
fn filters_that_do_one_thing() {
    let policy = back(&program("ret #0x7fff0000"));
    assert_eq!((policy.other.action, policy.abis.len()), (Action::Allow, 1));
    let policy = back(&program("ld [4]\njeq #0x40000003, a, b\na:\nret #0x50001\nb:\nret #0x7fff0000\n"));
    assert_eq!((policy.foreign.len(), policy.abis.keys().collect::<Vec<_>>()), (0, vec![&Abi::X86]));
}

#[test]
fn a_policy_like_dockers_comes_back_as_it_was() {
    for abis in [&[Abi::X86_64][..], &[Abi::X86_64, Abi::X86, Abi::X32], Abi::ALL] {
        let policy = samples::docker_like(abis);
        let decompiled = back(&generate(&policy).unwrap());
        assert_eq!(prove::policies_equal(&policy, &decompiled, Budget::default()), Verdict::Holds);
        let clauses = |policy: &Policy| -> usize {
            policy.abis.values().flat_map(|abi| abi.calls.values()).map(|call| call.clauses.len()).sum()
        };
        assert!(clauses(&decompiled) <= clauses(&policy), "{abis:?}");
    }
}

#[test]
fn long_lists_stay_lists() {
    let policy = samples::commands(200);
    let decompiled = back(&generate(&policy).unwrap());
    assert_eq!(decompiled.abis[&Abi::X86_64].calls[&16].clauses, policy.abis[&Abi::X86_64].calls[&16].clauses);
}

/// Another constant, another jump, another operation.
fn mutated(program: &Program, at: usize, change: u8, value: u32) -> Program {
    let mut instructions = program.instructions.clone();
    let at = at % instructions.len();
    let Instruction { code, jt, jf, k } = &mut instructions[at];
    match change % 6 {
        0 => *k = k.wrapping_add(1),
        1 => *k ^= 1 << (value % 32),
        2 => std::mem::swap(jt, jf),
        3 => *jt = jt.wrapping_add(1),
        4 if *code & 0x07 == op::JMP && *code != op::JMP => {
            *code = op::JMP | [op::JEQ, op::JGT, op::JGE, op::JSET][value as usize % 4];
        }
        4 => *k = value,
        _ => *jf = jf.wrapping_sub(1),
    }
    Program::new(instructions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn compiled_policies_come_back(policy in samples::policies()) {
        let Ok(program) = generate(&policy) else { return Ok(()) };
        let decompiled = decompile(&program, Endian::Little).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(prove::policies_equal(&policy, &decompiled, Budget::default()), Verdict::Holds);
        // Near the kernel's limit, what is said in another way can be too long.
        let Ok(again) = generate(&decompiled) else { return Ok(()) };
        prop_assert_eq!(proven(&policy, &again), Verdict::Holds);
    }

    #[test]
    fn a_policy_depends_on_the_meaning_alone(call in samples::call_policies()) {
        let policy = samples::policy([(Abi::X86_64, BTreeMap::from([(9, call)]))]);
        let Ok(program) = generate(&policy) else { return Ok(()) };
        let once = decompile(&program, Endian::Little).map_err(|error| TestCaseError::fail(error.to_string()))?;
        // Near the kernel's limit, what is said in another way can be too long.
        let Ok(other) = generate(&once) else { return Ok(()) };
        prop_assert_eq!(decompile(&other, Endian::Little), Ok(once));
    }

    #[test]
    fn changed_programs_are_read_as_they_are(
        policy in samples::policies(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u32>()), 1..4),
    ) {
        let Ok(program) = generate(&policy) else { return Ok(()) };
        let program = changes.into_iter().fold(program, |program, (at, change, value)| mutated(&program, at, change, value));
        if let Ok(policy) = decompile(&program, Endian::Little) {
            prop_assert_eq!(proven(&policy, &program), Verdict::Holds);
        }
    }

    #[test]
    fn numbers_of_x32_are_its_own(numbers in prop::collection::btree_map(any::<u32>(), samples::call_policies(), 0..9)) {
        let calls = numbers.into_iter().map(|(nr, call)| ((nr | X32_BIT).min(u32::MAX - 1), call)).collect();
        let policy = samples::policy([(Abi::X32, calls)]);
        let Ok(program) = generate(&policy) else { return Ok(()) };
        let decompiled = decompile(&program, Endian::Little).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(prove::policies_equal(&policy, &decompiled, Budget::default()), Verdict::Holds);
    }
}
