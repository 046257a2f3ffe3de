/** Access tokens of Google's clouds: signed for by a service account, or given by the machine's metadata server; kept until they end. */
import { createSign } from 'node:crypto';
import got from 'got';
import { isObject, parseJson } from '../core/chat/json.ts';
import type { Instant } from '../core/shared/time.ts';
import type { Secret } from '../settings/secret.ts';

interface CachedToken {
  readonly token: string;
  /** When a new token is requested: a minute before expiry. */
  readonly refreshAt: Instant;
}

const scope = 'https://www.googleapis.com/auth/cloud-platform';
const lifetimeSeconds = 3_600;
const marginMs = 60_000;
const timeoutMs = 5_000;
/** Google's own clients read this variable, too. */
const metadataUrl = (): string =>
  `http://${process.env.GCE_METADATA_HOST ?? 'metadata.google.internal'}/computeMetadata/v1/instance/service-accounts/default/token`;

const tokens = new Map<string, CachedToken>();
const pending = new Map<string, Promise<string>>();

/** `key` is a service account's JSON, `metadata`, or a token itself. Rejects with the reason of the token endpoint, without the key. */
export function googleToken(key: Secret, at: Instant): string | Promise<string> {
  const value = key.reveal();
  const source = value === 'metadata' ? ('metadata' as const) : serviceAccount(value);
  if (source === undefined) return value;
  const known = tokens.get(key.fingerprint);
  if (known && at < known.refreshAt) return known.token;
  const inFlight = pending.get(key.fingerprint);
  if (inFlight) return inFlight;
  const request = fetchToken(source, at)
    .then(({ token, seconds }) => {
      tokens.set(key.fingerprint, { token, refreshAt: at + seconds * 1000 - marginMs });
      return token;
    })
    .finally(() => pending.delete(key.fingerprint));
  pending.set(key.fingerprint, request);
  return request;
}

interface ServiceAccount {
  readonly email: string;
  readonly privateKey: string;
  readonly keyId: string;
  readonly tokenUri: string;
}

/** The service account of a key file's JSON; undefined for anything else, such as a bearer token. */
export function serviceAccount(text: string): ServiceAccount | undefined {
  const value = text.trimStart().startsWith('{') ? parseJson(text) : undefined;
  if (!isObject(value) || typeof value.client_email !== 'string' || typeof value.private_key !== 'string') return undefined;
  return {
    email: value.client_email,
    privateKey: value.private_key,
    keyId: typeof value.private_key_id === 'string' ? value.private_key_id : '',
    tokenUri: typeof value.token_uri === 'string' ? value.token_uri : 'https://oauth2.googleapis.com/token',
  };
}

async function fetchToken(source: ServiceAccount | 'metadata', at: Instant): Promise<{ readonly token: string; readonly seconds: number }> {
  const options = {
    timeout: { request: timeoutMs },
    retry: { limit: 1, methods: ['GET' as const, 'POST' as const] },
    throwHttpErrors: false,
  };
  const response =
    source === 'metadata'
      ? await got(metadataUrl(), { ...options, headers: { 'metadata-flavor': 'Google' } })
      : await got.post(source.tokenUri, {
          ...options,
          form: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: assertionOf(source, at) },
        });
  const body = parseJson(response.body);
  if (isObject(body) && typeof body.access_token === 'string') {
    return { token: body.access_token, seconds: typeof body.expires_in === 'number' ? body.expires_in : lifetimeSeconds };
  }
  const why = isObject(body) && typeof body.error_description === 'string' ? `: ${body.error_description.slice(0, 200)}` : '';
  throw new Error(`${source === 'metadata' ? 'the metadata server' : source.tokenUri} answered ${response.statusCode}${why}`);
}

function assertionOf({ email, privateKey, keyId, tokenUri }: ServiceAccount, at: Instant): string {
  const seconds = Math.floor(at / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'RS256', typ: 'JWT', ...(keyId === '' ? {} : { kid: keyId }) });
  const text = `${head}.${part({ iss: email, scope, aud: tokenUri, iat: seconds, exp: seconds + lifetimeSeconds })}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
}
