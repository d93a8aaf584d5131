use http::HeaderValue;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../specs/twilio_signature_vectors.json")).expect("valid JSON")
}

/// A vector as a request: its form is encoded anew, as the carrier would.
#[derive(Clone)]
struct Case {
    name: String,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn word(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

fn case(vector: &Value) -> Case {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(&word(&vector["signature"])).expect("a header"));
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        let name: http::HeaderName = name.parse().expect("a header");
        headers.insert(name, HeaderValue::from_str(&word(value)).expect("a header"));
    }
    let body = if let Some(raw) = vector["raw_body"].as_str() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        raw.as_bytes().to_vec()
    } else {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8"),
        );
        form(vector)
    };
    Case { name: word(&vector["name"]), url: word(&vector["url"]), headers, body }
}

fn form(vector: &Value) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in vector["params"].as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().expect("a string"));
    }
    for (name, values) in vector["params_multi"].as_object().into_iter().flatten() {
        for value in values.as_array().expect("a list") {
            form.append_pair(name, value.as_str().expect("a string"));
        }
    }
    form.finish().into_bytes()
}

fn secrets(tokens: &[&str]) -> Vec<SecretString> {
    tokens.iter().map(|token| SecretString::from((*token).to_owned())).collect()
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

impl Case {
    fn request(&self) -> WebhookRequest<'_> {
        WebhookRequest { url: &self.url, headers: &self.headers, body: &self.body }
    }

    fn verify(&self, tokens: &[&str]) -> Result<(), Refused> {
        if self.headers[CONTENT_TYPE] == "application/json" {
            self.request().verify_json(&secrets(tokens)).map(drop)
        } else {
            self.request().verify_form(&secrets(tokens)).map(drop)
        }
    }
}

/// A form that the vectors' token signed, for tests of what is parsed from one.
pub(in crate::carriers::twilio) fn signed_form(params: &[(&str, &str)]) -> VerifiedForm {
    let url = "https://hub.test/w";
    let mut message = url.to_owned();
    let sorted: BTreeMap<_, _> = params.iter().copied().collect();
    message.extend(sorted.iter().flat_map(|(name, value)| [*name, *value]));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, tag.as_ref());
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(&signature).expect("a header"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let request = WebhookRequest { url, headers: &headers, body: body.as_bytes() };
    request.verify_form(&secrets(&[TOKEN])).expect("signed as the carrier signs")
}

#[test]
fn every_valid_vector_passes() {
    let vectors = vectors();
    let valid = vectors["valid"].as_array().expect("a list");
    assert_eq!(valid.len(), 11);
    for vector in valid {
        let case = case(vector);
        assert_eq!(case.verify(&[TOKEN]), Ok(()), "{}", case.name);
        assert_eq!(case.verify(&["other", TOKEN]), Ok(()), "{}: while a token rotates", case.name);
        assert_eq!(case.verify(&["other"]), Err(Refused::WrongSignature), "{}", case.name);
        assert_eq!(case.verify(&[]), Err(Refused::WrongSignature), "{}", case.name);
    }
}

#[test]
fn every_invalid_vector_is_refused() {
    let vectors = vectors();
    let invalid = vectors["invalid"].as_array().expect("a list");
    assert_eq!(invalid.len(), 5);
    for vector in invalid {
        let base = usize::try_from(vector["base"].as_u64().expect("an index")).expect("small");
        let mut changed = vectors["valid"][base].clone();
        for (name, value) in vector["change"].as_object().into_iter().flatten() {
            changed["params"][name] = value.clone();
        }
        if let Some(url) = vector["url"].as_str() {
            changed["url"] = url.into();
        }
        let token = vector["token"].as_str().unwrap_or(TOKEN);
        assert_eq!(case(&changed).verify(&[token]), Err(Refused::WrongSignature), "{}", vector["name"]);
    }
}

fn by_name(name: &str) -> Case {
    let vectors = vectors();
    let valid = vectors["valid"].as_array().expect("a list");
    case(valid.iter().find(|vector| vector["name"] == name).expect("in the list"))
}

