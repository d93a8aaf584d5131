//! A sealed value opens in its place with its key, and nowhere else.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

fn keys(written: &str) -> Keyring {
    Keyring::new(&KeySet::parse(written).unwrap())
}

fn key(id: &str, fill: u8) -> String {
    format!("{id}:{}", STANDARD.encode([fill; 32]))
}

fn place(row: u128) -> Aad {
    Aad {
        organization: Some(Uuid::from_u128(7)),
        table: "carrier_configs",
        row: Uuid::from_u128(row),
        column: "credentials",
    }
}

#[test]
fn every_part_of_the_place_counts() {
    let ring = keys(&key("a", 1));
    let home = place(1);
    let sealed = ring.seal(&home, b"token").unwrap();
    assert_eq!(ring.open(&home, &sealed).unwrap().expose_secret(), b"token");
    let elsewhere = [
        Aad { organization: None, ..home },
        Aad { organization: Some(Uuid::from_u128(8)), ..home },
        Aad { table: "carrier_config", ..home },
        Aad { row: Uuid::from_u128(2), ..home },
        Aad { column: "credential", ..home },
        Aad { table: "carrier_configscredentials", column: "", ..home },
    ];
    for aad in elsewhere {
        assert_eq!(ring.open(&aad, &sealed).unwrap_err(), SealError::DoesNotOpen, "{aad:?}");
    }
    assert_ne!(
        Aad { organization: Some(Uuid::nil()), ..home }.bytes(b"a"),
        Aad { organization: None, ..home }.bytes(b"a")
    );
}

#[test]
fn keys_rotate_online() {
    let old = keys(&key("old", 1));
    let both = keys(&format!("{},{}", key("new", 2), key("old", 1)));
    let new = keys(&key("new", 2));
    let sealed = old.seal(&place(1), b"token").unwrap();
    assert!(both.needs_rotation(&sealed) && !old.needs_rotation(&sealed));
    let again = both.reseal(&place(1), &sealed).unwrap().unwrap();
    assert_eq!(new.open_text(&place(1), &again).unwrap().expose_secret(), "token");
    assert_eq!(both.reseal(&place(1), &again).unwrap(), None);
    assert_eq!(new.open(&place(1), &sealed).unwrap_err(), SealError::UnknownKey("old".into()));
    assert_eq!(new.reseal(&place(1), &sealed).unwrap_err(), SealError::UnknownKey("old".into()));
}

#[test]
fn the_canary_knows_its_keys() {
    let stored = keys(&key("a", 1)).seal_canary().unwrap();
    assert_eq!(keys(&key("a", 1)).check_canary(&stored), Ok(false));
    assert_eq!(keys(&format!("{},{}", key("b", 2), key("a", 1))).check_canary(&stored), Ok(true));
    assert_eq!(keys(&key("a", 2)).check_canary(&stored), Err(SealError::DoesNotOpen));
    assert_eq!(keys(&key("b", 1)).check_canary(&stored), Err(SealError::UnknownKey("a".into())));
    assert_eq!(keys(&key("a", 1)).check_canary("rubbish!"), Err(SealError::Malformed));
}

#[test]
fn debug_text_shows_ids_only() {
    assert_eq!(format!("{:?}", keys(&key("a", 1))), r#"["a"]"#);
    let opened = keys(&key("a", 1));
    let sealed = opened.seal(&place(1), b"canary-secret").unwrap();
    let shown = format!("{:?}", opened.open(&place(1), &sealed).unwrap());
    assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_differs_each_time(plain: Vec<u8>) {
        let ring = keys(&key("a", 1));
        let (one, two) = (ring.seal(&place(1), &plain).unwrap(), ring.seal(&place(1), &plain).unwrap());
        prop_assert_ne!(&one, &two);
        let opened = ring.open(&place(1), &one).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plain[..]);
    }

    #[test]
    fn swapped_values_do_not_open(a: Vec<u8>, b: Vec<u8>, x: u128, y: u128) {
        prop_assume!(x != y);
        let ring = keys(&key("a", 1));
        let (one, two) = (ring.seal(&place(x), &a).unwrap(), ring.seal(&place(y), &b).unwrap());
        prop_assert_eq!(ring.open(&place(x), &two).unwrap_err(), SealError::DoesNotOpen);
        prop_assert_eq!(ring.open(&place(y), &one).unwrap_err(), SealError::DoesNotOpen);
    }

    #[test]
    fn one_flipped_bit_is_noticed(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
        let ring = keys(&key("a", 1));
        let mut sealed = ring.seal(&place(1), &plain).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(ring.open(&place(1), &sealed).is_err());
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
        let ring = keys(&key("a", 1));
        prop_assert!(ring.open(&place(1), &bytes).is_err());
        prop_assert!(!ring.needs_rotation(&bytes) || bytes[0] == VERSION);
    }
}
