/** Signatures are those of AWS's own library, and Google's tokens are requested once and kept. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../../gateway/settings/secret.ts';
import { sign } from '../../../gateway/transport/aws-signature.ts';
import { googleToken } from '../../../gateway/transport/google-token.ts';
import { runs } from '../../runs.ts';

describe('AWS Signature Version 4', () => {
  const url = fc.record({
    model: fc.string({ minLength: 1, maxLength: 20 }),
    query: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 3 }),
  });
  const credentials = fc.record(
    {
      accessKeyId: fc.stringMatching(/^AKIA[A-Z0-9]{16}$/),
      secretAccessKey: fc.base64String(),
      sessionToken: fc.base64String({ minLength: 4 }),
    },
    { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
  );

  test('is the one that @smithy/signature-v4 makes, whatever the path, query, body and time', async () => {
    await fc.assert(
      fc.asyncProperty(url, credentials, fc.string(), fc.nat(4_000_000_000_000), async ({ model, query }, keys, body, at) => {
        const address = new URL(`https://bedrock-runtime.us-east-1.amazonaws.com/model/${encodeURIComponent(model)}/converse`);
        for (const [name, value] of Object.entries(query)) address.searchParams.append(name, value);
        const known = new SignatureV4({ service: 'bedrock', region: 'us-east-1', credentials: keys, sha256: Sha256 });
        const { headers } = await known.sign(
          {
            method: 'POST',
            protocol: 'https:',
            hostname: address.hostname,
            path: address.pathname,
            query: Object.fromEntries(address.searchParams),
            headers: { host: address.host, 'content-type': 'application/json' },
            body,
          },
          { signingDate: new Date(at) },
        );
        const ours = sign(
          { url: address.href, body, headers: { 'content-type': 'application/json' } },
          keys,
          { region: 'us-east-1', service: 'bedrock' },
          at,
        );
        const { host: _, 'content-type': __, ...expected } = headers;
        expect(ours).toEqual(expected);
      }),
      {
        ...runs(100, 5_000),
        // Sorted as written out, the second of these names would come first.
        examples: [[{ model: 'm', query: { a: '', 'a ': '' } }, { accessKeyId: 'AKIA0000000000000000', secretAccessKey: '' }, '', 0]],
      },
    );
  });
});

describe("Google's tokens", () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const requested: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += chunk;
    });
    request.on('end', () => {
      const form = new URLSearchParams(body);
      requested.push(form);
      const good = requested.length < 3;
      response.writeHead(good ? 200 : 400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(good ? { access_token: `token-${requested.length}`, expires_in: 3600 } : { error_description: 'no such account' }),
      );
    });
  });
  let uri = '';
  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });
  afterAll(() => server.close());

  test("are requested once with the service account's signature, cached, and renewed before expiry", async () => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const key = new Secret(JSON.stringify({ client_email: 'a@b.example', private_key: pem, private_key_id: 'k1', token_uri: uri }));
    const at = 1_790_000_000_000;
    expect(await Promise.all([googleToken(key, at), googleToken(key, at)])).toEqual(['token-1', 'token-1']);
    expect(googleToken(key, at + 3_500_000)).toBe('token-1');
    const [head = '', claims = '', signature = ''] = requested[0]!.get('assertion')!.split('.');
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
      iss: 'a@b.example',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: uri,
      iat: at / 1000,
      exp: at / 1000 + 3600,
    });
    expect(verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
    expect(await googleToken(key, at + 3_541_000)).toBe('token-2');
    await expect(googleToken(key, at + 10_000_000)).rejects.toThrow('answered 400: no such account');
  });

  test('may be given as they are', () => expect(googleToken(new Secret('ya29.token'), 0)).toBe('ya29.token'));
});
