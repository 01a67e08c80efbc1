//! Programs against running them.

use proptest::prelude::*;

use super::interpreter::{instruction, jeq, ld, program, ret, run};
use crate::abi::Endian;
use crate::action::Action;
use crate::bpf::Program;
use crate::call::SyscallData;
use crate::prove::diagram::{Diagrams, Function};
use crate::prove::layout::Layout;
use crate::prove::operation::operations;
use crate::prove::{Budget, Side, Undecided, Verdict, program_within, programs_equal};

const ALLOW: Action = Action::Allow;
const EPERM: Action = Action::Errno(1);
const KILL: Action = Action::KillProcess;

/// Words at which the programs of these tests change, and some others.
pub(super) const WORDS: &[u32] =
    &[0, 1, 2, 3, 5, 7, 8, 41, 64, 0x100, 0x7fff_0000, 0x8000_0000, 0xc000_003e, 0xffff_fffe, u32::MAX];

fn some_data() -> impl Strategy<Value = SyscallData> {
    let word = || prop_oneof![4 => (0..WORDS.len()).prop_map(|index| WORDS[index]), 1 => any::<u32>()];
    let wide = move || (word(), word()).prop_map(|(high, low)| u64::from(high) << 32 | u64::from(low));
    (word(), word(), wide(), prop::array::uniform6(wide()))
        .prop_map(|(nr, arch, instruction_pointer, args)| SyscallData { nr, arch, instruction_pointer, args })
}

/// A program that the kernel accepts and that often does something: loads, arithmetic, and tests that jump to returns of
/// several actions, one of them computed. Cells 0 and 1 are written first.
fn some_program() -> impl Strategy<Value = Program> {
    let constant = || prop_oneof![4 => (0..WORDS.len()).prop_map(|index| WORDS[index]), 1 => any::<u32>()];
    let middle = (0..16_u8, 0..100_u8, any::<(u8, u8)>(), constant());
    prop::collection::vec(middle, 3..14).prop_map(|middle| {
        let end = [
            ret(ALLOW),
            ret(EPERM),
            ret(KILL),
            instruction(0x54, 0, 0, 3),
            instruction(0x44, 0, 0, 0x0005_0000),
            instruction(0x16, 0, 0, 0),
        ];
        let mut instructions = vec![ld(0), instruction(0x02, 0, 0, 0), instruction(0x03, 0, 0, 1)];
        let length = middle.len();
        for (index, (kind, pick, (jt, jf), k)) in middle.into_iter().enumerate() {
            // The farthest jump is to the start of the computed return.
            let inside = (length - index + 3) as u8;
            let of = |codes: &[u16]| codes[usize::from(pick) % codes.len()];
            instructions.push(match kind {
                0..=2 => ld([0, 0, 4, 8, 12, 16, 20, 24][usize::from(pick) % 8]),
                3 => instruction(of(&[0x00, 0x01, 0x80, 0x81, 0x07, 0x87, 0x07, 0x87]), 0, 0, k),
                4 => instruction(of(&[0x02, 0x03, 0x60, 0x61]), 0, 0, k % 2),
                5 | 6 => instruction(of(&[0x44, 0x54, 0xa4, 0x04, 0x14, 0x84, 0x54]), 0, 0, k),
                7 => instruction(of(&[0x64, 0x74, 0x34]), 0, 0, k % 31 + 1),
                8 => instruction(of(&[0x0c, 0x1c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0xac, 0x24, 0x2c]), 0, 0, k),
                9 if pick % 3 == 0 => instruction(0x06, 0, 0, k),
                _ => {
                    let code = of(&[0x15, 0x25, 0x35, 0x45, 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d]);
                    // One way is often the next instruction, so that many are reached.
                    let jf = if jf % 2 == 0 { 0 } else { jf % inside };
                    instruction(code, jt % inside, jf, k)
                }
            });
        }
        instructions.extend(end);
        Program { instructions }
    })
}

