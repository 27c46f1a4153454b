//! Unique secrets, and a search for them in any encoding.

use std::collections::HashMap;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};

/// The number of consecutive characters of an encoding that count as a match.
const WINDOW: usize = 8;

/// Creates a unique secret. Each of the `odd` characters makes encodings differ.
pub(crate) fn mint(odd: &str) -> String {
    let part = |length| -> String { (0..length).map(|_| fastrand::alphanumeric()).collect() };
    let middle: String = odd.chars().map(|odd| format!("{odd}{}", part(2))).collect();
    format!("{}{middle}{}", part(10), part(12))
}

/// The search index of secrets.
#[derive(Default)]
pub(crate) struct Search {
    /// By a lower-case window: the text that must be there, and its name.
    windows: HashMap<u64, Vec<(Vec<u8>, String)>>,
    /// Which low bits of windows occur at all: a filter that skips most text.
    likely: Box<[bool]>,
}

impl Search {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut search = Self {
            likely: vec![false; 1 << 22].into(),
            ..Self::default()
        };
        for (name, secret) in secrets {
            for (how, text) in spellings(secret) {
                for window in text.as_bytes().windows(WINDOW) {
                    search.add(window, &format!("{name}, {how}"));
                }
            }
            // Of the bytes as numbers only the first ones, as a whole: short digits occur anywhere.
            let start = || secret.bytes().take(WINDOW);
            let decimal: Vec<_> = start().map(|byte| byte.to_string()).collect();
            let hex: String = start().map(|byte| format!("{byte:02x}")).collect();
            for digits in [decimal.join(", "), hex] {
                search.add(digits.as_bytes(), &format!("{name}, in digits"));
            }
        }
        search
    }

    fn add(&mut self, needle: &[u8], name: &str) {
        let needle = needle.to_ascii_lowercase();
        let window = &needle[needle.len() - WINDOW..];
        let key = window.iter().fold(0, |key, byte| push(key, *byte));
        self.likely[slot(key)] = true;
        let known = self.windows.entry(key).or_default();
        known.push((needle, name.to_owned()));
    }

    /// Returns the matches in `text`, each with its context.
    pub(crate) fn find(&self, text: &[u8]) -> Vec<String> {
        let mut found: HashMap<&str, usize> = HashMap::new();
        let likely = &*self.likely;
        // Written out, because it is built without optimization and searches megabytes.
        let (mut key, mut end) = (0, 0);
        while end < text.len() {
            key = push(key, text[end]);
            end += 1;
            if likely[slot(key)] {
                for (needle, name) in self.windows.get(&key).into_iter().flatten() {
                    let start = end.checked_sub(needle.len());
                    if start.is_some_and(|at| text[at..end].eq_ignore_ascii_case(needle)) {
                        found.entry(name).or_insert(end);
                    }
                }
            }
        }
        let around = |end: usize| {
            let part = &text[end.saturating_sub(160)..(end + 60).min(text.len())];
            String::from_utf8_lossy(part).into_owned()
        };
        let mut lines: Vec<String> = found
            .into_iter()
            .map(|(name, end)| format!("{name}: …{}…", around(end)))
            .collect();
        lines.sort();
        lines
    }
}

/// Returns the next window, which ends with `byte` in lower case.
fn push(key: u64, byte: u8) -> u64 {
    (key << 8) | u64::from(byte.to_ascii_lowercase())
}

fn slot(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 42) as usize
}

/// Returns the encodings of a secret. The search ignores case.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut all = vec![
        ("as it is", secret.to_owned()),
        ("as in JSON", serde_json::to_string(secret).unwrap()),
        ("as under {:?}", format!("{secret:?}")),
        ("in a URL", form.replace('+', "%20")),
        ("in a form", form),
    ];
    // At any offset in the encoded data; the groups at the ends are shared with neighbours.
    for before in 0..3 {
        let bytes = [&b"::"[..before.min(2)], secret.as_bytes()].concat();
        for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
            let text = engine.encode(&bytes);
            let whole = text.len() / 4 * 4;
            all.push(("in base64", text[4..whole - 4].to_owned()));
        }
    }
    all
}

#[test]
fn canary_finds_secret_in_any_encoding() {
    let secret = mint(" %&\"é+/");
    let search = Search::new([("it", &*secret)]);
    let basic = BASE64_STANDARD.encode(format!("client-id:{secret}"));
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    for text in [
        secret.clone(),
        secret.to_uppercase(),
        secret.to_lowercase(),
        secret[..8].to_owned(),
        secret[secret.len() - 8..].to_owned(),
        basic,
        BASE64_URL_SAFE.encode(&secret),
        form,
        format!("{:?}", secret.as_bytes()),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        format!("{:?}", bytes::Bytes::from(secret.clone())),
    ] {
        let text = format!("before {text} after");
        assert!(!search.find(text.as_bytes()).is_empty(), "{text}");
    }
    let other = mint(" %&\"é+/");
    assert_eq!(search.find(other.as_bytes()), [""; 0]);
    assert_eq!(search.find(&secret.as_bytes()[..7]), [""; 0]);
}
