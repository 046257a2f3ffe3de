/** Whether providers answer and take our keys, by the one question that costs nothing: which models there are. */
import got from 'got';
import type { Account, Settings } from '../../gateway/settings.ts';
import { type Finding, ok, problem, warning } from './check.ts';

const timeoutMs = 8_000;
const skewMsMax = 30_000;

export async function checkProviders({ providers }: Settings): Promise<readonly Finding[]> {
  if (providers.size === 0) return [warning('providers', 'none: set OPENAI_API_KEY or another, or name them in hindcast.yaml')];
  return (await Promise.all([...providers.values()].map(checkAccount))).flat();
}

async function checkAccount(account: Account): Promise<readonly Finding[]> {
  const { name, provider, baseUrl, keys } = account;
  if (provider.play) return [ok(name, 'needs no network')];
  const path = modelsPath(account);
  if (path === undefined) return [warning(name, `not asked: ${provider.name} has no question that costs nothing`)];
  const asked = keys.length === 0 ? [undefined] : keys;
  const headersOf = (key: Account['keys'][number] | undefined): Record<string, string> => {
    if (!key) return { ...provider.headers };
    const credential: Record<string, string> =
      provider.auth === 'bearer' ? { authorization: `Bearer ${key.reveal()}` } : { [provider.auth]: key.reveal() };
    return { ...provider.headers, ...credential };
  };
  return Promise.all(
    asked.map(async (key, i) => {
      const what = keys.length > 1 ? `${name}, key ${i + 1}` : name;
      const options = { headers: headersOf(key), timeout: { request: timeoutMs }, retry: { limit: 0 }, throwHttpErrors: false } as const;
      try {
        const { statusCode, headers } = await got(`${baseUrl}${path}`, options);
        return verdict(what, baseUrl, statusCode, headers.date);
      } catch (error) {
        return problem(what, `${baseUrl} does not answer: ${error instanceof Error ? error.message : error}`);
      }
    }),
  );
}

/** Undefined where listing models is not part of the wire format, or wants a signed call. */
function modelsPath({ provider: { wire, auth } }: Account): string | undefined {
  if (auth === 'aws' || auth === 'google') return undefined;
  const paths: Readonly<Record<string, string>> = { openai: '/models', anthropic: '/v1/models', gemini: '/v1beta/models' };
  return paths[wire.split(/[-.]/, 1)[0]!];
}

function verdict(what: string, baseUrl: string, status: number, date: string | undefined): Finding {
  if (status === 401 || status === 403)
    return problem(what, `${baseUrl} refuses the key (${status}); is it this provider's, and still valid?`);
  if (status >= 500) return warning(what, `${baseUrl} answers ${status} just now`);
  const skewMs = date === undefined ? 0 : Date.now() - Date.parse(date);
  if (Math.abs(skewMs) > skewMsMax)
    return warning(
      what,
      `it answers, but this clock is ${Math.round(skewMs / 1000)} s off its own: limits that name a time will be misread`,
    );
  return status < 400
    ? ok(what, 'it answers and takes the key')
    : warning(what, `it answers ${status} when asked for its models; the key is not proved`);
}