/// The function of a program, or the instruction where the budget ended.
fn function(diagrams: &mut Diagrams, program: &Program, endian: Endian) -> Result<Function, usize> {
    let operations = operations(program).unwrap();
    crate::prove::program::program(diagrams, &operations, endian).map_err(|at| at.instruction)
}

/// What a function says of a call.
fn evaluate(diagrams: &Diagrams, mut function: Function, data: &SyscallData) -> Action {
    while let Some(node) = diagrams.node(function) {
        let mut bit = SyscallData::new(0, 0, [0; 6]);
        Layout::PLAIN.set(&mut bit, node.level);
        let set = bit.arch & data.arch != 0
            || bit.nr & data.nr != 0
            || bit.instruction_pointer & data.instruction_pointer != 0
            || bit.args.iter().zip(&data.args).any(|(bit, word)| bit & word != 0);
        function = if set { node.high } else { node.low };
    }
    function.action().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_programs_function_is_what_running_it_does(
        program in some_program(),
        data in prop::collection::vec(some_data(), 24),
        big in any::<bool>(),
    ) {
        let endian = if big { Endian::Big } else { Endian::Little };
        let mut diagrams = Diagrams::new(60_000);
        let Ok(function) = function(&mut diagrams, &program, endian) else { return Ok(()) };
        for data in data {
            prop_assert_eq!(evaluate(&diagrams, function, &data), run(&program, &data, endian), "{:x?}", data);
        }
    }

    #[test]
    fn a_changed_program_is_caught_or_equal(
        program in some_program(),
        at in any::<prop::sample::Index>(),
        k in any::<u32>(),
        data in prop::collection::vec(some_data(), 24),
    ) {
        let mut changed = program.clone();
        changed.instructions[at.index(program.instructions.len())].k ^= 1 << (k % 3);
        prop_assume!(operations(&changed).is_ok());
        match programs_equal(&program, &changed, Endian::Little, Budget { nodes: 60_000 }) {
            Verdict::Holds => {
                for data in data {
                    prop_assert_eq!(run(&program, &data, Endian::Little), run(&changed, &data, Endian::Little));
                }
            }
            Verdict::Fails(witness) => {
                prop_assert_eq!(run(&program, &witness.data, Endian::Little), witness.left);
                prop_assert_eq!(run(&changed, &witness.data, Endian::Little), witness.right);
                prop_assert_ne!(witness.left, witness.right);
            }
            Verdict::Undecided(_) => {}
        }
    }

    #[test]
    fn a_small_budget_never_answers_wrongly(
        a in some_program(),
        b in some_program(),
        nodes in 0..4000_usize,
    ) {
        let verdict = programs_equal(&a, &b, Endian::Little, Budget { nodes });
        if !matches!(verdict, Verdict::Undecided(_)) {
            prop_assert_eq!(verdict, programs_equal(&a, &b, Endian::Little, Budget { nodes: 60_000 }));
        }
    }
}

fn equal(a: &Program, b: &Program) -> Verdict {
    programs_equal(a, b, Endian::Little, Budget::default())
}

/// Fails with a call on which the two really differ.
fn assert_caught(a: &Program, b: &Program) {
    let Verdict::Fails(witness) = equal(a, b) else { panic!("not caught: {a:?} {b:?}") };
    assert_eq!(run(a, &witness.data, Endian::Little), witness.left);
    assert_eq!(run(b, &witness.data, Endian::Little), witness.right);
    assert_ne!(witness.left, witness.right);
}

/// Allows these numbers on x86-64, one after the other.
fn chain(numbers: impl IntoIterator<Item = u32>) -> Program {
    let tests = numbers.into_iter().flat_map(|nr| [jeq(nr, 0, 1), ret(ALLOW)]);
    program([ld(4), jeq(0xc000_003e, 1, 0), ret(KILL), ld(0)].into_iter().chain(tests).chain([ret(EPERM)]))
}

