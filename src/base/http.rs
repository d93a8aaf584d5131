//! The one HTTP client: time-outs, size caps, no redirects, no proxies, and an address guard against SSRF. It knows no
//! carrier; what a status means is its caller's affair.

mod guard;
mod redact;

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use http::{
    HeaderMap, Method, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::guard::{Reach, RefusedUrl};
pub use self::redact::redacted;

/// What one client may do. The time-outs hold for each request, connect included in the total.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// For name, TCP and TLS together; longer than this counts as never sent.
    pub connect_timeout: Duration,
    /// For the whole request with its answer. Leases on work that calls out must be longer.
    pub timeout: Duration,
    /// Bytes of a response body that are read before it is refused.
    pub max_body: usize,
    /// Which addresses may be connected to.
    pub reach: Reach,
}

impl HttpSettings {
    /// For a carrier's API, whose base URL an administrator set: `reach` beyond `Public` only by explicit setting.
    pub const fn carrier(reach: Reach) -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            max_body: 8 << 20,
            reach,
        }
    }

    /// For media at addresses that strangers chose: public hosts only, and sizes as MMS and chat media have them.
    pub const fn media() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_body: 16 << 20,
            reach: Reach::Public,
        }
    }
}

impl HttpSettings {
    /// For partners' endpoints, of whose answer only the status counts.
    pub const fn webhook(reach: Reach) -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            max_body: 64 << 10,
            reach,
        }
    }
}

/// A request that is complete before anything is sent, so that building one is a pure function.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The verb.
    pub method: Method,
    /// Without credentials; a URL that carries some is refused.
    pub url: Url,
    /// Basic authentication.
    pub basic: Option<Basic>,
    /// Pairs of a form body (`application/x-www-form-urlencoded`); a repeated name is a list.
    pub form: Option<Vec<(&'static str, String)>>,
    /// A body of another form, with the headers that tell of it.
    pub raw: Option<RawBody>,
}

/// A body that goes out byte by byte as it is, such as a signed one.
#[derive(Clone)]
pub struct RawBody {
    /// `Content-Type` and whatever belongs to the body.
    pub headers: HeaderMap,
    /// The bytes.
    pub bytes: Bytes,
}

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBody({} bytes)", self.bytes.len())
    }
}

impl HttpRequest {
    /// A GET without credentials.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, basic: None, form: None, raw: None }
    }

    /// A POST of a form.
    pub fn post(url: Url, form: Vec<(&'static str, String)>) -> Self {
        Self { method: Method::POST, url, basic: None, form: Some(form), raw: None }
    }

    /// A POST of a body as it is.
    pub fn post_raw(url: Url, raw: RawBody) -> Self {
        Self { method: Method::POST, url, basic: None, form: None, raw: Some(raw) }
    }

    /// A DELETE without credentials.
    pub fn delete(url: Url) -> Self {
        Self { method: Method::DELETE, url, basic: None, form: None, raw: None }
    }

    /// The same request with Basic credentials.
    #[must_use]
    pub fn with_basic(self, basic: Basic) -> Self {
        Self { basic: Some(basic), ..self }
    }
}

/// User and password of Basic authentication; `Debug` hides the password.
#[derive(Debug, Clone)]
pub struct Basic {
    /// Sent as it is.
    pub user: String,
    /// Kept secret until it is written to the wire.
    pub password: SecretString,
}

/// An answer with its body read to the end.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// Any status, 5xx included: an answer is not an error here.
    pub status: StatusCode,
    /// As received.
    pub headers: HeaderMap,
    /// At most `max_body` bytes.
    pub body: Bytes,
}

impl HttpResponse {
    /// How long the server asks to wait: seconds, or a date, which is measured against the server's own `Date` (RFC 9110,
    /// 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let header = |name| self.headers.get(name)?.to_str().ok();
        let value: &str = header(RETRY_AFTER)?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = DateTime::parse_from_rfc2822(value).ok()?;
        let now = DateTime::parse_from_rfc2822(header(DATE)?).ok()?;
        Some((until - now).to_std().unwrap_or_default())
    }
}

