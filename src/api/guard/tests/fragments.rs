//! Fragments multiply, chain and turn in circles; the work stays linear.

use super::*;

/// `count` fragments, each spreading the next one twice: 2^count selections in a few hundred bytes.
fn doubling(count: usize) -> String {
    let mut source = "{ ...f0 }".to_owned();
    for at in 0..count {
        write!(source, " fragment f{at} on Query {{ ...f{next} ...f{next} }}", next = at + 1).unwrap();
    }
    write!(source, " fragment f{count} on Query {{ __typename }}").unwrap();
    source
}

#[test]
fn doubling_fragments_are_refused_with_linear_work() {
    let source = doubling(22);
    assert_eq!(code(&source), RefusedCode::TooComplex);

    let limits = Limits { selections: usize::MAX, root_fields: usize::MAX, ..Limits::default() };
    let document = parse(&source, &limits).unwrap();
    let guarded = check_document(&document, None, &Variables::default(), &limits).unwrap();
    assert_eq!(guarded.visited, 22 * 2 + 2);
    assert!(guarded.selections > 1 << 22);
}

#[test]
fn fragment_cycles_are_refused() {
    assert_eq!(code("{ ...a } fragment a on Q { ...a }"), RefusedCode::Invalid);
    assert_eq!(
        code("{ ...a } fragment a on Q { b { ...c } } fragment c on Q { ...a }"),
        RefusedCode::Invalid
    );
    assert_eq!(code("{ x } fragment a on Q { ...b } fragment b on Q { ...a }"), RefusedCode::Invalid);
}

#[test]
fn long_fragment_chains_are_refused_wherever_they_start() {
    let chain = (0..200).fold("{ x }".to_owned(), |mut all, at| {
        write!(all, " fragment f{at} on Q {{ ...f{} }}", at + 1).unwrap();
        all
    });
    assert_eq!(code(&chain), RefusedCode::TooComplex);
}

#[test]
fn fragments_that_chain_are_as_deep_as_what_they_hold() {
    let mut source = "{ ...f0 }".to_owned();
    for at in 0..200 {
        write!(source, " fragment f{at} on Query {{ ...{{ ...f{} }} }}", at + 1).unwrap();
    }
    write!(source, " fragment f200 on Query {{ __typename }}").unwrap();
    assert_eq!(code(&source), RefusedCode::TooComplex);
}
