use zeroize::Zeroizing;

/// Recognises phrases in the texts of a response, ignoring case and punctuation.
pub struct Wording(Vec<Text>);

struct Text {
    /// In lower case, with a space before it and instead of all but letters and digits.
    spaced: Zeroizing<String>,
    /// The same without spaces: `invalid_grant`, `invalidGrant` and `Invalid grant` are one.
    compact: Zeroizing<String>,
}

impl Wording {
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().map(Text::new).collect())
    }

    /// Returns whether a text says that the account is locked or disabled. "Blocked" does not count: it
    /// usually refers to an address.
    pub fn says_locked(&self) -> bool {
        self.0.iter().any(|text| {
            let count = |word| text.spaced.matches(word).count();
            count("locked") > count("blocked") + count("unlocked") + count("deadlocked")
                || count("disabled") > 0
                || text.says_too_many_attempts()
        })
    }

    /// Returns the same for an HTML page, with stricter phrases, since it has many other words.
    pub fn page_says_locked(&self) -> bool {
        self.says(&["useraccountislocked", "userisdisabled"])
    }

    /// Returns whether a text says that the credentials are wrong.
    pub fn says_rejected(&self) -> bool {
        let phrases = [
            "invalidgrant",
            "invalidclient",
            "badcredentials",
            "useraccounthasexpired",
            "usercredentialshaveexpired",
        ];
        let mut texts = self.0.iter().map(Text::without_code);
        texts.any(|text| text == "unauthorized") || self.says(&phrases)
    }

    /// Returns whether a text blames the address of the caller.
    pub fn says_address(&self) -> bool {
        let words = [
            "whitelist",
            "allowlist",
            " allow list",
            " ip address",
            " ipaddress",
        ];
        let says = |text: &Text| words.iter().any(|word| text.spaced.contains(word));
        self.0.iter().any(says)
    }

    /// Returns whether the texts hold no more than the reason phrase of a 403.
    pub fn says_forbidden_only(&self) -> bool {
        let mut texts = self.0.iter().map(Text::without_code);
        texts.all(|text| matches!(text, "" | "forbidden"))
    }

    /// Returns whether a text contains one of `phrases`, in lower case without spaces.
    pub fn says(&self, phrases: &[&str]) -> bool {
        let says = |text: &Text| phrases.iter().any(|phrase| text.compact.contains(phrase));
        self.0.iter().any(says)
    }
}

impl Text {
    fn new(text: &str) -> Self {
        let lower = Zeroizing::new(text.to_lowercase());
        let mut spaced = Zeroizing::new(String::with_capacity(1 + lower.len()));
        let mut compact = Zeroizing::new(String::with_capacity(lower.len()));
        spaced.push(' ');
        for char in lower.chars() {
            if char.is_alphanumeric() {
                spaced.push(char);
                compact.push(char);
            } else {
                spaced.push(' ');
            }
        }
        Self { spaced, compact }
    }

    /// Returns the text without a status before it.
    fn without_code(&self) -> &str {
        let is_digit = |char: char| char.is_ascii_digit();
        self.compact.trim_start_matches(is_digit)
    }

    /// Matches "Too many failed login attempts", but not "Too many requests, no further attempts".
    fn says_too_many_attempts(&self) -> bool {
        self.compact.split("toomany").skip(1).any(|after| {
            let between = after.split_once("attempts").map(|(between, _)| between);
            between.is_some_and(|between| between.len() < 32 && !between.contains("request"))
        })
    }
}
