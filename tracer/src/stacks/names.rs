//! Addresses in words.

use blazesym::symbolize::source::{self, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use framehop::FrameAddress;

use super::image::Loaded;

/// Names functions by symbol tables and debugging information.
pub(crate) struct Names(Symbolizer);

impl Names {
    pub(crate) fn new() -> Self {
        Self(Symbolizer::new())
    }

    /// A frame: `FUNCTION at FILE:LINE (PROGRAM+0xADDRESS)`, as far as it is known, and before it the functions that were
    /// inlined there.
    pub(crate) fn of(&self, frame: FrameAddress, image: &Loaded<'_>) -> Vec<String> {
        let Some((elf, address)) = image.place(frame.address_for_lookup()) else {
            return vec![format!("{:#x}", frame.address())];
        };
        let place = format!("({}+{address:#x})", elf.path.display());
        let symbolized = |debug_syms| {
            let mut source = source::Elf::new(elf.descriptor());
            source.debug_syms = debug_syms;
            self.0.symbolize_single(&Source::Elf(source), Input::VirtOffset(address))
        };
        // Debugging information that can't be read doesn't take the symbol table with it.
        let Ok(Symbolized::Sym(symbol)) = symbolized(true).or_else(|_| symbolized(false)) else {
            return vec![place];
        };
        let line = |code: Option<&blazesym::symbolize::CodeInfo<'_>>| {
            code.map_or_else(String::new, |code| {
                let file = code.to_path().display().to_string();
                code.line.map_or_else(|| format!(" at {file}"), |line| format!(" at {file}:{line}"))
            })
        };
        // Outermost first, and each with the place of what is in it.
        let inlined = symbol.inlined.iter().rev();
        let inlined = inlined.map(|inner| format!("{}{} {place}", inner.name, line(inner.code_info.as_ref())));
        let own = format!("{}{} {place}", symbol.name, line(symbol.code_info.as_deref()));
        inlined.chain([own]).collect()
    }
}