/// Which error when: `NotSent` when no byte of the request can have reached the server, so that a repetition is
/// safe; `InDoubt` when the server may have acted. The texts hold no URL, number or secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpError {
    /// Refused by the guard, or name, TCP or TLS failed.
    #[error("not sent: {reason}")]
    NotSent {
        /// In words.
        reason: String,
    },
    /// Time-out, reset, or an answer whose body broke off or was too large.
    #[error("in doubt: {reason}")]
    InDoubt {
        /// The status, where the answer got so far: a 4xx is a refusal even when its body is unreadable.
        status: Option<StatusCode>,
        /// In words.
        reason: String,
    },
}

/// The platform's TLS roots cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct HttpSetupError(#[from] reqwest::Error);

/// A pool of connections under one `HttpSettings`; clones share it.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: reqwest::Client,
    /// The same for plain http, whose names must not lead to public addresses.
    plain: reqwest::Client,
    settings: HttpSettings,
}

impl HttpClient {
    /// Builds the client; done once at start for each profile, since every client has its own pool.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpSetupError> {
        Ok(Self { inner: build(&settings, false)?, plain: build(&settings, true)?, settings })
    }

    /// The settings it was built with.
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Whether an address may be called at all, as far as it says itself; names are judged when they are resolved.
    pub fn permits(&self, url: &Url) -> Result<(), RefusedUrl> {
        guard::check(url, self.settings.reach)
    }

    /// Sends once, never again by itself, and reads the whole answer.
    pub async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        guard::check(&request.url, self.settings.reach)
            .map_err(|refused| HttpError::NotSent { reason: refused.to_string() })?;
        let client = if request.url.scheme() == "http" { &self.plain } else { &self.inner };
        let mut builder = client.request(request.method.clone(), request.url.clone());
        if let Some(basic) = &request.basic {
            builder = builder.basic_auth(&basic.user, Some(basic.password.expose_secret()));
        }
        if let Some(form) = &request.form {
            builder = builder.form(form);
        }
        if let Some(raw) = &request.raw {
            builder = builder.headers(raw.headers.clone()).body(raw.bytes.clone());
        }
        let mut response = builder.send().await.map_err(|error| before_answer(&error))?;
        let status = response.status();
        let body = self.read_body(&mut response).await?;
        let headers = std::mem::take(response.headers_mut());
        Ok(HttpResponse { status, headers, body })
    }

    async fn read_body(&self, response: &mut reqwest::Response) -> Result<Bytes, HttpError> {
        let status = Some(response.status());
        let mut body = BytesMut::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| HttpError::InDoubt {
                status,
                reason: format!("body: {}", in_words(&error)),
            })?;
            let Some(chunk) = chunk else { return Ok(body.freeze()) };
            if body.len() + chunk.len() > self.settings.max_body {
                let reason = format!("body larger than {} bytes", self.settings.max_body);
                return Err(HttpError::InDoubt { status, reason });
            }
            body.extend_from_slice(&chunk);
        }
    }
}

fn build(settings: &HttpSettings, plain: bool) -> Result<reqwest::Client, reqwest::Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that sets time-outs and the guard")]
    let builder = reqwest::Client::builder();
    builder
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        // Shorter than servers keep idle connections: a request written to one they just closed is in doubt.
        .pool_idle_timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .dns_resolver(guard::Resolver { reach: settings.reach, plain })
        .user_agent(concat!("phonehub/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn before_answer(error: &reqwest::Error) -> HttpError {
    let reason = in_words(error);
    if error.is_connect() || error.is_builder() {
        HttpError::NotSent { reason }
    } else {
        HttpError::InDoubt { status: None, reason }
    }
}

/// The innermost cause says what happened; the outer layers repeat the URL, which logs must not hold.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "failed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
