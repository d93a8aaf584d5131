//! Scalars of the API beyond the built-in ones, each with its specification. `DateTime` is async-graphql's own.

use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};

/// A phone number. Output is E.164. Input may be in any common writing; without a country code it is read in the
/// organisation's default region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PhoneNumberText(pub String);

/// A phone number. Output is E.164. Input may be in any common writing; without a country code it is read in the
/// organisation's default region.
#[Scalar(name = "PhoneNumber", specified_by_url = "https://www.itu.int/rec/T-REC-E.164")]
impl ScalarType for PhoneNumberText {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An ISO 3166-1 alpha-2 country code, such as `US`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountryCodeText(pub String);

/// An ISO 3166-1 alpha-2 country code, such as `US`.
#[Scalar(name = "CountryCode", specified_by_url = "https://www.iso.org/iso-3166-country-codes.html")]
impl ScalarType for CountryCodeText {
    fn parse(value: Value) -> InputValueResult<Self> {
        let code = text(value)?;
        let letters = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        if letters {
            Ok(Self(code.to_ascii_uppercase()))
        } else {
            Err(InputValueError::custom("not a country code"))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An ISO 4217 currency code, such as `USD`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CurrencyCode(pub String);

/// An ISO 4217 currency code, such as `USD`.
#[Scalar(specified_by_url = "https://www.iso.org/iso-4217-currency-codes.html")]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An absolute URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UrlText(pub String);

/// An absolute URL.
#[Scalar(name = "URL", specified_by_url = "https://url.spec.whatwg.org/")]
impl ScalarType for UrlText {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        url::Url::parse(&text).map_err(|_| InputValueError::custom("not a URL"))?;
        Ok(Self(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Any JSON value: a carrier's raw answer, or an organisation's own metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON value: a carrier's raw answer, or an organisation's own metadata.
#[Scalar(name = "JSON", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.into_json().map_err(|_| InputValueError::custom("not a JSON value"))?))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// An exact decimal number as text, such as `"0.007900"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal(pub String);

/// An exact decimal number as text, such as `"0.007900"`.
#[Scalar(specified_by_url = "https://en.wikipedia.org/wiki/Decimal")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An amount of money, exact to the millionth.
#[derive(Clone, Debug, SimpleObject)]
pub struct Money {
    /// Exact amount.
    pub amount: Decimal,
    /// Of what.
    pub currency: CurrencyCode,
}

impl Money {
    /// From millionths of the currency.
    pub fn from_micros(micros: i64, currency: String) -> Self {
        let (sign, whole) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let amount = format!("{sign}{}.{:06}", whole / 1_000_000, whole % 1_000_000);
        Self { amount: Decimal(amount), currency: CurrencyCode(currency) }
    }
}

fn text<T: InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::custom(format!("expected a text, not {}", kind(&other)))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) => "a number",
        Value::Boolean(_) => "a boolean",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
        _ => "this value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_every_millionth() {
        for (micros, text) in [
            (7_900, "0.007900"),
            (-1, "-0.000001"),
            (12_000_000, "12.000000"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(Money::from_micros(micros, "USD".into()).amount.0, text);
        }
    }
}