/// Allows 0, 1, 5 and 41 on x86-64, by halves.
fn tree() -> Program {
    program([
        ld(4),
        jeq(0xc000_003e, 0, 6),
        ld(0),
        instruction(0x25, 2, 0, 1),
        ret(ALLOW),
        ret(EPERM),
        jeq(5, 1, 0),
        jeq(41, 0, 2),
        ret(ALLOW),
        ret(KILL),
        ret(EPERM),
    ])
}

#[test]
fn a_chain_equals_a_tree() {
    // The tree's first "else" of the token must kill: it jumps to the return before the last.
    let mut tree = tree();
    tree.instructions[1] = jeq(0xc000_003e, 0, 7);
    assert_eq!(equal(&chain([0, 1, 5, 41]), &tree), Verdict::Holds);
    assert_eq!(equal(&chain([41, 5, 0, 1]), &tree), Verdict::Holds);
    assert_caught(&chain([0, 1, 5]), &tree);
}

#[test]
fn every_single_change_is_caught_or_changes_nothing() {
    let mut original = tree();
    original.instructions[1] = jeq(0xc000_003e, 0, 7);
    let mut caught = 0;
    for index in 0..original.instructions.len() {
        for change in 0..20 {
            let mut changed = original.clone();
            let instruction = &mut changed.instructions[index];
            match change {
                0 => std::mem::swap(&mut instruction.jt, &mut instruction.jf),
                1 => instruction.jt += 1,
                2 => instruction.jf += 1,
                3 => instruction.jt = instruction.jt.wrapping_sub(1),
                4 => instruction.jf = instruction.jf.wrapping_sub(1),
                5 => instruction.k = instruction.k.wrapping_add(1),
                6 => instruction.k = instruction.k.wrapping_sub(1),
                7 => instruction.k = instruction.k.wrapping_add(4),
                8 => instruction.code ^= 0x10,
                9 => instruction.code ^= 0x20,
                10 => instruction.code ^= 0x40,
                11 => instruction.code ^= 0x08,
                _ => instruction.k ^= 1 << (change + 12),
            }
            if operations(&changed).is_err() || changed == original {
                continue;
            }
            if equal(&original, &changed) != Verdict::Holds {
                assert_caught(&original, &changed);
                caught += 1;
                continue;
            }
            for nr in [0, 1, 2, 3, 4, 5, 6, 7, 9, 40, 41, 42, 45, 0x4000_0005, u32::MAX] {
                for arch in [0xc000_003e, 0xc000_003d, 0xc000_003f, 0x4000_0003, 0] {
                    let data = SyscallData::new(arch, nr, [0; 6]);
                    assert_eq!(run(&original, &data, Endian::Little), run(&changed, &data, Endian::Little));
                }
            }
        }
    }
    assert!(caught > 60, "{caught}");
}

#[test]
fn the_longest_programs_are_decided() {
    let long = chain(0..2045);
    assert_eq!(long.instructions.len(), 4095);
    assert_eq!(equal(&long, &chain((0..2045).rev())), Verdict::Holds);
    let range = program([
        ld(4),
        jeq(0xc000_003e, 1, 0),
        ret(KILL),
        ld(0),
        instruction(0x25, 1, 0, 2044),
        ret(ALLOW),
        ret(EPERM),
    ]);
    assert_eq!(equal(&long, &range), Verdict::Holds);
    assert_caught(&chain(0..2044), &range);
    // Straight on, with one load and one test of an argument each: the shape of seccompiler.
    let rules = |order: &mut dyn Iterator<Item = u32>| {
        let rules = order.flat_map(|nr| [ld(0), jeq(nr, 0, 3), ld(16 + nr % 6 * 8), jeq(nr % 7, 0, 1), ret(ALLOW)]);
        program(rules.chain([ret(EPERM)]).collect::<Vec<_>>())
    };
    assert_eq!(equal(&rules(&mut (0..400)), &rules(&mut (0..400).rev())), Verdict::Holds);
}

