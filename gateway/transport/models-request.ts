/** The request for the model list, which costs nothing; used by doctor and probes. */
import got from 'got';
import type { Milliseconds } from '../core/shared/time.ts';
import type { Secret } from '../settings/secret.ts';
import type { Account } from '../settings/settings.ts';
import { isPrivateHost, publicLookup } from './address-guard.ts';

/** Its status, or why there is none. */
export type ModelsResponse =
  | { readonly status: number; readonly date: string | undefined }
  | { readonly problem: string; readonly isLate: boolean };

/** Undefined where listing models is not part of the wire format, wants a signed call, or needs no network. */
export function modelsPath({ provider: { wire, auth, simulate } }: Pick<Account, 'provider'>): string | undefined {
  if (auth === 'aws' || auth === 'google' || simulate) return undefined;
  const paths: Readonly<Record<string, string>> = { openai: '/models', anthropic: '/v1/models', gemini: '/v1beta/models' };
  return paths[wire.split(/[-.]/, 1)[0]!];
}

/** Only the head of the answer is waited for: some lists of models are long. */
export function requestModels(path: string, account: Account, key: Secret | undefined, timeoutMs: Milliseconds): Promise<ModelsResponse> {
  const { provider, baseUrl, query, allowPrivate } = account;
  const url = `${baseUrl}${path}${query === undefined ? '' : `?${query}`}`;
  if (!allowPrivate && isPrivateHost(new URL(url).hostname)) {
    return Promise.resolve({ problem: 'private addresses need allow_private: true', isLate: false });
  }
  const { promise, resolve } = Promise.withResolvers<ModelsResponse>();
  const stream = got.stream(url, {
    headers: { ...provider.headers, ...credentialHeaders(provider.auth, key) },
    timeout: { response: timeoutMs },
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    ...(allowPrivate ? {} : { dnsLookup: publicLookup as never }),
  });
  stream.once('response', ({ statusCode, headers }: { statusCode: number; headers: { date?: string } }) => {
    resolve({ status: statusCode, date: headers.date });
    stream.destroy();
  });
  stream.once('error', (error: Error & { code?: string }) => resolve({ problem: error.message, isLate: error.code === 'ETIMEDOUT' }));
  return promise;
}

function credentialHeaders(auth: Account['provider']['auth'], key: Secret | undefined): Record<string, string> {
  if (!key) return {};
  return auth === 'bearer' ? { authorization: `Bearer ${key.reveal()}` } : { [auth]: key.reveal() };
}
