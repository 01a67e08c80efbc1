//! Programs with jumps longer than a conditional jump reaches.

use super::*;

/// `count` numbers, each with an argument check of its own.
fn checked(count: u32) -> Policy {
    let calls = (0..count).map(|nr| {
        let value = u64::from(nr) * 7 + 1;
        (nr, when(Condition::All(vec![word32(0, &[(value, value + 1)]), word32(1, &[(value, value)])])))
    });
    policy([(Abi::X86_64, calls.collect())])
}

#[test]
fn jumps_over_255_instructions() {
    for count in [60, 120, 300] {
        let program = compile(&checked(count));
        assert!(program.instructions.len() > 255, "{}", program.instructions.len());
    }
}

#[test]
fn jumps_in_programs_of_thousands() {
    let program = compile(&checked(500));
    assert!(program.instructions.len() > 2000, "{}", program.instructions.len());
    assert!(converted_length(&program) > program.instructions.len());
    let program = compile(&commands(2500));
    assert!(program.instructions.len() > 2500, "{}", program.instructions.len());
}

/// A trampoline is needed where a far step isn't a return: many numbers share one large argument tree.
#[test]
fn far_shared_code_is_reached() {
    let ranges: Vec<_> = (0..300_u64).map(|index| (index * 5, index * 5 + 1)).collect();
    let calls = (0..700).map(|nr| (nr * 2, if nr % 25 == 0 { when(word64(0, &ranges)) } else { always(Action::Log) }));
    let policy = policy([(Abi::X86_64, calls.collect()), (Abi::X86, checked(100).abis[&Abi::X86_64].calls.clone())]);
    let program = compile(&policy);
    assert!(program.instructions.iter().any(|instruction| instruction.code == op::JMP | op::JA));
}