#[test]
fn arithmetic_is_exact() {
    let test =
        |code, k, compared| program([ld(0), instruction(code, 0, 0, k), jeq(compared, 0, 1), ret(ALLOW), ret(EPERM)]);
    let is = |k| program([ld(0), jeq(k, 0, 1), ret(ALLOW), ret(EPERM)]);
    let never = program([ret(EPERM)]);
    assert_eq!(equal(&test(0x04, 5, 3), &is(0xffff_fffe)), Verdict::Holds);
    assert_eq!(equal(&test(0x14, 5, 3), &is(8)), Verdict::Holds);
    assert_eq!(equal(&test(0x84, 0, 3), &is(0xffff_fffd)), Verdict::Holds);
    assert_eq!(equal(&test(0xa4, 5, 3), &is(6)), Verdict::Holds);
    // 3 * x == 1 has one solution modulo 2^32; 2 * x == 1 has none.
    assert_eq!(equal(&test(0x24, 3, 1), &is(0xaaaa_aaab)), Verdict::Holds);
    assert_eq!(equal(&test(0x24, 2, 1), &never), Verdict::Holds);
    // x / 1000 == 4294967 is 4294967000..=2^32-1.
    let over = program([ld(0), instruction(0x35, 0, 1, 4_294_967_000), ret(ALLOW), ret(EPERM)]);
    assert_eq!(equal(&test(0x34, 1000, 4_294_967), &over), Verdict::Holds);
    let over_high = program([ld(0), instruction(0x35, 0, 1, 0xffff_fff0), ret(ALLOW), ret(EPERM)]);
    assert_eq!(equal(&test(0x34, 0xffff_fff0, 1), &over_high), Verdict::Holds);
}

#[test]
fn registers_and_memory_carry_words() {
    // A through X, a cell, X again and back, against the word itself.
    let around = program([
        ld(16),
        instruction(0x07, 0, 0, 0),
        instruction(0x03, 0, 0, 3),
        ld(0),
        instruction(0x61, 0, 0, 3),
        instruction(0x87, 0, 0, 0),
        jeq(7, 0, 1),
        ret(ALLOW),
        ret(EPERM),
    ]);
    let direct = program([ld(16), jeq(7, 0, 1), ret(ALLOW), ret(EPERM)]);
    assert_eq!(equal(&around, &direct), Verdict::Holds);
    // LEN is 64.
    let length = program([instruction(0x80, 0, 0, 0), jeq(64, 0, 1), ret(ALLOW), ret(EPERM)]);
    assert_eq!(equal(&length, &program([ret(ALLOW)])), Verdict::Holds);
    // A and X start as zero.
    let zeros = program([instruction(0x1d, 0, 1, 0), ret(ALLOW), ret(EPERM)]);
    assert_eq!(equal(&zeros, &program([ret(ALLOW)])), Verdict::Holds);
}

#[test]
fn division_by_a_zero_word_kills_the_thread() {
    let divide = program([
        ld(16),
        instruction(0x07, 0, 0, 0),
        instruction(0x00, 0, 0, 9),
        instruction(0x3c, 0, 0, 0),
        ret(ALLOW),
    ]);
    let test = program([ld(16), jeq(0, 0, 1), ret(Action::KillThread), ret(ALLOW)]);
    assert_eq!(equal(&divide, &test), Verdict::Holds);
}

#[test]
fn a_returned_word_is_what_the_kernel_makes_of_it() {
    // errno is the low 16 bits of the argument, at most 4095.
    let word = program([
        ld(16),
        instruction(0x54, 0, 0, 0xffff),
        instruction(0x44, 0, 0, 0x0005_0000),
        instruction(0x16, 0, 0, 0),
    ]);
    let Verdict::Fails(witness) = equal(&word, &program([ret(Action::Errno(4095))])) else { panic!() };
    assert_eq!((witness.left, witness.right), (Action::Errno(0), Action::Errno(4095)));
    let capped = program([
        ld(16),
        instruction(0x54, 0, 0, 0xffff),
        instruction(0x25, 0, 1, 4094),
        ret(Action::Errno(4095)),
        instruction(0x04, 0, 0, 0x0005_0000),
        instruction(0x16, 0, 0, 0),
    ]);
    assert_eq!(equal(&word, &capped), Verdict::Holds);
    // Anything at all: unknown actions kill.
    let any = program([ld(16), instruction(0x16, 0, 0, 0)]);
    let Verdict::Fails(witness) = equal(&any, &program([ret(KILL)])) else { panic!() };
    assert_eq!(witness.left, Action::KillThread);
    let high = program([ld(16), instruction(0x44, 0, 0, 0x8000_0000), instruction(0x16, 0, 0, 0)]);
    assert_eq!(equal(&high, &program([ret(KILL)])), Verdict::Holds);
}

