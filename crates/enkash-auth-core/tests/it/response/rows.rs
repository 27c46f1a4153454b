//! The responses of each rule of `verdict.rs`, by its number. Those of the first, a token, are in `grants.rs`.

pub(crate) const PAGE: &str = "<!DOCTYPE html><title>Attention required</title>";

/// Name, status, body. A `%` in the body stands for a token and its lifetime.
pub(crate) type Row = (&'static str, u16, &'static str);

/// Locked.
pub(crate) const ROW_2: &[Row] = &[
    (
        "locked",
        400,
        r#"{"error":"invalid_grant","error_description":"User account is locked"}"#,
    ),
    (
        "disabled",
        400,
        r#"{"error":"invalid_grant","error_description":"User is DISABLED"}"#,
    ),
    (
        "resultMessage",
        200,
        r#"{"resultCode":401,"resultMessage":"Account Locked"}"#,
    ),
    (
        "response_message",
        200,
        r#"{"response_code":401,"response_message":"account_locked"}"#,
    ),
    (
        "errorResponse",
        401,
        r#"{"errorResponse":{"message":"locked"}}"#,
    ),
    ("error", 401, r#"{"error":"account_locked"}"#),
    (
        "enveloped",
        401,
        r#"{"payload":{"resultMessage":"locked"}}"#,
    ),
    (
        "a payload of text",
        200,
        r#"{"response_code":1,"payload":"Your account is locked."}"#,
    ),
    ("any status: 423", 423, r#"{"resultMessage":"locked"}"#),
    ("any status: 503", 503, r#"{"message":"AccountLocked"}"#),
    ("any status: 302", 302, r#"{"message":"locked"}"#),
    ("a code in 200", 200, r#"{"code":"USER_DISABLED"}"#),
    (
        "an exception",
        500,
        r#"{"exception":"org.example.LockedException","message":"x"}"#,
    ),
    (
        "too many attempts",
        429,
        r#"{"error":"TOO_MANY_LOGIN_ATTEMPTS"}"#,
    ),
    ("camel case", 400, r#"{"error":"tooManyAttempts"}"#),
    ("of bob", 400, r#"{"message":"bob locked"}"#),
    (
        "beside a blocked address",
        400,
        r#"{"message":"blocked, for it is locked"}"#,
    ),
    (
        "beside a token",
        200,
        r#"{"message":"locked","error":"x",%}"#,
    ),
    ("plain text", 401, "User account is locked"),
    (
        "XML",
        400,
        "<error><description>User is disabled</description></error>",
    ),
    ("page", 401, "<html><p>User account is locked</p></html>"),
    (
        "page, disabled",
        200,
        "<!DOCTYPE html><p>user is disabled</p>",
    ),
    (
        "truncated",
        400,
        "(truncated){\"error\":\"account_locked\",\"mess",
    ),
];

/// Transient, and repeated.
pub(crate) const ROW_3: &[Row] = &[
    ("408", 408, ""),
    ("421", 421, "{}"),
    ("425", 425, ""),
    ("429 JSON", 429, r#"{"error":"slow_down"}"#),
    ("429 page", 429, PAGE),
    (
        "429, requests",
        429,
        r#"{"message":"Too many requests, further attempts are ignored"}"#,
    ),
    ("431", 431, ""),
    ("503 truncated", 503, "(truncated)"),
    ("503 with a token", 503, "{%}"),
    ("503 and a rejection", 503, r#"{"error":"invalid_grant"}"#),
    ("521", 521, PAGE),
    ("523", 523, ""),
    ("525", 525, ""),
    ("526", 526, "(too large)"),
    ("code 429 in 200", 200, r#"{"resultCode":429}"#),
    ("code 503 in 200", 200, r#"{"response_code":503}"#),
    (
        "code 503 in text",
        200,
        r#"{"code":"503.0","token":"null"}"#,
    ),
    ("page, 200", 200, PAGE),
    ("page, 400", 400, PAGE),
    ("page, 403", 403, PAGE),
    ("page after white space", 403, " \r\n<HTML>"),
    ("page after a byte order mark", 403, "\u{feff}<html>"),
    (
        "page of an address",
        403,
        "<html>Your IP address is blocked; cookies are disabled</html>",
    ),
];

/// Transient, and repeated for credentials that are known good.
pub(crate) const ROW_4: &[Row] = &[
    ("500 JSON", 500, r#"{"error":"server_error"}"#),
    ("500 page", 500, PAGE),
    ("500 and a rejection", 500, r#"{"error":"invalid_grant"}"#),
    ("500 with a token", 500, "{%}"),
    (
        "500, deadlocked",
        500,
        r#"{"message":"the transaction was deadlocked"}"#,
    ),
    ("501", 501, ""),
    ("502 empty", 502, ""),
    ("502 truncated", 502, "(truncated)"),
    ("527", 527, ""),
    ("530 of a CDN", 530, PAGE),
    ("599", 599, "(too large)"),
    ("code 500", 200, r#"{"resultCode":500}"#),
    ("code 500 beside a token", 200, r#"{"resultCode":500,%}"#),
    ("code 599 as a string", 200, r#"{"resultCode":"599"}"#),
    (
        "code 500 in the envelope",
        200,
        r#"{"response_code":0,"payload":{"resultCode":500}}"#,
    ),
    (
        "code 500 in 400",
        400,
        r#"{"resultCode":500,"error":"invalid_grant"}"#,
    ),
    ("code 500 in 401", 401, r#"{"code":500}"#),
];

/// Forbidden.
pub(crate) const ROW_5: &[Row] = &[
    ("bare", 403, ""),
    ("bare JSON", 403, "{}"),
    ("bare text", 403, "403 Forbidden"),
    ("bare string", 403, r#""Forbidden""#),
    (
        "bare default of a framework",
        403,
        r#"{"timestamp":1,"status":403,"error":"Forbidden","path":"/oauth/token"}"#,
    ),
    ("bare code", 200, r#"{"resultCode":403}"#),
    (
        "bare code as text",
        200,
        r#"{"response_code":"403","response_message":"Forbidden"}"#,
    ),
    (
        "whitelist, 401",
        401,
        r#"{"response_code":401,"response_message":"IP not whitelisted"}"#,
    ),
    ("whitelist, 400", 400, r#"{"message":"IP_NOT_WHITELISTED"}"#),
    (
        "allowlist",
        403,
        r#"{"error":"access_denied","message":"Add 192.0.2.1 to the allowlist"}"#,
    ),
    ("allow-list", 403, r#"{"message":"not on the allow-list"}"#),
    ("address", 401, r#"{"message":"Unauthorized IP address"}"#),
    ("address in a code", 400, r#"{"code":"INVALID_IP_ADDRESS"}"#),
    (
        "address in 200",
        200,
        r#"{"code":401,"payload":"Unknown IP address"}"#,
    ),
    ("address in XML", 403, "<e>ip address</e>"),
];

/// Misconfigured.
pub(crate) const ROW_6: &[Row] = &[
    ("grant", 400, r#"{"error":"unsupported_grant_type"}"#),
    (
        "grant in words",
        400,
        r#"{"message":"Unsupported grant type: password"}"#,
    ),
    ("grant in 401", 401, r#"{"error":"UNSUPPORTED_GRANT_TYPE"}"#),
    ("scope", 400, r#"{"error":"invalid_scope"}"#),
    ("scope in 200", 200, r#"{"error":{"code":"invalid_scope"}}"#),
    ("404", 404, r#"{"status":404}"#),
    ("404 page", 404, PAGE),
    ("404 truncated", 404, "(truncated)"),
    ("404 before 403", 404, r#"{"resultCode":403}"#),
    (
        "404 before a rejection",
        404,
        r#"{"error":"invalid_grant"}"#,
    ),
    ("code 404", 200, r#"{"code":404,"message":"no such path"}"#),
    ("405", 405, "{}"),
    ("407", 407, PAGE),
    ("415", 415, ""),
    ("301", 301, PAGE),
    ("302", 302, ""),
    ("307 with a token", 307, "{%}"),
    ("308 and a rejection", 308, r#"{"error":"invalid_grant"}"#),
];

/// Rejected.
pub(crate) const ROW_7: &[Row] = &[
    (
        "bad user",
        400,
        r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#,
    ),
    ("403", 403, r#"{"error":"invalid_grant"}"#),
    ("200", 200, r#"{"error":"invalid_grant"}"#),
    ("200 beside a token", 200, r#"{"error":"invalid_grant",%}"#),
    ("409", 409, r#"{"error":"invalid_grant"}"#),
    ("504", 504, r#"{"error":"invalid_grant"}"#),
    ("client", 400, r#"{"error":"invalid_client"}"#),
    ("unauthorized", 400, r#"{"error":"unauthorized"}"#),
    ("in capitals", 400, r#"{"ERROR":"INVALID_GRANT"}"#),
    ("in camel case", 400, r#"{"errorCode":"invalidGrant"}"#),
    ("in words", 400, r#"{"title":"Invalid grant"}"#),
    ("nested", 400, r#"{"error":{"code":"invalid_grant"}}"#),
    (
        "nested deeper",
        400,
        r#"{"errors":[{"extensions":{"code":"invalid_client"}}]}"#,
    ),
    ("an array", 400, r#"[{"errorCode":"invalid_grant"}]"#),
    ("a string", 400, r#""invalid_grant""#),
    (
        "errorResponse",
        400,
        r#"{"errorResponse":{"error":"invalid_grant"}}"#,
    ),
    ("message", 400, r#"{"message":"Bad credentials"}"#),
    ("Message", 400, r#"{"Message":"BadCredentials"}"#),
    (
        "payload of text",
        200,
        r#"{"response_code":1,"payload":"Bad credentials"}"#,
    ),
    (
        "expired user",
        400,
        r#"{"error_description":"User account has expired"}"#,
    ),
    (
        "expired password",
        200,
        r#"{"resultMessage":"User credentials have expired"}"#,
    ),
    (
        "address, but bad credentials",
        401,
        r#"{"message":"Bad credentials of an IP address"}"#,
    ),
    (
        "client by another name",
        400,
        r#"{"error":"unauthorized_client","error_description":"Invalid client credentials"}"#,
    ),
    ("401 empty", 401, ""),
    ("401 page", 401, PAGE),
    ("401 XML", 401, "<error/>"),
    ("401 truncated", 401, "(truncated)"),
    ("401 too large", 401, "(too large)"),
    ("401 with a token", 401, "{%}"),
    ("401, blocked", 401, r#"{"resultMessage":"IP blocked"}"#),
    (
        "401, unauthorized_client",
        401,
        r#"{"error":"unauthorized_client"}"#,
    ),
    ("code 400 beside a token", 200, r#"{"resultCode":400,%}"#),
    (
        "code 401",
        200,
        r#"{"resultCode":"401","resultMessage":"Invalid"}"#,
    ),
    ("response code 401", 200, r#"{"response_code":401}"#),
    (
        "code 401 of the error",
        200,
        r#"{"error":{"code":401,"message":"no"}}"#,
    ),
    ("code 400 in 400", 400, r#"{"response_code":"400"}"#),
    (
        "code 401 in the envelope",
        200,
        r#"{"payload":{"resultCode":401}}"#,
    ),
    (
        "code 401 and a useless token",
        200,
        r#"{"code":401,"token":"null"}"#,
    ),
    (
        "page, 200",
        200,
        "<html><p class=error>Bad credentials</p></html>",
    ),
    ("page, 400", 400, "<html><h1>401 Unauthorized</h1></html>"),
    ("XML", 400, "<oauth><error>invalid_grant</error></oauth>"),
    ("plain text", 403, "invalid_client"),
    (
        "truncated",
        200,
        "(truncated){\"error\":\"unauthorized\",\"mess",
    ),
    (
        "truncated silently",
        400,
        r#"{"error":"invalid_grant","error_descr"#,
    ),
];

/// Rejected by guess, for credentials that are not known good.
pub(crate) const ROW_8: &[Row] = &[
    ("400", 400, r#"{"error":"invalid_request"}"#),
    ("400 empty", 400, ""),
    ("400 XML", 400, "<error>no</error>"),
    ("400 with a token", 400, "{%}"),
    ("403 with a reason", 403, r#"{"error":"access_denied"}"#),
    ("403 with a code", 403, r#"{"code":117}"#),
    ("403 with a code as text", 403, r#"{"code":"117"}"#),
    ("409", 409, "{}"),
    ("409 page", 409, PAGE),
    ("422", 422, r#"{"errors":["no"]}"#),
    ("code 7", 200, r#"{"resultCode":7}"#),
    (
        "code 117",
        200,
        r#"{"response_code":117,"payload":"Token is invalid."}"#,
    ),
    ("code 201", 200, r#"{"resultCode":201}"#),
    ("code -1", 200, r#"{"code":-1}"#),
    ("code in words", 200, r#"{"resultCode":"FAILED"}"#),
    ("code 0.5", 200, r#"{"resultCode":0.5}"#),
    ("code 409", 200, r#"{"code":409}"#),
    (
        "code 0, then 7",
        200,
        r#"{"resultCode":0,"payload":{"resultCode":7}}"#,
    ),
    ("error", 200, r#"{"error":"other"}"#),
    ("error true", 200, r#"{"error":true}"#),
    ("errorResponse", 200, r#"{"errorResponse":{"a":["b"]}}"#),
    (
        "code and a useless token",
        200,
        r#"{"resultCode":7,"token":"null"}"#,
    ),
    (
        "code and a token of another type",
        200,
        r#"{"resultCode":7,"token_type":"mac",%}"#,
    ),
];

/// Invalid.
pub(crate) const ROW_9: &[Row] = &[
    ("token type mac", 200, r#"{"token_type":"mac",%}"#),
    ("tokenType DPoP", 200, r#"{"tokenType":"DPoP",%}"#),
    ("token type 7", 200, r#"{"token_type":7,%}"#),
    ("null as text", 200, r#"{"token":"null"}"#),
    ("NULL", 201, r#"{"accessToken":" NULL "}"#),
    ("undefined", 200, r#"{"token":"undefined"}"#),
    ("quoted", 200, r#"{"token":"\"2YotnFZFEjr1zCsicMWpAA\""}"#),
    (
        "quoted otherwise",
        200,
        r#"{"token":"'2YotnFZFEjr1zCsicMWpAA'"}"#,
    ),
    ("only a scheme", 200, r#"{"token":"Bearer "}"#),
    ("two words", 200, r#"{"token":"two words"}"#),
    (
        "another scheme",
        200,
        r#"{"token":"Basic 2YotnFZFEjr1zCsicMWpAA"}"#,
    ),
    ("line end inside", 200, r#"{"token":"cr\r\nlf"}"#),
    ("not ASCII", 200, r#"{"token":"tök"}"#),
    ("NUL", 200, r#"{"token":"nul\u0000"}"#),
    (
        "expired",
        200,
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expires_in":0}"#,
    ),
    (
        "expired, negative",
        200,
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expires_in":"-1"}"#,
    ),
    (
        "expired by one of two",
        200,
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expires_in":60,"expiry":0}"#,
    ),
    (
        "truncated in the token",
        200,
        "(truncated){\"access_token\":\"2Yotn",
    ),
    (
        "truncated after the token",
        200,
        "(truncated){\"accessToken\" : \"2YotnFZFEjr1zCsicMWpAA\",\"exp",
    ),
    (
        "truncated silently",
        200,
        r#"{"resultCode":0,"payload":{"token":"2Yotn"#,
    ),
];

/// Unresolved, after a complete response.
pub(crate) const ROW_10: &[Row] = &[
    ("empty", 200, ""),
    ("blank", 200, " \r\n"),
    ("no content", 204, ""),
    ("plain text", 200, "OK"),
    ("XML", 200, "<ok/>"),
    ("an array", 200, "[{%}]"),
    ("null", 200, "null"),
    ("a string", 200, r#""2YotnFZFEjr1zCsicMWpAA""#),
    ("no token", 200, r#"{"expires_in":60}"#),
    (
        "no token, success",
        200,
        r#"{"resultCode":200,"resultMessage":"Success"}"#,
    ),
    (
        "an empty token",
        200,
        r#"{"access_token":" ","token":null}"#,
    ),
    ("a token that is a number", 200, r#"{"token":7}"#),
    ("only a refresh token", 200, r#"{"refresh_token":"abc"}"#),
    ("600", 600, "{%}"),
    ("code 7 beside a token", 200, r#"{"resultCode":7,%}"#),
    ("code 429 beside a token", 200, r#"{"resultCode":429,%}"#),
    ("code 504 beside a token", 200, r#"{"resultCode":504,%}"#),
    (
        "code in words beside a token",
        200,
        r#"{"resultCode":"FAILED",%}"#,
    ),
    (
        "code in the envelope",
        200,
        r#"{"response_code":1,"payload":{%}}"#,
    ),
    (
        "code inside the envelope",
        200,
        r#"{"resultCode":0,"payload":{"resultCode":7,%}}"#,
    ),
    ("error beside a token", 200, r#"{"error":"other",%}"#),
    (
        "errorResponse beside a token",
        200,
        r#"{"errorResponse":{"a":1},"payload":{%}}"#,
    ),
];

/// Unresolved, without a complete response.
pub(crate) const ROW_10_INCOMPLETE: &[Row] = &[
    ("truncated", 200, "(truncated)"),
    (
        "truncated before the token",
        200,
        "(truncated){\"access_token\":\"",
    ),
    ("truncated page", 403, "(truncated)<html>"),
    ("truncated silently", 200, r#"{"expires_in"#),
    ("too large", 200, "(too large)"),
    ("400 truncated", 400, "(truncated)"),
    ("403 too large", 403, "(too large)"),
    ("504", 504, ""),
    ("504 page", 504, PAGE),
    ("504 JSON", 504, r#"{"error":"timeout"}"#),
    ("520", 520, PAGE),
    ("522", 522, ""),
    ("524", 524, "(too large)"),
    ("code 504 in 200", 200, r#"{"resultCode":504}"#),
];
