//! One file out of a form that was sent without JavaScript (`multipart/form-data`, RFC 7578), read strictly.

/// The only part's content, as text; `None` for anything but exactly one part, called `name`, in UTF-8.
pub(crate) fn one_file<'b>(content_type: &str, body: &'b [u8], name: &str) -> Option<&'b str> {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(plain) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let rest = text.strip_prefix("--")?.strip_prefix(boundary)?;
    let rest = rest.strip_prefix("\r\n")?;
    let (headers, rest) = rest.split_once("\r\n\r\n")?;
    let content = rest.trim_end_matches("\r\n").strip_suffix("--")?;
    let content = content.strip_suffix(boundary)?.strip_suffix("\r\n--")?;
    let named = format!("form-data; name=\"{name}\"");
    let own = headers.split("\r\n").any(|line| {
        let value = line
            .split_once(':')
            .filter(|(key, _)| key.eq_ignore_ascii_case("content-disposition"));
        value.is_some_and(|(_, value)| {
            let rest = value.trim().strip_prefix(named.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
        })
    });
    let another = format!("\r\n--{boundary}");
    (own && !content.contains(&another)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::one_file;

    const TYPE: &str = "multipart/form-data; boundary=----b1";

    fn body(name: &str, content: &str) -> String {
        format!(
            "------b1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.json\"\r\nContent-Type: application/json\r\n\r\n{content}\r\n------b1--\r\n"
        )
    }

    #[test]
    fn exactly_one_file_of_its_name_is_read() {
        let good = body("answer", "{\"a\":1}\n");
        assert_eq!(
            one_file(TYPE, good.as_bytes(), "answer"),
            Some("{\"a\":1}\n")
        );
        let other = body("other", "{}");
        let two = good.replace("------b1--", "------b1\r\n\r\nx\r\n------b1--");
        let cut = good.trim_end().trim_end_matches('-');
        for (kind, body) in [
            ("application/json", good.as_str()),
            ("multipart/form-data", &good),
            ("multipart/form-data; boundary=other", &good),
            (TYPE, &other),
            (TYPE, &two),
            (TYPE, cut),
            (TYPE, ""),
        ] {
            assert_eq!(
                one_file(kind, body.as_bytes(), "answer"),
                None,
                "{kind} {body}"
            );
        }
        assert_eq!(one_file(TYPE, b"\xff", "answer"), None);
    }
}
