// A real OAuth 2.0 provider (oidc-provider) for the tests of credentials: it takes each refresh token once, and ends the
// access when one comes again. Whoever comes to its pages agrees to everything. Usage: provider.mjs REDIRECT_URI
//
// `/me` is a resource that wants an access token, `/counts` says what was asked of the provider, `/outdate` makes the
// access tokens that are there worthless.

import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [redirectUri] = process.argv.slice(2);
const counts = { issued: 0, refused: 0, authorization_code: 0, refresh_token: 0, client_credentials: 0 };
const outdated = new Set();
const seen = new Set();

const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'flows&co',
      client_secret: 'hush-client-secret:with%signs',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      redirect_uris: [redirectUri],
      response_types: ['code'],
    },
  ],
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true } },
  interactions: { url: (_, interaction) => `/agree/${interaction.uid}` },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  scopes: ['openid', 'offline_access', 'mail'],
  // The first one of a grant is old at once, those that renew it are not.
  ttl: {
    AccessToken: (ctx) => (ctx.oidc.params.grant_type === 'authorization_code' ? 1 : 3600),
    AuthorizationCode: 60,
    ClientCredentials: 3600,
    Grant: 3600,
    Interaction: 60,
    RefreshToken: 3600,
    Session: 3600,
  },
});
provider.on('grant.success', (ctx) => {
  counts.issued += 1;
  counts[ctx.oidc.params.grant_type] += 1;
});
provider.on('grant.error', () => {
  counts.refused += 1;
});

async function agree(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'ada' } });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

async function me(request, response) {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  seen.add(token);
  const known =
    (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
  const good = known && !outdated.has(token);
  response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' });
  // What it was sent, as careless servers repeat it.
  response.end(JSON.stringify({ good: Boolean(good), sent: request.headers.authorization ?? null }));
}

function json(response, value) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

const oidc = provider.callback();
server.on('request', async (request, response) => {
  try {
    const path = request.url.split('?')[0];
    if (path.startsWith('/agree/')) await agree(request, response);
    else if (path === '/me') await me(request, response);
    else if (path === '/counts') json(response, counts);
    else if (path === '/outdate') {
      seen.forEach((token) => outdated.add(token));
      json(response, {});
    } else oidc(request, response);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});
console.log(`listening ${issuer}`);
