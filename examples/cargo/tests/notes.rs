use std::env;
use std::fs;
use std::process;

fn note(name: &str) -> std::path::PathBuf {
    notes::save(&env::temp_dir(), &format!("{name}-{}", process::id()), "text\n").expect("a note")
}

#[test]
fn saves() {
    let note = note("saved");
    assert_eq!(fs::read_to_string(&note).expect("a note"), "text\n");
    fs::remove_file(note).expect("it is there");
}

#[test]
fn archives() {
    let note = note("archived");
    // Not yet part of what was learnt.
    if env::var_os("ARCHIVE").is_some() {
        let place = notes::archive(&note).expect("a place");
        fs::remove_file(&place).expect("it is there");
        fs::remove_dir(place.parent().expect("a folder")).expect("it is empty");
    } else {
        fs::remove_file(note).expect("it is there");
    }
}