#[test]
fn a_signature_must_be_there_once_and_be_readable() {
    let sms = by_name("inbound sms");
    let mut absent = sms.clone();
    absent.headers.remove(SIGNATURE);
    assert_eq!(absent.verify(&[TOKEN]), Err(Refused::Unsigned));
    let mut twice = sms.clone();
    twice.headers.append(SIGNATURE, HeaderValue::from_static("x"));
    assert_eq!(twice.verify(&[TOKEN]), Err(Refused::Unsigned));
    for forged in ["", "====", "qHGLFrAwPJz3L1d0Zj02CBQ1lbE", "qHGLFrAwPJz3L1d0Zj02CBQ1lb", "AAAA"] {
        let mut case = sms.clone();
        case.headers.insert(SIGNATURE, HeaderValue::from_str(forged).expect("a header"));
        assert_eq!(case.verify(&[TOKEN]), Err(Refused::WrongSignature), "{forged}");
    }
    assert_eq!(sms.verify(&[""]), Err(Refused::WrongSignature), "an empty secret signs nothing");
}

#[test]
fn the_algorithm_cannot_be_talked_down() {
    let mut shared = by_name("inbound sms, SharedKey HMAC_SHA256");
    shared.headers.insert(SETTINGS, HeaderValue::from_static("key=x,algorithm=none"));
    assert_eq!(shared.verify(&[TOKEN]), Err(Refused::UnknownAlgorithm));
    shared.headers.remove(SETTINGS);
    assert_eq!(shared.verify(&[TOKEN]), Err(Refused::WrongSignature));
}

#[test]
fn a_json_body_must_be_the_one_whose_hash_was_signed() {
    let json = by_name("JSON body");
    let mut altered = json.clone();
    altered.body.push(b' ');
    assert_eq!(altered.verify(&[TOKEN]), Err(Refused::AlteredBody));
    let mut unhashed = by_name("no parameters (GET)");
    unhashed.body = b"{}".to_vec();
    unhashed.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    assert_eq!(
        unhashed.verify(&[TOKEN]),
        Err(Refused::AlteredBody),
        "a URL's signature does not cover a body"
    );
    let as_form = json.request().verify_form(&secrets(&[TOKEN]));
    assert_eq!(as_form.map(drop), Err(Refused::ContentType));
    let sms = by_name("inbound sms");
    assert_eq!(sms.request().verify_json(&secrets(&[TOKEN])).map(drop), Err(Refused::ContentType));
}

#[test]
fn parameters_are_those_that_were_signed() {
    let sms = by_name("inbound sms").request().verify_form(&secrets(&[TOKEN])).map(|form| form.fields);
    assert_eq!(sms.expect("valid")["Body"], "STOP");
    let unicode = by_name("unicode, plus, ampersand and empty value");
    let form =
        unicode.request().verify_form(&secrets(&[TOKEN])).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(form.get("Body"), Some("Zażółć & 50% + 😀"));
    assert_eq!(form.get("FromCity"), None, "empty is absent");
    assert_eq!(form.require("MessageSid"), Err(Malformed { field: "MessageSid" }));
    let get = by_name("no parameters (GET)");
    let form = get.request().verify_form(&secrets(&[TOKEN])).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(form.get("From"), Some("+14155550123"));
    let status = by_name("status callback with query string");
    let form = status.request().verify_form(&secrets(&[TOKEN])).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!(form.get("org"), None, "the query of a post is not its parameters");
}

#[test]
fn nul_is_left_out_of_what_is_stored() {
    let form = signed_form(&[("Bo\0dy", "a\0b"), ("From\0City", "\0"), ("MediaContentType0", "image/\0png")]);
    let fields: Vec<_> = form.fields().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("Body", "ab"), ("FromCity", ""), ("MediaContentType0", "image/png")]);
    assert_eq!(form.get("FromCity"), None);
}
