// Fetches a token and makes a call with oauth4webapi, as it comes, and credentials that are none.
//
//     password.mjs BASE MODULE
//
// prints what it got.

const [base, module] = process.argv.slice(2);
const oauth = await import(module);

const server = { issuer: base, token_endpoint: `${base}/oauth/token` };
const client = { client_id: "dummy" };
// Loopback has no TLS.
const options = { [oauth.allowInsecureRequests]: true };

async function grant(type, parameters) {
  const authentication = oauth.ClientSecretBasic("dummy-secret");
  const response = await oauth.genericTokenEndpointRequest(
    server, client, authentication, type, parameters, options,
  );
  return oauth.processGenericTokenEndpointResponse(server, client, response);
}

const token = await grant("password", { username: "dummy", password: "dummy-password" });
const refreshed = await grant("refresh_token", { refresh_token: token.refresh_token });
const response = await oauth.protectedResourceRequest(
  token.access_token, "GET", new URL(`${base}/api/v0/any`), undefined, undefined, options,
);
await response.text();
console.log(JSON.stringify({
  token: token.access_token,
  lifetime: token.expires_in,
  refreshed: refreshed.access_token,
  status: response.status,
}));
