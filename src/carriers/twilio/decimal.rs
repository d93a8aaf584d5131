//! Exact decimal prices: text to millionths, without floating point.

/// Digits after the point that are kept.
const MICRO_DIGITS: i32 = 6;

/// Reads `"-0.00790"` as -7900 millionths. Digits beyond the sixth are rounded half to even; an exponent is read,
/// because JSON numbers may carry one. `None` for anything else or what does not fit.
pub(super) fn parse_micros(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || mantissa.len() > 30 {
        return None;
    }
    let mut digits: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        digits = digits * 10 + i128::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    let shift = MICRO_DIGITS.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let micros = i64::try_from(scale(digits, shift)?).ok()?;
    Some(if negative { -micros } else { micros })
}

fn scale(digits: i128, shift: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(shift.unsigned_abs());
    match factor {
        Some(factor) if shift >= 0 => digits.checked_mul(factor),
        Some(factor) => Some(round_half_even(digits, factor)),
        None if shift < 0 || digits == 0 => Some(0),
        None => None,
    }
}

fn round_half_even(digits: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (digits / divisor, digits % divisor);
    match (remainder * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Equal => quotient + quotient % 2,
        std::cmp::Ordering::Greater => quotient + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_exact() {
        for (text, expected) in [
            ("-0.00790", Some(-7_900)),
            ("0.0075", Some(7_500)),
            ("1", Some(1_000_000)),
            ("12.", Some(12_000_000)),
            ("-0", Some(0)),
            ("7.5e-3", Some(7_500)),
            ("0.0000005", Some(0)),
            ("0.0000015", Some(2)),
            ("0.0000025", Some(2)),
            ("0.00000251", Some(3)),
            ("1e-300", Some(0)),
            ("9223372036854.775807", Some(i64::MAX)),
            ("9223372036854.775808", None),
            ("1e300", None),
            ("1e99999999999", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("1,5", None),
            ("--1", None),
            ("NaN", None),
        ] {
            assert_eq!(parse_micros(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn six_digits_lose_nothing(micros in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if micros < 0 { "-" } else { "" };
            let (whole, rest) = (micros.abs() / 1_000_000, micros.abs() % 1_000_000);
            prop_assert_eq!(parse_micros(&format!("{sign}{whole}.{rest:06}")), Some(micros));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9.eE+]{0,40}") {
            let _ = parse_micros(&text);
        }
    }
}
