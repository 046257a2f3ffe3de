/** AWS Signature Version 4: the headers that prove a POST, over its path, query, body and time. */
import { createHash, createHmac } from 'node:crypto';
import type { Instant } from '../core/shared/time.ts';

export interface SigningRequest {
  readonly url: string;
  readonly body: string | Uint8Array;
  /** Names are lower-case; the content type is signed, the rest may change on the way. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that end. */
  readonly sessionToken?: string;
}

export interface Scope {
  readonly region: string;
  readonly service: string;
}

export function sign(request: SigningRequest, credentials: Credentials, scope: Scope, at: Instant): Record<string, string> {
  const url = new URL(request.url);
  const timestamp = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = timestamp.slice(0, 8);
  const hash = sha256(request.body);
  const { 'content-type': type } = request.headers;
  const added = {
    'x-amz-date': timestamp,
    'x-amz-content-sha256': hash,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  };
  const signed: Record<string, string> = { host: url.host, ...(type === undefined ? {} : { 'content-type': type }), ...added };
  const names = Object.keys(signed).toSorted();
  const canonical = [
    'POST',
    pathOf(url),
    queryOf(url),
    ...names.map(name => `${name}:${signed[name]!.trim().replace(/\s+/g, ' ')}`),
    '',
    names.join(';'),
    hash,
  ].join('\n');
  const credentialScope = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', timestamp, credentialScope, sha256(canonical)].join('\n');
  const key = [day, scope.region, scope.service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${credentialScope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...added, authorization };
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Everything but letters, digits and `-_.~`; the path of a call is encoded twice, for it is encoded already. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const pathOf = ({ pathname }: URL): string => pathname.split('/').map(encode).join('/');

/** In the order of the encoded names, then values: `a=` sorts after `a%20=` once both are written out. */
const queryOf = ({ searchParams }: URL): string =>
  [...searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
    .map(pair => pair.join('='))
    .join('&');

/** By code units, as AWS sorts; never by a locale. */
const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
