//! HTTP to the guard, through an address of this machine. What comes back is believed only by its signatures.

use core::time::Duration;
use zeroize::Zeroizing;

/// An address and a token.
pub struct Http {
    base: String,
    token: Option<Zeroizing<String>>,
    patience: Duration,
}

impl core::fmt::Debug for Http {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Http({})", self.base)
    }
}

/// Status and body.
pub(crate) type Answered = (u16, Vec<u8>);

impl Http {
    /// Speaks with `base`; each exchange takes `patience` at most.
    #[must_use]
    pub fn new(base: &str, token: Option<String>, patience: Duration) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token: token.map(Zeroizing::new),
            patience,
        }
    }

    fn agent(&self) -> ureq::Agent {
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(self.patience))
            .max_redirects(0)
            .build()
            .into()
    }

    fn bearer(&self) -> Option<Zeroizing<String>> {
        self.token
            .as_ref()
            .map(|token| Zeroizing::new(format!("Bearer {}", token.as_str())))
    }

    /// `GET base/path`, at most `most` bytes.
    pub(crate) fn get(&self, path: &str, most: u64) -> Result<Answered, String> {
        let mut request = self.agent().get(format!("{}/{path}", self.base));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer.as_str());
        }
        read(request.call(), most)
    }

    /// `POST base/path` with JSON and an idempotency key, at most `most` bytes of answer.
    pub(crate) fn post(
        &self,
        path: &str,
        key: &str,
        body: &str,
        most: u64,
    ) -> Result<Answered, String> {
        let mut request = self
            .agent()
            .post(format!("{}/{path}", self.base))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer.as_str());
        }
        read(request.send(body), most)
    }
}

fn read(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    most: u64,
) -> Result<Answered, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(most).read_to_vec();
    let body = body.map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), body))
}