#[test]
fn data_the_kernel_ignores_makes_no_difference() {
    for (a, b) in [(0x7fff_0000, 0x7fff_1234), (0x8000_0000, 0x8000_0007), (0x8000_0000, 0x1234_5678), (0, 9)] {
        let [a, b] = [a, b].map(|k| program([instruction(0x06, 0, 0, k)]));
        assert_eq!(equal(&a, &b), Verdict::Holds);
    }
    assert_caught(&program([ret(Action::Trap(1))]), &program([ret(Action::Trap(2))]));
    assert_caught(&program([ret(Action::KillThread)]), &program([ret(KILL)]));
}

#[test]
fn the_instruction_pointer_counts() {
    let high = program([ld(12), jeq(0, 0, 1), ret(ALLOW), ret(EPERM)]);
    let Verdict::Fails(witness) = equal(&high, &program([ret(ALLOW)])) else { panic!() };
    assert_eq!(witness.data.instruction_pointer, 0x1_0000_0000);
}

#[test]
fn the_halves_of_a_word_follow_the_machine() {
    let at_16 = program([ld(16), jeq(3, 0, 1), ret(ALLOW), ret(EPERM)]);
    let never = program([ret(EPERM)]);
    for (endian, arg) in [(Endian::Little, 3), (Endian::Big, 3 << 32)] {
        let Verdict::Fails(witness) = programs_equal(&at_16, &never, endian, Budget::default()) else { panic!() };
        assert_eq!(witness.data.args[0], arg);
        assert_eq!(run(&at_16, &witness.data, endian), ALLOW);
    }
}

#[test]
fn what_is_too_complex_is_said_where() {
    let two_words =
        program([ld(16), instruction(0x07, 0, 0, 0), ld(24), instruction(0x1d, 0, 1, 0), ret(ALLOW), ret(EPERM)]);
    let budget = Budget { nodes: 100_000 };
    let verdict = programs_equal(&program([ret(ALLOW)]), &two_words, Endian::Little, budget);
    assert_eq!(verdict, Verdict::Undecided(Undecided::Instruction(Side::Right, 3, budget)));
    let Verdict::Undecided(reason) = verdict else { unreachable!() };
    assert_eq!(
        reason.to_string(),
        "the second program takes more than 100000 nodes to follow; they ended at instruction 3"
    );
}

#[test]
fn within_is_the_kernels_order_without_data() {
    let within = |a, b| program_within(&a, &b, Endian::Little, Budget::default());
    let one = |action| program([ret(action)]);
    let order =
        [KILL, Action::KillThread, Action::Trap(3), EPERM, Action::Notify, Action::Trace(9), Action::Log, ALLOW];
    for (index, &a) in order.iter().enumerate() {
        for (other, &b) in order.iter().enumerate() {
            assert_eq!(within(one(a), one(b)) == Verdict::Holds, index <= other, "{a} {b}");
        }
    }
    assert_eq!(within(one(Action::Errno(1)), one(Action::Errno(38))), Verdict::Holds);
    assert_eq!(within(one(Action::Errno(38)), one(Action::Errno(1))), Verdict::Holds);
    assert_eq!(within(chain([0, 5]), chain([0, 1, 5])), Verdict::Holds);
    let Verdict::Fails(witness) = within(chain([0, 1, 5]), chain([0, 5])) else { panic!() };
    assert_eq!((witness.data, witness.left, witness.right), (SyscallData::new(0xc000_003e, 1, [0; 6]), ALLOW, EPERM));
}
