/** Checks that providers answer and accept the keys, by listing their models, which is free. */
import type { Account, Settings } from '../../gateway/settings/settings.ts';
import { modelsPath, requestModels } from '../../gateway/transport/models-request.ts';
import { type Finding, ok, problem, warning } from './check.ts';

const timeoutMs = 8_000;
const skewMsMax = 30_000;

export async function checkProviders({ providers }: Settings): Promise<readonly Finding[]> {
  if (providers.size === 0) return [warning('providers', 'none: set OPENAI_API_KEY or another, or name them in hindcast.yaml')];
  return (await Promise.all([...providers.values()].map(checkAccount))).flat();
}

async function checkAccount(account: Account): Promise<readonly Finding[]> {
  const { name, provider, baseUrl, keys } = account;
  if (provider.simulate) return [ok(name, 'needs no network')];
  const path = modelsPath(account);
  if (path === undefined) return [warning(name, `not checked: ${provider.name} has no request that costs nothing`)];
  const keysToCheck = keys.length === 0 ? [undefined] : keys;
  return Promise.all(
    keysToCheck.map(async (key, i) => {
      const what = keys.length > 1 ? `${name}, key ${i + 1}` : name;
      const result = await requestModels(path, account, key, timeoutMs);
      return 'status' in result
        ? findingFor(what, baseUrl, result.status, result.date)
        : problem(what, `${baseUrl} does not answer: ${result.problem}`);
    }),
  );
}

function findingFor(what: string, baseUrl: string, status: number, date: string | undefined): Finding {
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
    : warning(what, `it answers ${status} to a request for its models; the key is not verified`);
}
