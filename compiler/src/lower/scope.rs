//! `let`: names a policy gives to values and sets.

use std::collections::BTreeMap;

use callgate_grammar::tree::{Expr, ExprKind, Name, Statement, StatementKind};
use callgate_grammar::{Diagnostic, Span};

use super::Unit;
use crate::abi::Abi;
use crate::tables;

/// The `let`s of a compilation, by the scope they can be used in.
pub(super) struct Lets<'a> {
    by_scope: BTreeMap<(u32, &'a str), (&'a Name, &'a Expr)>,
}

impl<'a> Lets<'a> {
    /// Collects every `let`; a name defined twice, or one that already means a constant, is an error with both places.
    pub(super) fn collect(units: &'a [Unit], abis: &[Abi], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut lets = Self { by_scope: BTreeMap::new() };
        for unit in units {
            lets.enter(unit.scope, &unit.file.statements, abis, diagnostics);
        }
        lets.report_cycles(diagnostics);
        lets
    }

    /// No `let` at all.
    pub(super) fn none() -> Self {
        Self { by_scope: BTreeMap::new() }
    }

    fn enter(&mut self, scope: u32, statements: &'a [Statement], abis: &[Abi], diagnostics: &mut Vec<Diagnostic>) {
        for statement in statements {
            match &statement.node {
                StatementKind::Let { name, value } => {
                    if abis.iter().any(|&abi| tables::constant(abi, &name.node).is_some()) {
                        diagnostics.push(
                            Diagnostic::error(
                                "shadowed-name",
                                format!("`{}` is a constant of the kernel's already", name.node),
                            )
                            .at(name.span, "can't be defined again")
                            .help("choose another name"),
                        );
                    }
                    if let Some((first, _)) = self.by_scope.insert((scope, &name.node), (name, value)) {
                        diagnostics.push(
                            Diagnostic::error("shadowed-name", format!("`{}` is defined twice", name.node))
                                .at(name.span, "here again")
                                .at(first.span, "first here")
                                .help("rename one of them"),
                        );
                    }
                }
                StatementKind::When { body, .. } => self.enter(scope, body, abis, diagnostics),
                _ => {}
            }
        }
    }

    /// What a name stands for in a scope.
    pub(super) fn get(&self, scope: u32, name: &str) -> Option<&'a Expr> {
        self.by_scope.get(&(scope, name)).map(|(_, value)| *value)
    }

    /// Where a name is defined.
    pub(super) fn definition(&self, scope: u32, name: &str) -> Option<Span> {
        self.by_scope.get(&(scope, name)).map(|(definition, _)| definition.span)
    }

    /// The names of a scope.
    pub(super) fn names(&self, scope: u32) -> impl Iterator<Item = &'a str> + '_ {
        self.by_scope.range((scope, "")..).take_while(move |((of, _), _)| *of == scope).map(|((_, name), _)| *name)
    }

    /// A `let` that needs itself would never end. Such a name is taken out after it is reported.
    fn report_cycles(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut cyclic = Vec::new();
        for (&(scope, name), &(definition, value)) in &self.by_scope {
            let mut waiting = names_in(value);
            let mut seen = Vec::new();
            while let Some((used, span)) = waiting.pop() {
                if used == name {
                    diagnostics.push(
                        Diagnostic::error("cyclic-let", format!("`{name}` is defined by itself"))
                            .at(definition.span, "")
                            .at(span, "needed here")
                            .help("write the values out"),
                    );
                    cyclic.push((scope, name));
                    break;
                }
                if !seen.contains(&used) {
                    seen.push(used);
                    waiting.extend(self.get(scope, used).map(names_in).unwrap_or_default());
                }
            }
        }
        for key in cyclic {
            self.by_scope.remove(&key);
        }
    }
}

/// The names an expression uses.
fn names_in(expr: &Expr) -> Vec<(&str, Span)> {
    match &expr.node {
        ExprKind::Name(name) => vec![(name, expr.span)],
        ExprKind::Number(_) | ExprKind::Raw(_) => Vec::new(),
        ExprKind::Set(entries) => entries.iter().flat_map(names_in).collect(),
        ExprKind::Unary(_, inner) => names_in(inner),
        ExprKind::Binary(_, left, right) => names_in(left).into_iter().chain(names_in(right)).collect(),
    }
}
