//! x32 against the C headers of the machine, the only other list of it: `<asm/unistd_x32.h>` of linux-libc-dev.

use std::collections::BTreeSet;
use std::fs;

use crate::abi::{Abi, X32_BIT};
use crate::tables;

const HEADER: &str = "/usr/include/x86_64-linux-gnu/asm/unistd_x32.h";

#[test]
fn x32_is_the_headers() {
    let Ok(text) = fs::read_to_string(HEADER) else {
        assert!(!std::env::var("CALLGATE_REQUIRE").is_ok_and(|value| value == "all"), "{HEADER} can't be read");
        eprintln!("skipped: x32_is_the_headers: {HEADER} can't be read (needs linux-libc-dev on x86-64)");
        return;
    };
    // #define __NR_read (__X32_SYSCALL_BIT + 0)
    let theirs: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define __NR_")?.split_once(" (__X32_SYSCALL_BIT + "))
        .map(|(name, number)| (X32_BIT + number.trim_end_matches(')').parse::<u32>().unwrap(), name))
        .collect();
    let newest = theirs.iter().map(|&(number, _)| number).filter(|number| number & !X32_BIT < 512).max().unwrap();
    // The header may be of an older kernel: what it doesn't reach isn't compared.
    let late = ["uretprobe", "uprobe"];
    let ours: BTreeSet<_> = tables::calls(Abi::X32)
        .filter(|&(number, _)| number & !X32_BIT >= 512 || number <= newest)
        .filter(|(number, name)| theirs.contains(&(*number, *name)) || !late.contains(name))
        .collect();
    assert_eq!(ours, theirs);
}
