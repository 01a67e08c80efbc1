//! What could have stood at a place, in the words of the language. Rule names never leave this file.

use super::Rule;

/// "`,`, an operator or the end of the statement": the rules pest tried while reading a `whole`.
pub(super) fn expected(tried: &[Rule], whole: Rule) -> String {
    let mut named: Vec<&str> = tried.iter().filter_map(|&rule| in_words(rule)).collect();
    if whole == Rule::target_alone && tried.contains(&Rule::EOI) {
        named.push("`,`");
    }
    named.sort_unstable();
    named.dedup();
    match named.split_last() {
        None => "something else".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

/// What a rule is called in the language.
fn in_words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::EOI => "the end of the statement",
        Rule::target => "a system call, an @group or `all`",
        Rule::call_list | Rule::call | Rule::callee => "a system call",
        Rule::all_target | Rule::all_word => "`all`",
        Rule::unknown_target | Rule::unknown_word => "`unknown`",
        Rule::group => "an @group",
        Rule::arguments => "a condition in parentheses",
        Rule::verb | Rule::errno_verb | Rule::trap_verb | Rule::trace_verb | Rule::plain_verb => "a verb",
        Rule::name | Rule::name_list => "a name",
        Rule::number => "a number",
        Rule::version | Rule::known_statement => "a kernel version",
        Rule::string => "a string in quotes",
        Rule::use_target => "an @name or a path in quotes",
        Rule::guard => "`cap`, `arch` or `kernel`",
        Rule::cap_guard | Rule::cap_word => "`cap`",
        Rule::arch_guard | Rule::arch_target | Rule::arch_word => "`arch`",
        Rule::kernel_guard | Rule::kernel_word => "`kernel`",
        Rule::expression | Rule::operand_name | Rule::raw | Rule::set | Rule::parenthesized => "a value",
        Rule::or
        | Rule::and
        | Rule::equal
        | Rule::not_equal
        | Rule::less
        | Rule::less_equal
        | Rule::greater
        | Rule::greater_equal
        | Rule::r#in
        | Rule::has
        | Rule::lacks
        | Rule::range
        | Rule::bit_or
        | Rule::bit_and => "an operator",
        Rule::colon => "`:`",
        Rule::comma => "`,`",
        Rule::equals => "`=`",
        Rule::arrow => "`=>`",
        Rule::open => "`(`",
        Rule::close => "`)`",
        Rule::open_set => "`{`",
        Rule::close_set => "`}`",
        Rule::and_word => "`and`",
        Rule::on_word => "`on`",
        _ => return None,
    })
}
